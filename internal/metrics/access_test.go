// SPDX-License-Identifier: AGPL-3.0-or-later

package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestAccessNeedsAnAddressOrAToken sends requests with and without a token, from allowed and
// other addresses.
func TestAccessNeedsAnAddressOrAToken(t *testing.T) {
	t.Parallel()
	m := metrics.New(stats.Types())
	others := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	access := metrics.Access{Token: "right", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	admin, beside := m.Admin(access), m.Beside(others, access, "/x")
	for _, tt := range []struct {
		name          string
		handler       http.Handler
		path          string
		from          string
		authorization string
		want          int
	}{
		{"allowed address", admin, "/metrics", "10.1.2.3:4", "", http.StatusOK},
		{"mapped address", admin, "/metrics", "[::ffff:10.1.2.3]:4", "", http.StatusOK},
		{"Unix socket", admin, "/metrics", "@", "", http.StatusOK},
		{"another address", admin, "/metrics", "192.0.2.1:4", "", http.StatusUnauthorized},
		{"token", admin, "/metrics", "192.0.2.1:4", "Bearer right", http.StatusOK},
		{"wrong token", admin, "/metrics", "192.0.2.1:4", "Bearer wrong", http.StatusUnauthorized},
		{"profiles", admin, "/debug/pprof/cmdline", "10.1.2.3:4", "", http.StatusOK},
		{"profiles of another", admin, "/debug/pprof/cmdline", "192.0.2.1:4", "", http.StatusUnauthorized},
		{"nothing", admin, "/", "10.1.2.3:4", "", http.StatusNotFound},
		{"beside, address", beside, "/metrics", "10.1.2.3:4", "", http.StatusUnauthorized},
		{"beside, token", beside, "/metrics", "192.0.2.1:4", "Bearer right", http.StatusOK},
		{"beside, prefix", beside, "/x/metrics", "192.0.2.1:4", "Bearer right", http.StatusOK},
		{"beside, profiles", beside, "/debug/pprof/cmdline", "10.1.2.3:4", "Bearer right", http.StatusTeapot},
		{"beside, no token set", m.Beside(others, metrics.Access{}, ""), "/metrics", "10.1.2.3:4", "Bearer ", http.StatusTeapot},
		{"no token set", m.Admin(metrics.Access{}), "/metrics", "10.1.2.3:4", "Bearer ", http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
			request.RemoteAddr = tt.from
			if tt.authorization != "" {
				request.Header.Set("Authorization", tt.authorization)
			}
			recorder := httptest.NewRecorder()
			tt.handler.ServeHTTP(recorder, request)
			if recorder.Code != tt.want {
				t.Errorf("status %d, want %d: %.200s", recorder.Code, tt.want, recorder.Body)
			}
		})
	}
}
