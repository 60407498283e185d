// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// TestSecurityHeaders looks at answers of every kind as a browser behind a proxy with TLS
// gets them: pages, documents, the API, files, refusals, health.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "FIX_PROXY=1")
	s.start()
	s.awaitTold("READY=1")
	for path, status := range map[string]int{
		"/": 200, "/dashboard/": 404, "/about": 200, "/stats/threats.json": 200, "/about.json": 200, "/evolution": 0,
		"/api/v1/": 200, "/api/v1/openapi.json": 200,
		"/api/v1/client/me": 200, "/api/v1/stats/?type=nonsense": 400, "/api/v1/stats/processed/list": 200, "/nothing": 404,
		"/healthz": 200, "/readyz": 200, "/robots.txt": 0, "/static/nothing.js": 404,
	} {
		for _, scheme := range []string{"http", "https"} {
			got := s.browse(t, path, http.Header{
				"Origin": {"https://evil.example"}, "Cookie": {"a=b"}, "Accept": {"text/html,*/*"}, "X-Api-Key": {"admin-token"},
				"X-Forwarded-Proto": {scheme}, "X-Forwarded-Prefix": {"/x"},
			})
			if status != 0 && got.StatusCode != status {
				t.Errorf("%s: status %d, want %d", path, got.StatusCode, status)
			}
			header := got.Header
			policy := header.Get("Content-Security-Policy")
			for name, wrong := range map[string]bool{
				"X-Content-Type-Options":    header.Get("X-Content-Type-Options") != "nosniff",
				"Referrer-Policy":           header.Get("Referrer-Policy") == "",
				"Content-Security-Policy":   strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'"),
				"Strict-Transport-Security": (scheme == "https") != (header.Get("Strict-Transport-Security") != ""),
				"Set-Cookie":                header.Get("Set-Cookie") != "",
			} {
				if wrong {
					t.Errorf("%s by %s: %s is %q", path, scheme, name, header.Get(name))
				}
			}
			for name := range header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s allows other origins: %s", path, name)
				}
			}
		}
	}
}

// TestReaderPage has no script or style that its policy would have to allow inline, and
// says that it depends on the prefix.
func TestReaderPage(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "FIX_PROXY=1")
	s.start()
	s.awaitTold("READY=1")
	got := s.browse(t, "/api/v1/", http.Header{"X-Forwarded-Prefix": {"/x"}})
	if vary := strings.Join(got.Header.Values("Vary"), ","); !strings.Contains(vary, "X-Forwarded-Prefix") {
		t.Errorf("Vary: %q", vary)
	}
	page, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if inline := regexp.MustCompile(`<script>|<style|style=|\son[a-z]+=`).Find(page); inline != nil {
		t.Errorf("the page has %q", inline)
	}
}

// TestTrustedHosts checks that requests for other hosts are refused, except for those for
// the health.
func TestTrustedHosts(t *testing.T) {
	t.Parallel()
	metrics := filepath.Join(ramdisk.Folder(t), "metrics")
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "TRUSTED_HOSTS=stats.example.org", "INSTANCE_URL=https://www.example.org", "METRICS_LISTEN=unix:"+metrics)
	s.environ = append(s.environ, "LISTEN="+strings.TrimPrefix(s.base, "http://")) // for the commands
	s.start()
	s.awaitTold("READY=1")
	for host, want := range map[string]int{"stats.example.org": 200, "www.example.org:443": 200, "evil.example": 400, "127.0.0.1": 400} {
		for _, path := range []string{"/about.json", "/", "/api/v1/openapi.json"} {
			if got := s.browse(t, path, http.Header{"Host": {host}}); got.StatusCode != want {
				t.Errorf("%s of %s: status %d, want %d", path, host, got.StatusCode, want)
			}
		}
		if got := s.browse(t, "/healthz", http.Header{"Host": {host}}); got.StatusCode != http.StatusOK {
			t.Errorf("health of %s: status %d", host, got.StatusCode)
		}
	}
	wantMetrics(t, metrics, `stats_service_http_requests_refused_total{reason="host"} 6`)
	s.wantFound(t, 2)
}

// browse asks for a path and follows no redirect.
func (s *supervisor) browse(t *testing.T, path string, header http.Header) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		request.Header = header
		request.Host = header.Get("Host")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}
