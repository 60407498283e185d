// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// shortTimeout replaces a timeout that a test waits for, and generous is how long it waits.
const (
	shortTimeout = 50 * time.Millisecond
	generous     = time.Minute
)

// startServer serves on a server of the service, after a change of its timeouts, and
// returns a connection to it.
func startServer(t *testing.T, handler http.HandlerFunc, change func(*http.Server)) net.Conn {
	t.Helper()
	f := &front{log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	server := httptest.NewUnstartedServer(nil)
	server.Config = f.newServer(handler)
	change(server.Config)
	server.Start()
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(generous)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// wantTimeout fails the test unless the service sets the timeout, which it then shortens.
func wantTimeout(t *testing.T, timeout *time.Duration, want time.Duration) {
	t.Helper()
	if *timeout != want {
		t.Errorf("the timeout is %s, want %s", *timeout, want)
	}
	*timeout = shortTimeout
}

// wantClosed reads a connection until the server closes it.
func wantClosed(t *testing.T, conn io.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open, after %q", rest)
	}
}

// TestHeaderTimeout closes connections whose request never ends its headers, or never
// begins them.
func TestHeaderTimeout(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"", "GET / HTTP/1.1\r\nHost: stats\r\nX-Slow: "} {
		conn := startServer(t, http.NotFound, func(s *http.Server) { wantTimeout(t, &s.ReadHeaderTimeout, 10*time.Second) })
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, conn)
	}
}

// TestIdleTimeout closes a connection after its request has been answered.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	conn := startServer(t, http.NotFound, func(s *http.Server) { wantTimeout(t, &s.IdleTimeout, 2*time.Minute) })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: stats\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusNotFound {
		t.Fatalf("status %d: %v", response.StatusCode, err)
	}
	wantClosed(t, reader)
}

// TestAnswerTimeout ends an answer that its caller does not read.
func TestAnswerTimeout(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	answer := func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 1<<16); ; {
			if _, err := w.Write(piece); err != nil {
				ended <- err
				return
			}
		}
	}
	conn := startServer(t, answer, func(s *http.Server) { wantTimeout(t, &s.WriteTimeout, 10*time.Minute) })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: stats\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the answer ended with %v", err)
		}
	case <-time.After(generous):
		t.Error("the answer has not ended")
	}
}
