// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestMetricsCountRequests counts requests of each kind, and what they stored.
func TestMetricsCountRequests(t *testing.T) {
	t.Parallel()
	counted := metrics.New(stats.Types())
	s := setup(t, func(o *httpapi.Options) { o.Metrics, o.MaxBodyBytes = counted, 1<<20 })
	user := s.user("user")
	first := user.post(threat(1, 0, 1), threat(2, 0, 1))
	user.call("POST", "/api/v1/stats/", []item{threat(1, 0, 1)}).want(http.StatusCreated) // the same again
	user.call("POST", "/api/v1/stats/", []item{threat(3, 0, 2).with("uuid", first.Data[0].UUID)}).want(http.StatusMultiStatus)
	user.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
	s.anonymous().call("GET", "/api/v1/stats/", nil).want(http.StatusUnauthorized)
	s.with("wrong").call("GET", "/api/v1/stats/", nil).want(http.StatusForbidden)
	user.call("POST", "/api/v1/stats/", strings.Repeat(" ", 2<<20)).want(http.StatusRequestEntityTooLarge)
	user.call("GET", "/nothing/"+id(7).String(), nil).want(http.StatusNotFound)
	for _, want := range []string{
		`stats_service_stats_stored_total{type="threat"} 2`,
		`stats_service_stats_stored_total{type="risk"} 0`,
		`stats_service_stats_duplicate_total{type="threat"} 2`,
		`stats_service_http_requests_total{method="POST",route="/api/v1/stats",status="201"} 2`,
		`stats_service_http_requests_total{method="POST",route="/api/v1/stats",status="207"} 1`,
		`stats_service_http_requests_total{method="GET",route="/api/v1/stats",status="200"} 1`,
		`stats_service_http_request_duration_seconds_count{method="GET",route="/api/v1/stats"} 3`,
		`stats_service_http_requests_refused_total{reason="no_key"} 1`,
		`stats_service_http_requests_refused_total{reason="wrong_key"} 1`,
		`stats_service_http_requests_refused_total{reason="too_large"} 1`,
		`stats_service_http_requests_in_flight{class="write"} 0`,
		`stats_service_documents_total{result="reused"} `,
	} {
		until(t, want, func() bool { return strings.Contains("\n"+scrape(counted), "\n"+want) })
	}
	if found := regexp.MustCompile(`route="[^"]*` + id(7).String()).FindString(scrape(counted)); found != "" {
		t.Errorf("callers make up series: %s", found)
	}
}

func scrape(m *metrics.Metrics) string {
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}
