// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// TestDatabaseGone answers 503 until the database is back.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupOn(t, database.URL)
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
	database.Cut()
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
	database.Pass()
	user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	if got := user.call("GET", "/api/v1/stats/", nil).list(http.StatusOK); len(got.Data) != 1 {
		t.Errorf("%d stats after the outage, want the one from before", len(got.Data))
	}
}

// TestErrorsAreLoggedOnce looks for each cause, and for what must not be there.
func TestErrorsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupOn(t, database.URL)
	s.log.expectErrors()
	user := s.user("user")
	s.with("a-wrong-token").call("GET", "/api/v1/client/me", nil).want(http.StatusForbidden)
	user.call("POST", "/api/v1/client/", `{"name":"x","token":"chosen-token"}`).want(http.StatusForbidden)
	s.admin("admin").call("POST", "/api/v1/client/", `{"name":"x","token":"chosen token"}`).want(http.StatusBadRequest)
	user.call("POST", "/api/v1/stats/", []item{threat(1, 0, 1).with("date", "x")}).want(http.StatusBadRequest)
	database.Cut()
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
