// SPDX-License-Identifier: AGPL-3.0-or-later

package connlimit_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/monarc-project/stats-service/internal/connlimit"
)

// serve answers with 200 behind the limits, and returns the address.
func serve(t *testing.T, limits connlimit.Limits) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = connlimit.New(limits).Track // which httptest calls from its own
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
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

// TestLimits closes connections beyond a limit, and takes new ones when others end.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limits connlimit.Limits
		third  string // address
		within bool   // the third connection
	}{
		"one address":       {connlimit.Limits{PerAddress: 2}, "127.0.0.2", false},
		"several addresses": {connlimit.Limits{PerAddress: 2}, "127.0.0.3", true},
		"in all":            {connlimit.Limits{Total: 2}, "127.0.0.4", true}, // another one is idle
		"no limits":         {connlimit.Limits{}, "127.0.0.2", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, tc.limits)
			first, second := dial(t, "127.0.0.2", address), dial(t, "127.0.0.2", address)
			if !answers(first) || !answers(second) {
				t.Fatal("connections within the limits are not answered")
			}
			if got := answers(dial(t, tc.third, address)); got != tc.within {
				t.Errorf("the third connection is answered: %t, want %t", got, tc.within)
			}
			_ = first.Close()
			for !answers(dial(t, "127.0.0.2", address)) { // until the server has seen the end
				if t.Context().Err() != nil {
					t.Fatal("no connection is taken after another has ended")
				}
			}
		})
	}
}

// TestIdleConnections closes the connection that has been idle for the longest time
// where there are too many, and none with a request that has begun.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	address := serve(t, connlimit.Limits{Total: 3})
	busy := dial(t, "127.0.0.2", address)
	if !answers(busy) {
		t.Fatal("the first connection is not answered")
	}
	idle, later := dial(t, "127.0.0.3", address), dial(t, "127.0.0.4", address)
	if !answers(idle) || !answers(later) || !answers(busy) { // which is the latest now
		t.Fatal("connections within the limit are not answered")
	}
	if !answers(dial(t, "127.0.0.5", address)) {
		t.Error("an honest connection is refused while others are idle")
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("the connection that was idle for the longest time stays")
	}
	if !answers(later) || !answers(busy) {
		t.Error("a connection was closed that was used later")
	}
}

// TestBusyConnections refuses a new connection where all others have requests.
func TestBusyConnections(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	server.Config.ConnState = connlimit.New(connlimit.Limits{Total: 1}).Track
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
}
