// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// readers are callers that begin to read a list and then stop.
type readers struct {
	stopped atomic.Int32
	goOn    chan struct{}
	end     func() // lets them read on, and waits for that
	ended   sync.WaitGroup
}

// newReaders returns readers that end with the test at the latest: while they stop, a
// server of PostgreSQL can drop no database.
func newReaders(t *testing.T) *readers {
	r := &readers{goOn: make(chan struct{})}
	r.end = sync.OnceFunc(func() {
		close(r.goOn)
		r.ended.Wait()
	})
	t.Cleanup(r.end)
	return r
}

// read lets one more caller read a list of the user.
func (r *readers) read(user caller) *watched {
	w := &watched{ResponseRecorder: httptest.NewRecorder(), onWrite: func(write int) error {
		if write == 1 {
			r.stopped.Add(1)
			<-r.goOn
		}
		return nil
	}}
	request := user.request("GET", "/api/v1/stats/", nil)
	r.ended.Go(func() { user.serve(w, request) })
	return w
}

// TestSlowReaders leaves connections to everybody else, however many callers read
// lists slowly, and tells those who would wait too long.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	s := setupSlowReaders(t, 2*time.Second)
	user, another := s.user("user"), s.user("another")
	count := user.stock()
	another.stock()
	slow := newReaders(t)
	first := slow.read(user)
	slow.read(another)
	until(t, "two lists are being read", func() bool { return slow.stopped.Load() == 2 })
	for _, waiting := range []caller{user, another, s.admin("admin")} {
		got := waiting.call("GET", "/api/v1/stats/", nil).want(http.StatusServiceUnavailable)
		if got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After with 503")
		}
	}
	user.post(threat(1, 0, 1))
	user.call("GET", "/stats/risks.json?days=77", nil).want(http.StatusOK)
	s.with("unknown").call("GET", "/api/v1/client/me", nil).want(http.StatusForbidden)
	if n := slow.stopped.Load(); n != 2 {
		t.Errorf("%d lists are being read, want 2 of 4 connections", n)
	}
	slow.end()
	if got := (answer{t: t, status: first.Code, body: first.Body.Bytes()}).list(http.StatusOK); len(got.Data) != count {
		t.Errorf("the slow caller got %d stats, want %d", len(got.Data), count)
	}
	user.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
}

// setupSlowReaders lets two lists be read at a time, and others wait for so long.
func setupSlowReaders(t *testing.T, timeout time.Duration) *service {
	t.Helper()
	options := postgres.Options{URL: pgtest.New(t) + "&pool_max_conns=4", AcquireTimeout: timeout}
	s := setupStore(t, options, func(o *httpapi.Options) { o.AcquireTimeout = timeout })
	s.log.expectErrors()
	return s
}

// TestSlowReaderLeavesLists gives one client half of the lists that can be read at a
// time. Its other requests for lists wait, however long their filters are, and neither
// the lists nor the posts of another client wait for them.
func TestSlowReaderLeavesLists(t *testing.T) {
	t.Parallel()
	s := setupSlowReaders(t, time.Minute)
	flooding, honest := s.user("flooding"), s.user("honest")
	flooding.stock()
	slow := newReaders(t)
	slow.read(flooding)
	slow.read(flooding)
	until(t, "a list is being read", func() bool { return slow.stopped.Load() > 0 })
	spaces := strings.Repeat(" ", 20<<10)
	for _, filter := range []string{`{"type":"threat"}`, `{"type":"threat","limit":1}`} {
		slow.ended.Go(func() { flooding.call("GET", "/api/v1/stats/", spaces+filter).want(http.StatusOK) })
	}
	until(t, "long filters wait", func() bool { return s.api.Decoding(flooding.client.ID) > 0 })
	for anr := range 3 {
		honest.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
		batch := "[" + string(encoded(t, threat(anr, 0, 1))) + "]"
		honest.call("POST", "/api/v1/stats/", spaces+batch).want(http.StatusCreated)
	}
	if n := slow.stopped.Load(); n != 1 || s.api.Decoding(flooding.client.ID) == 0 {
		t.Errorf("%d lists of the other client are being read, want one, while long filters wait", n)
	}
	slow.end()
}
