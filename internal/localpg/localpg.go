// Package localpg runs a private PostgreSQL server in a folder, from the
// PostgreSQL binaries of the system: the database of an instance that has none
// configured, and of the tests.
//
// The server listens on a Unix socket only, in a folder that nobody but its own
// user (and root) may enter. It belongs to the process that started it and
// stops with it; what it stores stays and is found again at the next start.
//
// Below Options.Dir the package keeps:
//
//	postgres/         owned by the user the server runs as
//	postgres/data     the cluster
//	postgres/socket   the socket, unless the path is too long for one
//	postgres.lock     names the process that holds the folder
//	postgres.log      what the server reports
//	postgres-16       binaries, only if they had to be fetched
package localpg

import (
	"errors"
	"fmt"
	"log/slog"
)

// Database is the name of the database that Start makes sure exists.
const Database = "statsservice"

// minMajor is the oldest PostgreSQL that is supported.
const minMajor = 12

// ErrNoBinaries is returned by Start when this machine has no PostgreSQL
// server and none could be fetched.
var ErrNoBinaries = errors.New("no PostgreSQL server was found on this machine: install one " +
	"(for example `apt-get install postgresql` or `brew install postgresql@16`)")

// ErrNoDatabase is returned by Start with Options.Existing when the folder has no
// database.
var ErrNoDatabase = errors.New("the folder has no database")

// ErrNotRunning is returned by Attach when no server of the folder accepts
// connections to the database.
var ErrNotRunning = errors.New("no PostgreSQL server of this service is running")

// Options say where and how a server runs. Only Dir is required.
type Options struct {
	// Dir is the folder to keep everything in. It is created when missing.
	Dir string
	// Existing keeps Start from making a database: the error is ErrNoDatabase where
	// there is none.
	Existing bool
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// Fetch allows PostgreSQL binaries to be downloaded when the system has none.
	Fetch bool
	// Settings are server settings that override the defaults of this package.
	Settings map[string]string
	// NoSync creates the cluster without waiting for the disk. For tests.
	NoSync bool
	// DieWithParent ends the server when this process is killed, where the
	// operating system can do that (Linux). Otherwise the server survives and
	// the next Start takes it over.
	DieWithParent bool

	search   []string // folders to look for binaries in; nil means those of the system
	fetchURL string   // repository to fetch binaries from; "" means the public one
}

// logger returns Log or a logger that discards.
func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// HeldError is returned by Start when another live process holds the folder.
type HeldError struct {
	Dir string
	PID int // 0 when the holder has not said
}

func (e *HeldError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("the database in %s is in use by %s: stop that process first, "+
		"or set DATA_DIR to another folder", e.Dir, holder)
}

// UnreachableError is returned by Start, run as root, when the unprivileged
// user that the server has to run as may not enter a folder on the way to Dir.
type UnreachableError struct {
	Dir    string // what has to be reached
	Folder string // what is in the way
	User   string
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("PostgreSQL does not run as root, and the user %s that it runs as instead cannot reach %s "+
		"because %s is closed to other users: set DATA_DIR to a folder that is open to them "+
		"(for example /var/lib/stats-service), run `chmod o+x %s`, or run the service as an ordinary user",
		e.User, e.Dir, e.Folder, e.Folder)
}
