// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/monarc-project/stats-service/internal/localpg"
)

// superviseVariable, set in the environment of a test binary, makes it the
// supervisor of the server in the folder that the variable names.
const superviseVariable = "STATS_SERVICE_TEST_SUPERVISE"

// The files in the folder of the shared server. The operating system releases the locks
// of a process however it ends, so no counter of users is needed.
const (
	usersLock      = "users.lock"      // shared by the test binaries while they run
	startLock      = "start.lock"      // held by the one that starts the server or creates a template
	supervisorLock = "supervisor.lock" // held by the supervisor while it runs
	clusterFolder  = "server"
	supervisorLog  = "supervisor.log"
)

// session distinguishes the databases of this process from those of an earlier one with
// the same process id.
var session = strings.ToLower(rand.Text()[:6])

// settings trade durability for speed: the data is temporary. Autovacuum is off because
// it would at times be connected to a template, which then cannot be copied.
var settings = map[string]string{
	"fsync":              "off",
	"full_page_writes":   "off",
	"synchronous_commit": "off",
	"autovacuum":         "off",
	"max_connections":    "1000",
	"shared_buffers":     "64MB",
}

// sharedFolder returns the folder of the server. Builds with other settings have another
// one.
func sharedFolder() string {
	hash := sha256.Sum256(fmt.Append(nil, settings))
	return filepath.Join(os.TempDir(), fmt.Sprintf("stats-service-test-server-%d-%s", os.Getuid(), hex.EncodeToString(hash[:4])))
}

// join makes this process a user of the shared server and starts it if there
// is none. The server lives at least until leave is called.
func join(schema Schema) (s *server, leave func(), err error) {
	dir := sharedFolder()
	users, err := enter(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = users.Close()
		}
	}()
	start := flock.New(filepath.Join(dir, startLock))
	if err := start.Lock(); err != nil {
		return nil, nil, err
	}
	defer start.Close()
	if err := ensureSupervisor(dir); err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	address, err := localpg.Attach(ctx, filepath.Join(dir, clusterFolder))
	if err != nil {
		return nil, nil, err
	}
	s = &server{urlFor: databasesOf(address), maintenance: "postgres"}
	leave = func() { _ = users.Close() } // so does the end of the process
	return s, leave, s.prepare(ctx, schema)
}

// enter takes a share of the users' lock. A supervisor that ends holds that lock
// while it removes the folder, so the lock may be one on a removed file.
func enter(dir string) (*flock.Flock, error) {
	for {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, err
		}
		// Under root, the server runs as another user, who must be able to enter.
		if err := os.Chmod(dir, 0o711); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		path := filepath.Join(dir, usersLock)
		users := flock.New(path)
		err := users.RLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil && isAt(users, path) {
			return users, nil
		}
		_ = users.Close()
	}
}

func isAt(lock *flock.Flock, path string) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(locked, there)
}

func databasesOf(address string) func(database string) string {
	return func(database string) string {
		parsed, err := url.Parse(address)
		if err != nil {
			return address // connecting to it reports the same error
		}
		parsed.Path = "/" + database
		return parsed.String()
	}
}

// ensureSupervisor starts a supervisor if none runs, and returns when its server accepts
// connections. The supervisor is this test binary: there is no other program.
func ensureSupervisor(dir string) error {
	running := flock.New(filepath.Join(dir, supervisorLock))
	free, err := running.TryLock()
	if err != nil || !free {
		return err
	}
	if err := running.Close(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, supervisorLog))
	if err != nil {
		return err
	}
	defer log.Close()
	supervisor := exec.Command(program)
	supervisor.Dir = os.TempDir()
	supervisor.Env = append(os.Environ(), superviseVariable+"="+dir)
	supervisor.Stderr = log // the go command would wait for an inherited one
	ready, err := supervisor.StdoutPipe()
	if err != nil {
		return err
	}
	if err := supervisor.Start(); err != nil {
		return err
	}
	failure, err := io.ReadAll(ready) // until the supervisor closes it or ends
	if err == nil && !bytes.Equal(failure, []byte(readyMessage)) {
		err = fmt.Errorf("start the server: %s", failure)
	}
	return errors.Join(err, supervisor.Process.Release())
}

// readyMessage is what a supervisor writes when its server accepts connections.
const readyMessage = "ready"

// supervise runs the server that the test binaries share, and stops it after the last of
// them has ended. It is a separate process, because a test binary may end or be killed
// while others still use the server.
func supervise(dir string) int {
	signal.Ignore(os.Interrupt, syscall.SIGHUP) // meant for the test binaries; the supervisor ends after them
	running := flock.New(filepath.Join(dir, supervisorLock))
	defer running.Close() // without a reference the garbage collector would unlock it
	if free, err := running.TryLock(); err != nil || !free {
		fmt.Printf("lock %s: %v, free: %t", running.Path(), err, free)
		return 1
	}
	server, err := startServer(filepath.Join(dir, clusterFolder))
	if err != nil {
		fmt.Print(err)
		return 1
	}
	fmt.Print(readyMessage)
	if err := os.Stdout.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	users := flock.New(filepath.Join(dir, usersLock))
	defer users.Close() // as above
	alone := make(chan error)
	go func() { alone <- users.Lock() }()
	select {
	case err = <-alone:
	case <-server.Done():
		err = errors.New("the server ended unexpectedly")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := errors.Join(server.Stop(ctx), os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startServer starts the server with a new cluster: without fsync, the files of an earlier
// one may be damaged. It takes over a server that is still running.
func startServer(dir string) (*localpg.Server, error) {
	ctx := context.Background()
	if _, err := localpg.Attach(ctx, dir); errors.Is(err, localpg.ErrNotRunning) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	return localpg.Start(ctx, localpg.Options{
		Dir: dir, NoSync: true, DieWithParent: true, Settings: settings, Mirror: os.Getenv("POSTGRES_MIRROR"),
	})
}
