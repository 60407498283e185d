// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/sample"
)

// watched is the writer of an answer that sees how it is written.
type watched struct {
	*httptest.ResponseRecorder
	writes, largest int
	onWrite         func(write int) error
}

func (w *watched) Write(p []byte) (int, error) {
	w.writes++
	w.largest = max(w.largest, len(p))
	if w.onWrite != nil {
		if err := w.onWrite(w.writes); err != nil {
			return 0, err
		}
	}
	return w.ResponseRecorder.Write(p)
}

// stock stores some megabytes and returns the number of stats.
func (c caller) stock() int {
	c.t.Helper()
	const analyses = 50
	generator := sample.New(sample.Options{Clients: 1, Analyses: analyses, Days: 1, Until: today})
	c.call("POST", "/api/v1/stats/", generator.FrontOfficeBatch(0, today), maskedBy("metadata")).want(http.StatusCreated)
	return 5 * analyses
}

// serve runs a request without the network. It reports whether it was cut off.
func (c caller) serve(w http.ResponseWriter, request *http.Request) (cutOff bool) {
	defer func() {
		switch fault := recover(); fault {
		case nil:
		case http.ErrAbortHandler:
			cutOff = true
		default:
			panic(fault)
		}
	}()
	c.handler.ServeHTTP(w, request)
	return false
}

// TestListStreams sends a long list in small pieces.
func TestListStreams(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	count := user.stock()
	for _, path := range []string{"/api/v1/stats/", "/api/v1/stats/?group_by_anr=1"} {
		w := &watched{ResponseRecorder: httptest.NewRecorder()}
		if user.serve(w, user.request("GET", path, nil)) {
			t.Fatal("the list was cut off")
		}
		const piece = 256 << 10 // what is gathered, and a stats
		if size := w.Body.Len(); size < 2<<20 || w.largest > piece || w.writes < size/piece {
			t.Errorf("%s: %d bytes in %d pieces, the largest of %d bytes", path, size, w.writes, w.largest)
		}
		got := answer{t: t, status: w.Code, body: w.Body.Bytes()}.list(http.StatusOK)
		if len(got.Data) != count {
			t.Errorf("%s: %d stats, want %d", path, len(got.Data), count)
		}
	}
}

// TestCallerHangsUp gives the database's connection back.
func TestCallerHangsUp(t *testing.T) {
	t.Parallel()
	s := setupOn(t, pgtest.New(t)+"&pool_max_conns=1")
	user := s.user("user")
	user.stock()
	for _, path := range []string{"/api/v1/stats/", "/api/v1/stats/?get_last=1", "/api/v1/stats/?group_by_anr=1"} {
		ctx, disconnect := context.WithCancel(t.Context())
		w := &watched{ResponseRecorder: httptest.NewRecorder(), onWrite: func(write int) error {
			if write < 2 {
				return nil
			}
			disconnect()
			return errors.New("connection reset by peer")
		}}
		if !user.serve(w, user.request("GET", path, nil).WithContext(ctx)) {
			t.Errorf("%s: the answer was ended as if it were whole", path)
		}
		user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK) // needs the only connection
	}
}

// TestDatabaseGoneWithinAList cuts the answer off instead of ending it well.
func TestDatabaseGoneWithinAList(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupOn(t, database.URL)
	s.log.expectErrors()
	user := s.user("user")
	user.stock()
	database.Limit(1 << 20)
	// The exchange has no well-formed answer that could be validated.
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := plain.Do(user.request("GET", "/api/v1/stats/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err == nil {
		t.Errorf("the answer of %d bytes was ended as if it were whole", len(received))
	}
	if response.StatusCode != http.StatusOK || len(received) == 0 {
		t.Errorf("status %d and %d bytes: the list was not cut off in its midst", response.StatusCode, len(received))
	}
	if text := s.log.String(); strings.Count(text, `"msg":"a list was cut off"`) != 1 || strings.Count(text, `"level":"ERROR"`) != 1 {
		t.Errorf("log:\n%s", text)
	}
	database.Pass()
	until(t, "the service has a connection that works", func() bool {
		return user.call("GET", "/api/v1/client/me", nil).status == http.StatusOK
	})
}

// TestRateLimit makes an address wait, whatever keys it tries, and a client with a right
// key only for what it asked itself.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.RateLimit = 0.001 }) // a burst of one
	s.anonymous().call("GET", "/about.json", nil).want(http.StatusOK)
	user, other := s.user("user"), s.user("other")
	for _, honest := range []caller{user, other} {
		honest.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
	}
	for _, caller := range []caller{s.anonymous(), s.with("wrong"), user} {
		got := caller.call("GET", "/api/v1/stats/", nil).want(http.StatusTooManyRequests)
		if got.header.Get("Retry-After") != "1000" || got.problem().Message == "" {
			t.Errorf("Retry-After %q: %s", got.header.Get("Retry-After"), got.body)
		}
	}
	for _, caller := range []caller{s.anonymous(), other} { // a key is no use where none is needed
		caller.call("GET", "/api/v1/openapi.json", nil).want(http.StatusTooManyRequests)
	}
}

// broken panics in one operation.
type broken struct{ public.StrictServerInterface }

func (broken) About(context.Context, public.AboutRequestObject) (public.AboutResponseObject, error) {
	panic("a secret of the inside")
}

// TestPanicStaysInTheLog answers as any other error and keeps the stack in the log.
func TestPanicStaysInTheLog(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.log.expectErrors()
	_, handler := httpapi.New(httpapi.Options{
		Store: s.store, Figures: disclosure.New(disclosure.Options{}), Public: public.NewStrictHandler(broken{}, nil), Now: func() time.Time { return today }, Location: time.UTC, Log: slog.New(s.log.handler),
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/about.json", nil))
	got := answer{t: t, status: w.Code, body: w.Body.Bytes()}.want(http.StatusInternalServerError)
	if strings.Contains(string(got.body), "secret") {
		t.Errorf("the answer tells of the inside: %s", got.body)
	}
	text := s.log.String()
	if strings.Count(text, `"level":"ERROR"`) != 1 || !strings.Contains(text, "a secret of the inside") || !strings.Contains(text, "streaming_test.go") {
		t.Errorf("log:\n%s", text)
	}
}
