// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

// TestHeadAnswersAsGet answers HEAD as GET, without a body: caches and monitors ask so.
func TestHeadAnswersAsGet(t *testing.T) {
	t.Parallel()
	user := setup(t, func(o *httpapi.Options) { o.RegistrationOpen = true }).user("user")
	stored := user.post(threat(1, 0, 1), threat(2, 0, 1)).ids()
	processed := "/api/v1/stats/processed/?type=threat&processor=threat_average_on_date"
	tests := []struct {
		path   string
		status int
	}{
		{"/api/v1/client/me", 200},
		{"/api/v1/stats/", 200},
		{"/api/v1/stats/?limit=1", 200},
		{"/api/v1/stats/?limit=x", 400},
		{"/api/v1/stats/" + id(1).String(), 200},
		{"/api/v1/stats/" + id(1).String() + "?uuid=" + stored[0].String(), 200},
		{"/api/v1/stats/" + id(1).String() + "?uuid=" + id(404).String(), 404},
		{processed, 200},
		{"/api/v1/stats/processed/list", 200},
		{"/stats/threats.json", 200},
		{"/stats/risks.json?days=0", 400},
		{"/about.json", 200},
		{"/api/v1/swagger.json", 200},
		{"/api/v1/nothing", 404},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			user := user.on(t)
			get := user.call("GET", tt.path, nil, header{"Accept-Encoding", "identity"}).want(tt.status)
			head := user.call("HEAD", tt.path, nil).want(tt.status)
			if len(head.body) > 0 || len(get.body) == 0 {
				t.Errorf("GET has a body of %d bytes, HEAD one of %d", len(get.body), len(head.body))
			}
			for _, name := range []string{"Content-Type", "Etag", "Cache-Control", "Link", "Vary"} {
				if diff := cmp.Diff(get.header.Values(name), head.header.Values(name)); diff != "" {
					t.Errorf("%s (-GET +HEAD):\n%s", name, diff)
				}
			}
			if tag := head.header.Get("Etag"); tag != "" {
				user.call("HEAD", tt.path, nil, header{"If-None-Match", tag}).want(http.StatusNotModified)
			}
		})
	}
}

// TestAllowedMethods names HEAD beside GET.
func TestAllowedMethods(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	for _, method := range []string{"OPTIONS", "PUT"} {
		got := user.call(method, "/api/v1/client/me", nil)
		if allow := got.header.Get("Allow"); allow != "OPTIONS, GET, PATCH, HEAD" {
			t.Errorf("%s: Allow: %s", method, allow)
		}
	}
}
