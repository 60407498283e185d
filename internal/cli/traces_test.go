// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// spans is a collector that stores the spans that it receives.
type spans struct {
	mu  sync.Mutex
	all []*trace.Span
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
		http.Error(w, "not traces", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range sent.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			s.all = append(s.all, scope.GetSpans()...)
		}
	}
}

// named returns the spans of a trace whose names begin so.
func (s *spans) named(traceID, prefix string) (found []*trace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.all {
		if hex.EncodeToString(span.GetTraceId()) == traceID && strings.HasPrefix(span.GetName(), prefix) {
			found = append(found, span)
		}
	}
	return found
}

// TestTraceReachesTheDatabase continues the trace of a caller down to the database.
func TestTraceReachesTheDatabase(t *testing.T) {
	t.Parallel()
	kept := &spans{}
	server := httptest.NewServer(kept)
	t.Cleanup(server.Close)
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL)
	service := s.start()
	s.awaitTold("READY=1")
	const traceID, secret = "4bf92f3577b34da6a3ce929d0e0e4736", "a-key-that-nobody-has"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/api/v1/client/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	request.Header.Set("X-API-KEY", secret)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	service.stop() // sends what is left
	served := kept.named(traceID, "GET /api/v1/client/me")
	if len(served) != 1 {
		t.Fatalf("%d spans of the request, want one: %v", len(served), kept.all)
	}
	asked := kept.named(traceID, "ClientByTokenDigest")
	if len(asked) == 0 {
		t.Errorf("no span of the database in the trace: %v", kept.all)
	}
	for _, span := range kept.all {
		if strings.Contains(span.String(), secret) {
			t.Errorf("a span has the key: %v", span)
		}
	}
	if !strings.Contains(service.log.String(), "trace_id="+traceID) {
		t.Error("the line of the request lacks the trace")
	}
}
