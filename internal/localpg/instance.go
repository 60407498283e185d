// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// instance is one server process, started by this process or taken over.
type instance struct {
	pid       int
	socketDir string
	logPath   string
	logStart  int64         // offset in the log at which this server's messages begin
	done      chan struct{} // closed when the process has ended
	alive     func() bool   // whether pid is still this server
}

// exitedError reports that the server exited during startup.
type exitedError struct{ report string }

func (e *exitedError) Error() string {
	if e.report == "" {
		return "the server exited at once"
	}
	return "the server exited at once; the end of its log:\n" + e.report
}

// launch starts the server process and returns without waiting for it to
// accept connections.
func launch(place layout, acct account, bin binaries, socketDir string, o Options) (*instance, error) {
	logFile, logStart, err := openLog(place.log(), acct)
	if err != nil {
		return nil, fmt.Errorf("open the log of the database: %w", err)
	}
	defer logFile.Close()
	// Not bound to the context: the server outlives the call that starts it.
	cmd := command(context.Background(), acct, place.home(), bin.path("postgres"),
		serverArguments(place, socketDir, o.Settings)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if o.DieWithParent {
		dieWithParent(cmd.SysProcAttr)
	}
	in := &instance{socketDir: socketDir, logPath: place.log(), logStart: logStart, done: make(chan struct{})}
	in.alive = func() bool { return !closed(in.done) }
	started := make(chan error)
	go func() {
		// The kernel treats the end of the starting thread as the death of the parent,
		// so the thread must live as long as the server.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the log says how it ended
			close(in.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start PostgreSQL %s: %w", bin.version, err)
	}
	in.pid = cmd.Process.Pid
	return in, nil
}

// watch monitors a server that is not a child of this process.
func watch(pm postmaster, place layout) *instance {
	in := &instance{pid: pm.pid, socketDir: pm.socketDir, logPath: place.log(), done: make(chan struct{})}
	in.alive = func() bool { return lives(pm.pid, place.cluster()) }
	go func() {
		for in.alive() {
			time.Sleep(10 * pollInterval)
		}
		close(in.done)
	}()
	return in
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// waitReady waits until the server accepts connections. It returns an *exitedError if
// the server exits instead.
func (in *instance) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ping(ctx, in.socketDir)
		if err == nil {
			return nil
		}
		select {
		case <-in.done:
			return &exitedError{report: logTail(in.logPath, in.logStart)}
		case <-ctx.Done():
			return fmt.Errorf("it does not accept connections: %w (%w)\n%s",
				err, ctx.Err(), logTail(in.logPath, in.logStart))
		case <-tick.C:
		}
	}
}

// stop shuts the server down cleanly. If that takes longer than ctx and stopTimeout
// allow, it stops the server immediately; the server then recovers at its next start.
func (in *instance) stop(ctx context.Context) error {
	in.signal(syscall.SIGINT)
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	select {
	case <-in.done:
		return nil
	case <-ctx.Done():
	}
	// The error does not say how long it waited: ctx may have been cancelled from the
	// start.
	if in.endsAfter(syscall.SIGQUIT) || in.endsAfter(syscall.SIGKILL) {
		return fmt.Errorf("PostgreSQL (process %d) did not shut down in time and was stopped immediately; "+
			"it recovers at its next start", in.pid)
	}
	return fmt.Errorf("PostgreSQL (process %d) does not end: stop it with `kill -QUIT %d`", in.pid, in.pid)
}

// endsAfter sends the signal and reports whether the server then ends. PostgreSQL
// itself gives its children 5 seconds on SIGQUIT.
func (in *instance) endsAfter(sig syscall.Signal) bool {
	in.signal(sig)
	select {
	case <-in.done:
		return true
	case <-time.After(10 * time.Second):
		return false
	}
}

func (in *instance) signal(sig syscall.Signal) {
	if in.alive() {
		_ = syscall.Kill(in.pid, sig) // it may have just ended, which is fine
	}
}

// removeSocketDir removes a socket folder outside of the home; one inside stays for the
// next start.
func (in *instance) removeSocketDir(place layout) {
	if filepath.Dir(in.socketDir) == place.home() {
		return
	}
	if err := os.Remove(in.socketDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return // not empty: something else is using it
	}
}
