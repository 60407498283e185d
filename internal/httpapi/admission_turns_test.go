// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSmallBodiesPassLargeOnes answers small requests while all slots are taken where
// large bodies are decoded. A large one of any operation waits, and is done when its
// caller has not given up.
func TestSmallBodiesPassLargeOnes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	flooding, honest := s.admin("flooding"), s.user("honest")
	small := map[string]string{
		"POST /api/v1/stats/":          "[" + string(encoded(t, threat(1, 0, 1))) + "]",
		"GET /api/v1/stats/":           `{"type":"threat"}`,
		"GET /api/v1/stats/processed/": `{"processor":"threat_average_on_date"}`,
		"POST /api/v1/client/":         `{"name":"new"}`,
		"PATCH /api/v1/client/me":      `{"is_sharing_enabled":true}`,
	}
	leave := s.api.OccupyDecoders(t)
	for operation, body := range small {
		method, path, _ := strings.Cut(operation, " ")
		request := flooding.request(method, path, nil)
		ctx, disconnect := context.WithCancel(t.Context())
		request = request.WithContext(ctx)
		answered := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			flooding.serve(answered, withBody(request, strings.Repeat(" ", 20<<10)+body))
		}()
		until(t, operation+" waits to be decoded", func() bool { return s.api.Decoding(flooding.client.ID) == 1 })
		honest.post(threat(2, 0, 1))
		honest.call("GET", "/api/v1/stats/", `{"type":"threat"}`).want(http.StatusOK)
		disconnect()
		<-done
		if answered.Code/100 == 2 {
			t.Errorf("%s: status %d, though no slot was free", operation, answered.Code)
		}
	}
	leave()
	for operation, body := range small {
		method, path, _ := strings.Cut(operation, " ")
		answered := httptest.NewRecorder()
		flooding.serve(answered, withBody(flooding.request(method, path, nil), strings.Repeat(" ", 20<<10)+body))
		if answered.Code/100 != 2 {
			t.Errorf("%s: status %d: %s", operation, answered.Code, answered.Body)
		}
	}
}

// withBody returns the request with a body of JSON.
func withBody(request *http.Request, body string) *http.Request {
	with := httptest.NewRequestWithContext(request.Context(), request.Method, request.URL.String(), strings.NewReader(body))
	with.Header = request.Header
	with.Header.Set("Content-Type", "application/json")
	return with
}
