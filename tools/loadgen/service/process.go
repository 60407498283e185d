// SPDX-License-Identifier: AGPL-3.0-or-later

// Package service builds the service and runs it as a process, for programs that measure
// it or test its robustness.
package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// AdminToken is the API key of the admin client of every process.
const AdminToken = "loadgen-admin-token-0123456789"

const (
	mainPackage  = "github.com/monarc-project/stats-service/cmd/stats-service"
	readyTimeout = time.Minute
	readyPoll    = time.Millisecond
	stopTimeout  = time.Minute
)

// Build builds the service to the file at path.
func Build(ctx context.Context, path string) error { return BuildPackage(ctx, mainPackage, path) }

// BuildPackage builds a program of this workspace to the file at path.
func BuildPackage(ctx context.Context, name, path string) error {
	if err := Output(exec.CommandContext(ctx, "go", "build", "-o", path, name)); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return nil
}

// Output runs a command. Its error includes the output of the command.
func Output(command *exec.Cmd) error {
	text, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// Environment returns the whole environment of the service: the given settings, without
// those of this process. All other settings have their defaults.
func Environment(settings ...string) []string {
	kept := []string{"SECRET_KEY=secret-of-the-load-generator-0123456789", "ADMIN_TOKEN=" + AdminToken, "TZ=UTC"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return append(kept, settings...)
}

// Options say how to run a process.
type Options struct {
	Binary  string
	Env     []string // see Environment
	Address string   // host:port to listen on; empty: a free one
	Log     string   // file that the log is appended to
}

// Process is a running service.
type Process struct {
	URL   string // base URL
	PID   int
	Ready time.Duration // from its start to its first answer, once AwaitReady has returned

	started time.Time
	ended   chan struct{} // closed when the process has ended
	err     error         // of its end
	command *exec.Cmd
	log     *os.File
}

// Start starts the service and does not wait for it.
func Start(o Options) (*Process, error) {
	if o.Address == "" {
		var err error
		if o.Address, err = FreeAddress(); err != nil {
			return nil, err
		}
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(o.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &Process{URL: "http://" + o.Address, log: log, ended: make(chan struct{}), started: time.Now()}
	p.command = exec.Command(o.Binary, "serve")
	p.command.Env = append(o.Env, "HOST="+host, "PORT="+port)
	p.command.Stdout, p.command.Stderr = log, log
	p.command.SysProcAttr = processAttributes()
	started := make(chan error)
	go func() {
		// The kernel counts the end of the starting thread as the death of the parent,
		// so the thread has to stay as long as the service.
		runtime.LockOSThread()
		err := p.command.Start()
		started <- err
		if err == nil {
			p.err = p.command.Wait()
			close(p.ended)
		}
		_ = log.Close()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the service: %w", err)
	}
	p.PID = p.command.Process.Pid
	return p, nil
}

// FreeAddress returns an address that is free right now.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// AwaitReady waits for an answer that needs the database.
func (p *Process) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/api/v1/client/me", nil)
		if err != nil {
			return err
		}
		request.Header.Set("X-API-KEY", AdminToken)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				p.Ready = time.Since(p.started)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the service did not answer: %w%s", ctx.Err(), p.LogTail())
		case <-p.ended:
			return fmt.Errorf("the service ended: %v%s", p.err, p.LogTail())
		case <-time.After(readyPoll):
		}
	}
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// LogTail returns the end of the service's log, for error messages.
func (p *Process) LogTail() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; it logged: " + string(text[max(0, len(text)-1000):])
}

// Dump ends the service and makes it log the stacks of its goroutines.
func (p *Process) Dump() {
	_ = p.command.Process.Signal(syscall.SIGQUIT) // fails when the service has ended, which is waited for
	<-p.ended
}

// Kill kills the service and waits for its end.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // fails when the service has ended, which is waited for
	<-p.ended
}

// Stop shuts the service down cleanly and waits for its end.
func (p *Process) Stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM) // as in Kill
	select {
	case <-p.ended:
		return p.err
	case <-time.After(stopTimeout):
		p.Kill()
		return errors.New("the service did not stop and was killed")
	}
}
