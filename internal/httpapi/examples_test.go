// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/monarc-project/stats-service/openapi"
)

// documented returns the document with its operations by their ids.
func documented(t *testing.T) (*openapi3.T, map[string]*openapi3.Operation) {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	operations := map[string]*openapi3.Operation{}
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			operations[operation.OperationID] = operation
		}
	}
	return document, operations
}

// exampleOf returns the example of a body, as JSON, or "" without one.
func exampleOf(t *testing.T, content openapi3.Content) string {
	t.Helper()
	for _, media := range content {
		if media.Example == nil {
			return ""
		}
		encoded, err := json.Marshal(media.Example)
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	return ""
}

// postPhishing lets four organisations send what they have of a threat.
func postPhishing(s *service) {
	s.t.Helper()
	for n := 1; n <= 4; n++ {
		data := fmt.Sprintf(`[{"uuid":"b402c9c1-4576-11e9-9173-0800277f0571","label2":"Phishing","count":%d,"maxRisk":%d,"averageRate":%d}]`, 2*n, 6*n, n)
		s.user(fmt.Sprint("Organisation ", n)).post(item{"anr": id(n), "type": "threat", "date": "2026-03-01", "data": json.RawMessage(data)})
	}
}

// TestExamplesOfTheDocumentAreTrue sends the requests of the document's examples, one after the
// other, and compares the answers with its examples.
func TestExamplesOfTheDocumentAreTrue(t *testing.T) {
	t.Parallel()
	document, operations := documented(t)
	s := setup(t)
	admin := s.admin("Administrator")
	var created struct{ Token string }
	if err := json.Unmarshal([]byte(exampleOf(t, operations["client_create"].RequestBody.Value.Content)), &created); err != nil {
		t.Fatal(err)
	}
	user, nobody := s.with(created.Token), s.anonymous()
	const (
		analysis  = "/api/v1/stats/5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"
		unwelcome = `[{"anr":"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11","type":"threat","date":"2026-03-01",
			"data":[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","count":-1,"maxRisk":12,"averageRate":"1.5"}]}]`
	)
	tests := []struct {
		caller       caller
		operation    string // whose example of a request is sent, and whose example is the answer
		method, path string
		status       int
	}{
		{admin, "client_create", "POST", "/api/v1/client/", 201},
		{user, "client_get", "GET", "/api/v1/client/me", 200},
		{user, "client_patch", "PATCH", "/api/v1/client/me", 201},
		{user, "create_stats", "POST", "/api/v1/stats/", 201},
		{user, "create_stats", "POST", "/api/v1/stats/", 207},
		{user, "list_stats", "GET", "/api/v1/stats/", 200},
		{user, "processing_list", "GET", "/api/v1/stats/processed/", 200},
		{nobody, "get_processor_list", "GET", "/api/v1/stats/processed/list", 200},
		{user, "get_stats", "GET", analysis + "?uuid=2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a12", 200},
		{nobody, "public_threats", "GET", "/stats/threats.json", 200},
		{nobody, "public_vulnerabilities", "GET", "/stats/vulnerabilities.json", 200},
		{nobody, "public_risks", "GET", "/stats/risks.json", 200},
		{user, "compare_stats", "GET", "/api/v1/stats/compare/", 200},
		{user, "delete_stats", "DELETE", analysis, 204},
	}
	tried := map[string]bool{}
	for _, tt := range tests {
		operation := operations[tt.operation]
		if tt.operation == "compare_stats" {
			postPhishing(s)
		}
		var body any
		if operation.RequestBody != nil {
			body = exampleOf(t, operation.RequestBody.Value.Content)
		}
		answer := tt.caller.call(tt.method, tt.path, body).want(tt.status)
		tried[tt.operation] = true
		if want := exampleOf(t, operation.Responses.Status(tt.status).Value.Content); want != "" {
			answer.wantJSON(want)
		}
	}
	// The pages serve these two: their tests try the examples.
	tried["public_threat"], tried["public_vulnerability"] = true, true
	for id, operation := range operations {
		if !slices.Contains([]string{"documentation", "health"}, operation.Tags[0]) && id != "about" && !tried[id] {
			t.Errorf("the examples of %s are not tried", id)
		}
	}
	refusals := map[string]answer{
		"BadRequest":   user.call("POST", "/api/v1/stats/", unwelcome),
		"Unauthorized": nobody.call("GET", "/api/v1/client/me", nil),
		"Forbidden":    s.with("unknown").call("GET", "/api/v1/client/me", nil),
		"NotFound":     user.call("DELETE", analysis, nil),
		"Conflict":     admin.call("POST", "/api/v1/client/", `{"name":"NC3"}`),
		"NotJSON":      user.call("POST", "/api/v1/stats/", `[]`, header{"Content-Type", "text/plain"}),
	}
	for name, refusal := range refusals {
		refusal.wantJSON(exampleOf(t, document.Components.Responses[name].Value.Content))
	}
}

// TestDocumentIsComplete shows that the document has an example and a description of
// everything, that its examples are right, and that nothing in it is about Go.
func TestDocumentIsComplete(t *testing.T) {
	t.Parallel()
	document, operations := documented(t)
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	for name, schema := range document.Components.Schemas {
		if schema.Value.Example == nil || schema.Value.Description == "" {
			t.Errorf("the schema %s lacks an example or a description", name)
		}
	}
	for id, operation := range operations {
		if operation.Summary == "" || operation.Description == "" {
			t.Errorf("%s lacks a summary or a description", id)
		}
		if operation.RequestBody != nil && exampleOf(t, operation.RequestBody.Value.Content) == "" {
			t.Errorf("%s lacks the example of a request", id)
		}
		for status, response := range operation.Responses.Map() {
			if len(response.Value.Content) > 0 && exampleOf(t, response.Value.Content) == "" {
				t.Errorf("%s lacks the example of its answer %s", id, status)
			}
		}
	}
	if strings.Contains(string(openapi.Document), "x-go-") {
		t.Error("the document has names of Go, which belong into go.overlay.yaml")
	}
}

// TestServedDocuments compares both forms of the document.
func TestServedDocuments(t *testing.T) {
	t.Parallel()
	nobody := setup(t).anonymous()
	var asJSON, asYAML any
	served := nobody.call("GET", "/api/v1/openapi.json", nil).want(http.StatusOK)
	served.into(&asJSON)
	text := nobody.call("GET", "/api/v1/openapi.yaml", nil).want(http.StatusOK)
	if got := text.header.Get("Content-Type"); got != "application/yaml" {
		t.Errorf("Content-Type %q", got)
	}
	if err := yaml.Unmarshal(text.body, &asYAML); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON, plain(t, asYAML)); diff != "" {
		t.Errorf("(-JSON +YAML)\n%s", diff)
	}
	loaded, err := openapi3.NewLoader().LoadFromData(text.body)
	if err != nil || loaded.Servers[0].URL != "/api/v1" {
		t.Errorf("the document as YAML: %v, servers %v", err, loaded.Servers)
	}
}

// plain returns a value as JSON knows it.
func plain(t *testing.T, value any) (same any) {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &same); err != nil {
		t.Fatal(err)
	}
	return same
}
