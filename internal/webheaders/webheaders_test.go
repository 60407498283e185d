// SPDX-License-Identifier: AGPL-3.0-or-later

package webheaders_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/monarc-project/stats-service/internal/webheaders"
)

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func TestUntrustedHostsAreRefused(t *testing.T) {
	t.Parallel()
	handler := webheaders.Hosts(status(http.StatusOK), status(http.StatusBadRequest),
		[]string{"stats.example.org", ".internal.example", "192.0.2.7", "2001:db8::1"}, "https://www.example.org:8443/x")
	for host, want := range map[string]int{
		"stats.example.org":            200,
		"Stats.Example.ORG:5005":       200,
		"stats.example.org.":           200,
		"www.example.org":              200,
		"a.internal.example":           200,
		"internal.example":             400,
		"192.0.2.7:80":                 200,
		"[2001:db8::1]:80":             200,
		"[2001:db8::1]":                200,
		"evil.example":                 400,
		"stats.example.org.evil":       400,
		"evilstats.example.org":        400,
		"":                             400,
		"evil.example@www.example.org": 400,
	} {
		request := httptest.NewRequest("GET", "/", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("%q: status %d, want %d", host, answer.Code, want)
		}
	}
}

func TestAnyHost(t *testing.T) {
	t.Parallel()
	handler := webheaders.Hosts(status(http.StatusOK), status(http.StatusBadRequest), nil, "https://www.example.org")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "http://anything/", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("status %d: front offices reach the service under other names too", answer.Code)
	}
}

// TestStrictTransportSecurity checks that only answers over https have the header.
func TestStrictTransportSecurity(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trust     bool
		forwarded string
		tls       bool
		want      bool
	}{
		"http":                   {},
		"https":                  {tls: true, want: true},
		"https at the proxy":     {trust: true, forwarded: "https", want: true},
		"http at the proxy":      {trust: true, forwarded: "http"},
		"untrusted header":       {forwarded: "https"},
		"https behind the proxy": {trust: true, forwarded: "http", tls: true, want: true},
	} {
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set("X-Forwarded-Proto", tc.forwarded)
		if tc.tls {
			request.TLS = &tls.ConnectionState{}
		}
		answer := httptest.NewRecorder()
		webheaders.Handler(status(http.StatusOK), tc.trust).ServeHTTP(answer, request)
		if got := answer.Header().Get("Strict-Transport-Security") != ""; got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}
