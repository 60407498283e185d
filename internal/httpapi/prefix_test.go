// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/openapi"
)

// TestSlashesOfFrontOffices writes paths in the ways of the front offices that are out there.
func TestSlashesOfFrontOffices(t *testing.T) {
	t.Parallel()
	user := setup(t, func(o *httpapi.Options) { o.Pages = pagesOf(t, o) }).user("user")
	for _, path := range []string{
		"/api/v1/client/me", "/api/v1/client/me/", "//api/v1/client/me", "/api//v1///client/me//",
		"/api/v1/stats", "/api/v1/stats/", "//api/v1//stats//", "/api/v1/stats/processed/list", "/api/v1/stats/processed//list/",
		"/api/v1/stats//" + id(1).String(), "/api/v1/stats/" + id(1).String() + "/", "/api/v1%2Fstats",
		"//about.json", "/about.json/", "/stats//threats.json", "/api/v1", "/api/v1/", "//api/v1//",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			user.on(t).call("GET", path, nil).want(http.StatusOK)
		})
	}
	user.call("GET", "//api/v1//stats//processed//", `{"processor":"risk_averages"}`).want(http.StatusOK)
}

// rootOf returns the API root that a caller is told.
func rootOf(a answer) string {
	var about struct {
		Root string `json:"api_v1_root"`
	}
	a.want(http.StatusOK).into(&about)
	return about.Root
}

// TestConfiguredPrefix serves below a prefix that a proxy passes on or takes off.
func TestConfiguredPrefix(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.Prefix = "/monarc/stats" })
	user := s.user("user")
	user.call("GET", "/api/v1//client/me/", nil).want(http.StatusOK)
	if got := rootOf(user.call("GET", "//about.json", nil)); got != "/monarc/stats/api/v1/" {
		t.Errorf("root %s", got)
	}
	bare := user
	stripped := *s
	stripped.prefix = ""
	bare.service = &stripped
	bare.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	bare.call("GET", "//monarc//stats//api/v1/client/me", nil).want(http.StatusOK)
	if got := rootOf(bare.call("GET", "/about.json", nil)); got != "/monarc/stats/api/v1/" {
		t.Errorf("root without the prefix in the path: %s", got)
	}
	bare.call("GET", "/monarc/statsapi/v1/client/me", nil).want(http.StatusNotFound)
	bare.call("GET", "/monarc/api/v1/client/me", nil).want(http.StatusNotFound)
	ignored := bare.call("GET", "/about.json", nil, header{"X-Forwarded-Prefix", "/evil"})
	if got := rootOf(ignored); got != "/monarc/stats/api/v1/" {
		t.Errorf("a header that is not trusted changed the root to %s", got)
	}
}

// TestForwardedPrefix trusts the proxy, but not every text.
func TestForwardedPrefix(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.TrustProxy = true })
	user := s.user("user")
	user.post(threat(1, 0, 1), threat(2, 0, 1))
	tests := []struct{ forwarded, want string }{
		{"", ""},
		{"/", ""},
		{"/front", "/front"},
		{"/front/", "/front"},
		{"//front//office/", "/front/office"},
		{" /front , /back", "/front"},
		{"/v1.2_a~b-c", "/v1.2_a~b-c"},
		{"//evil.example", "/evil.example"}, // a path of this host
		{"https://evil.example", ""},
		{"evil.example", ""},
		{`/\evil.example`, ""},
		{"/a b", ""},
		{`/"onload="x`, ""},
		{"/<script>", ""},
		{"/a>; rel=x", ""},
		{"/../a", ""},
		{"/a/..", ""},
		{"/.", ""},
		{"/%2f%2fevil.example", ""},
		{"/a?b", ""},
		{"/a#b", ""},
		{"/é", ""},
		{"/" + strings.Repeat("a", 300), ""},
	}
	for _, tt := range tests {
		t.Run(tt.forwarded, func(t *testing.T) {
			t.Parallel()
			forwarded := header{"X-Forwarded-Prefix", tt.forwarded}
			if got := rootOf(user.on(t).call("GET", "/about.json", nil, forwarded)); got != tt.want+"/api/v1/" {
				t.Errorf("root %s", got)
			}
			next := nextOf(t, user.on(t).call("GET", "/api/v1/stats/?limit=1", nil, forwarded))
			if !strings.HasPrefix(next, tt.want+"/api/v1/stats/?") {
				t.Errorf("link to %s", next)
			}
		})
	}
}

