// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// today is the day on which the service of the tests runs.
var today = client.Day(time.Date(2026, time.March, 15, 12, 0, 0, 0, time.UTC))

// service is a real service on a database of the test's own, with a place before
// it where requests can be made to fail.
type service struct {
	url        string
	handler    http.Handler
	key, admin string // of a user and an admin

	mu       sync.Mutex
	requests []string // method and path
	before   func(w http.ResponseWriter, r *http.Request, n int) (done bool)
}

func newService(t *testing.T) *service {
	t.Helper()
	return serveAt(t, func() time.Time { return today.Add(12 * time.Hour) })
}

func serveAt(t *testing.T, now func() time.Time) *service {
	t.Helper()
	store := servicetest.Open(t, postgres.Options{})
	_, handler := servicetest.API(httpapi.Options{Store: store, Now: now, MaxBodyBytes: 1 << 20})
	s := &service{handler: handler}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.intercept(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.key = servicetest.CreateClient(t, store, servicetest.User("user")).Token
	admin := servicetest.User("admin")
	admin.Role = stats.RoleAdmin
	s.admin = servicetest.CreateClient(t, store, admin).Token
	return s
}

// intercept notes a request and lets before answer it, which is told how many of
// the same came before.
func (s *service) intercept(w http.ResponseWriter, r *http.Request) (done bool) {
	s.mu.Lock()
	request, n := r.Method+" "+r.URL.Path, 0
	for _, earlier := range s.requests {
		if earlier == request {
			n++
		}
	}
	s.requests = append(s.requests, request)
	before := s.before
	s.mu.Unlock()
	return before != nil && before(w, r, n)
}

// failing makes requests fail as before says.
func (s *service) failing(before func(w http.ResponseWriter, r *http.Request, n int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.requests = before, nil
}

func (s *service) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// connect returns a client that repeats without waiting.
func (s *service) connect(t *testing.T, key string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(s.url, key, append([]client.Option{client.WithRetry(impatient(nil))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// impatient repeats without waiting and notes how long it would have waited.
func impatient(pauses *[]time.Duration) client.Retry {
	return client.Retry{
		Rand: func() float64 { return 1 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			if pauses != nil {
				*pauses = append(*pauses, d)
			}
			return ctx.Err()
		},
	}
}

// reply answers in the place of the service.
func reply(w http.ResponseWriter, status int, body string, headers ...string) bool {
	w.Header().Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
	return true
}

// cut sends a share of the answer of next and ends the connection; 0 is none of it.
func cut(w http.ResponseWriter, r *http.Request, next http.Handler, share float64) bool {
	recorded := httptest.NewRecorder()
	r.Header.Set("Accept-Encoding", "identity")
	next.ServeHTTP(recorded, r)
	if share == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorded.Code)
	body := recorded.Body.Bytes()
	_, _ = w.Write(body[:int(share*float64(len(body)))])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// id returns a UUID for each n, in an order of its own.
func id(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)) }

// threatStat returns the stat of a threat on a day before today.
func threatStat(t *testing.T, n, daysAgo int) client.Stat {
	t.Helper()
	stat, err := client.NewStat(id(n), client.Day(today.AddDate(0, 0, -daysAgo)), data.Threats{{
		UUID: id(1000).String(), Labels: data.Labels{English: "Theft"}, Count: data.Number(n), MaxRisk: 12, AverageRate: 1.5,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return stat
}
