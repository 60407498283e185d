// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/speakeasy-api/openapi/overlay"
)

const published = `{
  "swagger": "2.0", "basePath": "/api", "info": {"title": "t", "version": "1"},
  "paths": {"/things/": {"get": {"operationId": "list", "responses": {"200": {"description": "Success"}}}}}
}`

func parseOverlay(t *testing.T, actions string) *overlay.Overlay {
	t.Helper()
	text := "overlay: 1.0.0\nx-speakeasy-jsonpath: rfc9535\ninfo: {title: t, version: 1.0.0}\nactions:\n" + actions
	over, err := overlay.ParseReader(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse overlay: %v", err)
	}
	return over
}

func TestBuildAppliesActionsInOrder(t *testing.T) {
	over := parseOverlay(t, `
  - target: $.paths['/things/'].get.responses
    update: {"404": &gone {description: Gone}, "410": *gone}
  - target: $.paths['/things/'].get.responses['410']
    update: {description: Gone for good}
`)
	document, err := Build([]byte(published), over)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"openapi: 3.0.3", "- url: /api", "description: Gone\n", "description: Gone for good\n"} {
		if !strings.Contains(string(document), want) {
			t.Errorf("the document lacks %q:\n%s", want, document)
		}
	}
	if strings.ContainsAny(string(document), "&*") {
		t.Errorf("aliases are left in the document:\n%s", document)
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := map[string]struct{ document, actions, want string }{
		"a target that is not there": {
			document: published,
			actions:  "  - target: $.paths['/other/']\n    remove: true\n",
			want:     "did not match",
		},
		"a result that is no OpenAPI document": {
			document: published,
			actions:  "  - target: $.info.title\n    remove: true\n",
			want:     "not a valid OpenAPI document",
		},
		"something else than JSON": {
			document: "swagger: 2.0",
			actions:  "  - target: $.info\n    update: {title: u}\n",
			want:     "read Swagger document",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Build([]byte(test.document), parseOverlay(t, test.actions))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that says %q", err, test.want)
			}
		})
	}
}

// TestDocumentIsUpToDate also shows that building is deterministic.
func TestDocumentIsUpToDate(t *testing.T) {
	swagger, err := os.ReadFile("../../openapi/swagger.json")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile("../../openapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		over, err := overlay.Parse("../../openapi/overlay.yaml")
		if err != nil {
			t.Fatal(err)
		}
		built, err := Build(swagger, over)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Fatal("openapi.yaml is not what swagger.json and overlay.yaml give: run the task gen")
		}
	}
}

// TestEveryActionHasAReason keeps the overlay readable as a list of decisions.
func TestEveryActionHasAReason(t *testing.T) {
	over, err := overlay.Parse("../../openapi/overlay.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range over.Actions {
		if strings.TrimSpace(action.Description) == "" {
			t.Errorf("the action on %s does not say why", action.Target)
		}
	}
}