// TestForwardedPath takes the prefix off where the proxy has not.
func TestForwardedPath(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.TrustProxy, o.Prefix = true, "/inside" })
	token := s.user("user").token
	// The paths are none of the document's, with which answers are compared elsewhere.
	call := func(path, forwarded string) *httptest.ResponseRecorder {
		request := httptest.NewRequest("GET", path, nil)
		request.Header.Set("X-API-KEY", token)
		request.Header.Set("X-Forwarded-Prefix", forwarded)
		recorder := httptest.NewRecorder()
		s.handler.ServeHTTP(recorder, request)
		return recorder
	}
	tests := []struct {
		forwarded, path, root string
		status                int
	}{
		{"/front", "/api/v1/client/me", "/front", 200},
		{"/front", "/front/api/v1/client/me", "/front", 200},
		{"/front", "//front//api/v1/client/me", "/front", 200},
		{"/front", "/inside/api/v1/client/me", "/front", 200}, // ProxyPass to http://host/inside
		{"/front", "/frontapi/v1/client/me", "/front", 404},
		{"", "/inside/api/v1/client/me", "/inside", 200},
		{"", "/front/api/v1/client/me", "/inside", 404},
		{"/stats", "/stats/threats.json", "/stats", 200}, // a route of the service
		{"/api", "/api/v1/client/me", "/api", 200},
		{"/api/v1", "/inside/api/v1/client/me", "/api/v1", 200},
	}
	for _, tt := range tests {
		t.Run(tt.forwarded+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			if got := call("http://localhost"+tt.path, tt.forwarded); got.Code != tt.status {
				t.Errorf("status %d, want %d: %s", got.Code, tt.status, got.Body)
			}
			about := call("/inside/about.json", tt.forwarded).Body.String()
			if !strings.Contains(about, `"api_v1_root":"`+tt.root+`/api/v1/"`) {
				t.Errorf("the API is at %s, want it below %s", about, tt.root)
			}
		})
	}
}

// TestServedDocumentsAreValid serves valid documents.
func TestServedDocumentsAreValid(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.Prefix = "/monarc" })
	nobody := s.anonymous()
	for range 2 { // the second time from what was kept
		served := nobody.call("GET", "/api/v1/openapi.json", nil).want(http.StatusOK)
		loader := openapi3.NewLoader()
		document, err := loader.LoadFromData(served.body)
		if err != nil {
			t.Fatal(err)
		}
		if err := document.Validate(loader.Context); err != nil {
			t.Error(err)
		}
		servers := []string{document.Servers[0].URL, document.Paths.Value("/about.json").Servers[0].URL}
		if diff := cmp.Diff([]string{"/monarc/api/v1", "/monarc/"}, servers); diff != "" {
			t.Errorf("servers (-want +got):\n%s", diff)
		}
	}
	below := nobody.call("GET", "/api/v1/swagger.json", nil).want(http.StatusOK)
	var swagger map[string]any
	below.into(&swagger)
	if _, named := swagger["host"]; swagger["basePath"] != "/monarc/api/v1" || named {
		t.Errorf("swagger.json is based at %v, host named: %t", swagger["basePath"], named)
	}
	if want := strings.Replace(string(openapi.Swagger), `"/api/v1"`, `"/monarc/api/v1"`, 1); string(below.body) != want {
		t.Error("swagger.json below a prefix differs in more than its base path")
	}
	published := setup(t).anonymous().call("GET", "/api/v1/swagger.json", nil).want(http.StatusOK)
	if string(published.body) != string(openapi.Swagger) {
		t.Error("swagger.json is not the published document")
	}
}
