// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// line is a connection to a database that can be cut.
type line struct {
	url   string
	relay pgtest.Relay
	left  atomic.Int64 // bytes that the database may still send

	mu   sync.Mutex
	open map[net.Conn]bool
	down bool
}

// unlimited is more than any test reads.
const unlimited = 1 << 40

// newLine returns a line to a fresh database.
func newLine(t *testing.T) *line {
	t.Helper()
	relay := pgtest.NewRelay(t, pgtest.New(t))
	l := &line{url: relay.URL, relay: relay, open: map[net.Conn]bool{}}
	l.left.Store(unlimited)
	go l.serve()
	t.Cleanup(func() { relay.Close(); l.cut() })
	return l
}

func (l *line) serve() {
	for {
		near, err := l.relay.Accept()
		if err != nil {
			return
		}
		far, err := l.relay.Dial()
		if err != nil || !l.add(near, far) {
			near.Close()
			continue
		}
		go func() { _, _ = io.Copy(far, near); far.Close() }()
		go func() { _, _ = io.Copy(near, limited{far, &l.left}); near.Close() }()
	}
}

// limited reads until nothing is left.
type limited struct {
	io.Reader
	left *atomic.Int64
}

func (l limited) Read(p []byte) (int, error) {
	if l.left.Load() <= 0 {
		return 0, io.EOF
	}
	n, err := l.Reader.Read(p[:min(len(p), 16<<10)])
	l.left.Add(-int64(n))
	return n, err
}

func (l *line) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		if l.down {
			conn.Close()
			continue
		}
		l.open[conn] = true
	}
	return !l.down
}

// cut ends all connections and lets no new ones through.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for conn := range l.open {
		conn.Close()
	}
	clear(l.open)
}

// mend lets connections through again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
	l.left.Store(unlimited)
}

// TestDatabaseGone answers 503 until the database is back.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	database := newLine(t)
	s := setupOn(t, database.url)
	s.log.expectErrors()
	user := s.user("user")
	user.post(threat(1, 0, 1))
	requests := []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/v1/client/me", nil},
		{"GET", "/api/v1/stats/", nil},
		{"GET", "/api/v1/stats/processed/", map[string]string{"processor": "risk_averages"}},
		{"POST", "/api/v1/stats/", []item{threat(2, 0, 1)}},
		{"DELETE", "/api/v1/stats/" + id(1).String(), nil},
		{"GET", "/stats/threats.json", nil},
	}
	database.cut()
	until(t, "nothing is kept", func() bool { return !s.caches() })
	for _, r := range requests {
		got := user.call(r.method, r.path, r.body).want(http.StatusServiceUnavailable)
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", r.method, r.path)
		}
		if strings.Contains(string(got.body), "PGSQL") || strings.Contains(string(got.body), "socket") {
			t.Errorf("the answer tells of the inside: %s", got.body)
		}
	}
	user.call("GET", "/api/v1/stats/processed/list", nil).want(http.StatusOK)
	user.call("GET", "/about.json", nil).want(http.StatusOK)
	database.mend()
	user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	if got := user.call("GET", "/api/v1/stats/", nil).list(http.StatusOK); len(got.Data) != 1 {
		t.Errorf("%d stats after the outage, want the one from before", len(got.Data))
	}
}

// TestErrorsAreLoggedOnce looks for each cause, and for what must not be there.
func TestErrorsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	database := newLine(t)
	s := setupOn(t, database.url)
	s.log.expectErrors()
	user := s.user("user")
	s.with("a-wrong-token").call("GET", "/api/v1/client/me", nil).want(http.StatusForbidden)
	user.call("POST", "/api/v1/client/", `{"name":"x","token":"chosen-token"}`).want(http.StatusForbidden)
	s.admin("admin").call("POST", "/api/v1/client/", `{"name":"x","token":"chosen token"}`).want(http.StatusBadRequest)
	user.call("POST", "/api/v1/stats/", []item{threat(1, 0, 1).with("date", "x")}).want(http.StatusBadRequest)
	database.cut()
	user.call("GET", "/api/v1/stats/?type=threat", nil).want(http.StatusServiceUnavailable)
	until(t, "all requests are logged", func() bool { return strings.Contains(s.log.String(), `"status":503`) })
	text := s.log.String()
	if got := strings.Count(text, `"level":"ERROR"`); got != 1 {
		t.Errorf("%d errors are logged, want one:\n%s", got, text)
	}
	for _, secret := range []string{user.token, "a-wrong-token", "chosen", "Vol", "averageRate"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
	s.anonymous().call("GET", "/api/v1/stats/", nil).want(http.StatusUnauthorized)
	until(t, "the last request is logged", func() bool { return strings.Contains(s.log.String(), `"status":401`) })
	if lines := s.log.lines(t, "Authentication is needed"); len(lines) != 1 || lines[0]["level"] != "INFO" {
		t.Errorf("a 401 is logged as %v", lines)
	}
}
