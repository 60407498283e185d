// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	readyTimeout = time.Minute
	readyPoll    = time.Millisecond
	// idleAfter is how long a service is left alone before it counts as idle.
	idleAfter = 3 * time.Second
)

// instance is a running service.
type instance struct {
	url     string // base URL
	pid     int
	ready   time.Duration // from its start to its first answer
	command *exec.Cmd
	exited  chan error
	logFile *os.File
}

// environment is all that the service sees. The process's own settings are not
// handed on, so that nothing but the defaults is measured.
func (b *bench) environment(settings ...string) []string {
	kept := []string{"SECRET_KEY=secret-of-the-benchmark-0123456789", "ADMIN_TOKEN=" + adminToken, "TZ=UTC",
		"DATA_DIR=" + filepath.Join(b.dir, "data")}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return append(kept, settings...)
}

// serve starts the service with settings and waits for an answer that needed
// the database.
func (b *bench) serve(ctx context.Context, settings ...string) (*instance, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.dir, "service.log"))
	if err != nil {
		return nil, err
	}
	s := &instance{url: "http://" + address, logFile: log, exited: make(chan error, 1)}
	host, port, _ := net.SplitHostPort(address)
	s.command = exec.Command(b.binary, "serve")
	s.command.Env = b.environment(append(settings, "HOST="+host, "PORT="+port)...)
	s.command.Stdout, s.command.Stderr = log, log
	s.command.SysProcAttr = processAttributes()
	started := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the service: %w", err), log.Close())
	}
	s.pid = s.command.Process.Pid
	go func() { s.exited <- s.command.Wait() }()
	if err := s.waitReady(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.ready = time.Since(started)
	return s, nil
}

// serveOn starts the service on a database of ours.
func (b *bench) serveOn(ctx context.Context, databaseURL string) (*instance, error) {
	return b.serve(ctx, "DATABASE_URL="+databaseURL)
}

// freeAddress returns an address on which nobody listens right now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (s *instance) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/client/me", nil)
		if err != nil {
			return err
		}
		request.Header.Set("X-API-KEY", adminToken)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the service did not answer: %w%s", ctx.Err(), s.lastWords())
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("the service ended: %v%s", err, s.lastWords())
		case <-time.After(readyPoll):
		}
	}
}

// lastWords is the end of what the service logged.
func (s *instance) lastWords() string {
	text, err := os.ReadFile(s.logFile.Name())
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; it logged: " + string(text[max(0, len(text)-1000):])
}

// stop ends the service and waits for it.
func (s *instance) stop() error {
	defer s.logFile.Close()
	_ = s.command.Process.Signal(syscall.SIGTERM) // it fails when the service has ended, which is what we wait for
	select {
	case err := <-s.exited:
		return err
	case <-time.After(stopTimeout):
		return errors.Join(errors.New("the service did not stop and was killed"), s.command.Process.Kill())
	}
}
