// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRedirectTo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ instance, prefix, asked, want string }{
		{"", "", "http://stats.example.org/stats?days=7", "https://stats.example.org/stats?days=7"},
		{"", "", "http://stats.example.org:8080", "https://stats.example.org/"},
		{"", "", "http://[2001:db8::1]:8080/stats", "https://[2001:db8::1]/stats"},
		{"", "", "http://[2001:db8::1]/stats", "https://[2001:db8::1]/stats"},
		{"", "/dashboard", "http://192.0.2.1/dashboard/stats", "https://192.0.2.1/dashboard/stats"},
		{"https://www.example.org:8443", "", "http://192.0.2.1/stats", "https://www.example.org:8443/stats"},
		{"https://www.example.org/dashboard", "/dashboard", "http://192.0.2.1/dashboard/stats", "https://www.example.org/dashboard/stats"},
		{"https://www.example.org/dashboard", "", "http://192.0.2.1/stats", "https://www.example.org/dashboard/stats"},
		{"http://www.example.org", "", "http://192.0.2.1/stats", "https://192.0.2.1/stats"},
	} {
		answer := httptest.NewRecorder()
		redirectTo(test.instance, test.prefix).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, test.asked, nil))
		if got := answer.Header().Get("Location"); answer.Code != http.StatusPermanentRedirect || got != test.want {
			t.Errorf("INSTANCE_URL=%s SCRIPT_NAME=%s: %s redirects to %s (%d), want %s",
				test.instance, test.prefix, test.asked, got, answer.Code, test.want)
		}
	}
}
