// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/client"
)

// first makes the first n requests of each kind fail.
func first(n int, status int, headers ...string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, before int) bool {
		return before < n && reply(w, status, `{"message":"not now"}`, headers...)
	}
}

// TestRetryAfter shows how long is waited: as long as the service asks, otherwise
// twice as long each time.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	s := newService(t)
	tests := map[string]struct {
		failing func(http.ResponseWriter, *http.Request, int) bool
		want    []time.Duration
	}{
		"seconds":     {first(2, 429, "Retry-After", "7"), []time.Duration{7 * time.Second, 7 * time.Second}},
		"fraction":    {first(1, 503, "Retry-After", "1.5"), []time.Duration{1500 * time.Millisecond}},
		"no header":   {first(4, 502), []time.Duration{time.Second / 2, time.Second, 2 * time.Second, 4 * time.Second}},
		"a past date": {first(1, 503, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), []time.Duration{time.Second / 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.failing(tt.failing)
			var pauses []time.Duration
			c := s.connect(t, s.key, client.WithRetry(impatient(&pauses)))
			if _, err := c.Me(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, pauses); diff != "" {
				t.Errorf("pauses (-want +got)\n%s", diff)
			}
		})
	}
}

// TestOnlySafeRequestsAreRepeated shows what is repeated and what is not.
func TestOnlySafeRequestsAreRepeated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failing func(http.ResponseWriter, *http.Request, int) bool // nil: the first answer is lost
		call    func(ctx context.Context, c *client.Client) error
		asked   int
		fails   bool
	}{
		"list":                         {first(1, 500), list, 2, false},
		"list, for ever":               {first(100, 500), list, 6, true},
		"list, refused":                {first(1, 400), list, 1, true},
		"list, asked to wait too long": {first(1, 503, "Retry-After", "3600"), list, 1, true},
		"create, no answer":            {nil, create(""), 1, true},
		"create, failed":               {first(1, 500), create(""), 1, true},
		"create, gateway":              {first(1, 504), create(""), 1, true},
		"create, too many requests":    {first(1, 429, "Retry-After", "1"), create(""), 2, false},
		"create, unavailable":          {first(1, 503, "Retry-After", "1"), create(""), 1, true},
		"create with token, no answer": {nil, create("token"), 2, false},
		"share, no answer":             {nil, share, 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.failing(func(w http.ResponseWriter, r *http.Request, n int) bool {
				if tt.failing == nil { // it is done, but nobody hears of it
					return n == 0 && cut(w, r, s.handler, 0)
				}
				return tt.failing(w, r, n)
			})
			err := tt.call(t.Context(), s.connect(t, s.admin))
			if (err != nil) != tt.fails || len(s.asked()) != tt.asked {
				t.Errorf("after %d requests: %v; want %d requests, failure %v", len(s.asked()), err, tt.asked, tt.fails)
			}
		})
	}
}

func list(ctx context.Context, c *client.Client) error {
	for _, err := range c.All(ctx, client.Query{}) {
		return err
	}
	return nil
}

func share(ctx context.Context, c *client.Client) error {
	_, err := c.Share(ctx, false)
	return err
}

func create(token string) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error {
		account, err := c.CreateAccount(ctx, "NC3", token)
		if err == nil && (account.Name != "NC3" || account.Token == "") {
			return errors.New("no account was returned")
		}
		return err
	}
}

// TestPostLost shows that a batch whose answer is lost is there once.
func TestPostLost(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.failing(func(w http.ResponseWriter, r *http.Request, n int) bool { return n%2 == 0 && cut(w, r, s.handler, 0.5) })
	c := s.connect(t, s.key, client.WithBatchSize(2))
	posted, err := c.Post(t.Context(), threatStat(t, 1, 0), threatStat(t, 2, 0), threatStat(t, 3, 0))
	if err != nil || len(posted.Stats) != 3 {
		t.Fatalf("Post = %+v, %v", posted, err)
	}
	s.failing(nil)
	if listed := collect(t, c.All(t.Context(), client.Query{})); len(listed) != 3 {
		t.Errorf("%d stats are stored, want 3", len(listed))
	}
}

// TestPostHalves shows that a service which accepts less at once gets less.
func TestPostHalves(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var batch []client.Stat
	for n := range 6 {
		stat := threatStat(t, n, 0)
		stat.Data = append(append([]byte(`[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","count":1,"maxRisk":1,"averageRate":1,"label2":"`),
			strings.Repeat("x", 400<<10)...), `"}]`...) // the service takes 1 MiB at once
		batch = append(batch, stat)
	}
	posted, err := s.connect(t, s.key).Post(t.Context(), batch...)
	if err != nil || len(posted.Stats) != len(batch) {
		t.Errorf("%d stats are stored: %v", len(posted.Stats), err)
	}
}

// TestDeleteLost shows that a deletion whose answer is lost is success.
func TestDeleteLost(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := s.connect(t, s.key)
	if _, err := c.Post(t.Context(), threatStat(t, 1, 0)); err != nil {
		t.Fatal(err)
	}
	s.failing(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 0 {
			return false
		}
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	if err := c.Delete(t.Context(), id(1)); err != nil {
		t.Errorf("Delete = %v", err)
	}
	s.failing(first(1, http.StatusTooManyRequests))
	if err := c.Delete(t.Context(), id(1)); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Delete of nothing after a refusal = %v, want ErrNotFound", err)
	}
}

// TestDeleteUnavailable shows that a deletion is not taken for missing which the
// database did before it was lost.
func TestDeleteUnavailable(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := s.connect(t, s.key)
	if _, err := c.Post(t.Context(), threatStat(t, 1, 0)); err != nil {
		t.Fatal(err)
	}
	s.failing(func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n > 0 {
			return false
		}
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if err := c.Delete(t.Context(), id(1)); err != nil {
		t.Errorf("Delete = %v", err)
	}
}

// TestUntrustedCertificateIsNotRetried shows that a certificate nobody vouches for is not tried again.
func TestUntrustedCertificateIsNotRetried(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	defer server.Close()
	var pauses []time.Duration
	c, err := client.New(server.URL, "key", client.WithRetry(impatient(&pauses)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); err == nil || len(pauses) > 0 {
		t.Errorf("Me = %v after %d repetitions", err, len(pauses))
	}
}

// TestContextEndsTheWaiting shows that the end of the context ends the waiting.
func TestContextEndsTheWaiting(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.failing(first(100, 503))
	ctx, cancel := context.WithCancel(t.Context())
	c := s.connect(t, s.key, client.WithRetry(client.Retry{
		MinDelay: time.Hour, MaxDelay: time.Hour,
		Notify: func(*client.Error, int, time.Duration) { cancel() },
	}))
	if _, err := c.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Me = %v, want context.Canceled", err)
	}
}
