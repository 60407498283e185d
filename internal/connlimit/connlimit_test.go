// SPDX-License-Identifier: AGPL-3.0-or-later

package connlimit_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/monarc-project/stats-service/internal/connlimit"
)

// server answers with 200 behind limits.
type server struct {
	address string
	closed  atomic.Int64 // connections that the limiter closed
	idle    sync.Map     // remote address of a connection to a channel: it became idle
}

func serve(t *testing.T, limits connlimit.Limits) *server {
	t.Helper()
	var s server
	limiter := connlimit.New(limits, func() { s.closed.Add(1) })
	started := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	started.Config.ConnState = func(conn net.Conn, state http.ConnState) { // httptest calls it from its own function
		limiter.Track(conn, state)
		if state == http.StateIdle {
			s.becameIdle(conn.RemoteAddr()) <- struct{}{}
		}
	}
	started.Start()
	t.Cleanup(started.Close)
	s.address = started.Listener.Addr().String()
	return &s
}

func (s *server) becameIdle(remote net.Addr) chan struct{} {
	events, _ := s.idle.LoadOrStore(remote.String(), make(chan struct{}, 1))
	return events.(chan struct{})
}

// dial opens a connection from an address of the loopback network.
func dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

const request = "GET / HTTP/1.1\r\nHost: stats\r\n\r\n"

// answers reports whether a request on the connection is answered, and waits until the
// connection is idle again.
func (s *server) answers(conn net.Conn) bool {
	if !answers(conn) {
		return false
	}
	<-s.becameIdle(conn.LocalAddr())
	return true
}

// answers reports whether a request on the connection is answered.
func answers(conn net.Conn) bool {
	if _, err := fmt.Fprint(conn, request); err != nil {
		return false
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}

// TestConnectionsAreLimited checks that connections beyond a limit are closed, and that new ones are
// accepted when others end.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limits connlimit.Limits
		third  string // address of the third connection
		within bool   // whether that is within the limits
		closed int64  // how many connections are closed then
	}{
		"one address":       {connlimit.Limits{PerAddress: 2}, "127.0.0.2", false, 1},
		"several addresses": {connlimit.Limits{PerAddress: 2}, "127.0.0.3", true, 0},
		"in all":            {connlimit.Limits{Total: 2}, "127.0.0.4", true, 1}, // one that is idle
		"no limits":         {connlimit.Limits{}, "127.0.0.2", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tc.limits)
			first, second := dial(t, "127.0.0.2", s.address), dial(t, "127.0.0.2", s.address)
			if !s.answers(first) || !s.answers(second) {
				t.Fatal("connections within the limits are not answered")
			}
			if got := s.answers(dial(t, tc.third, s.address)); got != tc.within {
				t.Errorf("the third connection is answered: %t, want %t", got, tc.within)
			}
			if got := s.closed.Load(); got != tc.closed {
				t.Errorf("%d connections were closed, want %d", got, tc.closed)
			}
			_ = first.Close()
			for !s.answers(dial(t, "127.0.0.2", s.address)) { // until the server has noticed the end
				if t.Context().Err() != nil {
					t.Fatal("no connection is taken after another has ended")
				}
			}
		})
	}
}

// TestIdleConnections checks that the connection that has been idle for the longest time is
// closed if there are too many, and none with a request.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, connlimit.Limits{Total: 3})
	busy := dial(t, "127.0.0.2", s.address)
	if !s.answers(busy) {
		t.Fatal("the first connection is not answered")
	}
	idle, later := dial(t, "127.0.0.3", s.address), dial(t, "127.0.0.4", s.address)
	if !s.answers(idle) || !s.answers(later) || !s.answers(busy) { // which is the latest now
		t.Fatal("connections within the limit are not answered")
	}
	if !s.answers(dial(t, "127.0.0.5", s.address)) {
		t.Error("a new connection is refused while others are idle")
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("the connection that was idle for the longest time stays")
	}
	if !s.answers(later) || !s.answers(busy) {
		t.Error("a connection was closed that was used later")
	}
}

// TestBusyConnections checks that a new connection is refused while all others have
// requests.
func TestBusyConnections(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	var closed atomic.Int64
	server.Config.ConnState = connlimit.New(connlimit.Limits{Total: 1}, func() { closed.Add(1) }).Track
	server.Start()
	defer server.Close()
	defer close(release)
	address := server.Listener.Addr().String()
	busy := dial(t, "127.0.0.2", address)
	if _, err := fmt.Fprint(busy, request); err != nil {
		t.Fatal(err)
	}
	<-entered
	if answers(dial(t, "127.0.0.3", address)) {
		t.Error("a connection beyond the limit is answered")
	}
	if got := closed.Load(); got != 1 {
		t.Errorf("%d connections were closed, want 1", got)
	}
}
