// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// readers are callers that begin to read a list and then stop.
type readers struct {
	stopped atomic.Int32
	goOn    chan struct{}
	ended   sync.WaitGroup
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
	s := setupStore(t, postgres.Options{URL: pgtest.New(t) + "&pool_max_conns=4", AcquireTimeout: 2 * time.Second})
	s.log.expectErrors()
	user := s.user("user")
	count := user.stock()
	slow := &readers{goOn: make(chan struct{})}
	first := slow.read(user)
	slow.read(user)
	until(t, "two lists are being read", func() bool { return slow.stopped.Load() == 2 })
	for range 2 {
		got := user.call("GET", "/api/v1/stats/", nil).want(http.StatusServiceUnavailable)
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
	close(slow.goOn)
	slow.ended.Wait()
	if got := (answer{t: t, status: first.Code, body: first.Body.Bytes()}).list(http.StatusOK); len(got.Data) != count {
		t.Errorf("the slow caller got %d stats, want %d", len(got.Data), count)
	}
	user.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
}
