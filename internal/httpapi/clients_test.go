// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// inactive is a client that an operator has shut out.
var inactive = stats.Client{Name: "inactive", Role: stats.RoleAdmin, Local: true}

// TestClientCreate goes through what a deployment tool sends.
func TestClientCreate(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := s.admin("admin")
	var created struct {
		Name, Role, Token string
		Sharing           bool `json:"is_sharing_enabled"`
	}
	admin.call("POST", "/api/v1/client/", `{"name":"office"}`).want(http.StatusCreated).into(&created)
	if len(created.Token) < 40 || created.Role != "1" || !created.Sharing {
		t.Errorf("created: %+v", created)
	}
	s.with(created.Token).call("GET", "/api/v1/client/me", nil).want(http.StatusOK)

	tests := []struct {
		name, body string
		status     int
		field      string // at fault
	}{
		{"with a token", `{"name":"a","token":"chosen-token","is_sharing_enabled":false}`, 201, ""},
		{"null members", `{"name":"b","token":null,"is_sharing_enabled":null}`, 201, ""},
		{"same name and token", `{"name":"a","token":"chosen-token"}`, 304, ""},
		{"same name, other token", `{"name":"a","token":"another-token"}`, 409, "name"},
		{"same name, no token", `{"name":"a"}`, 409, "name"},
		{"other name, same token", `{"name":"c","token":"chosen-token"}`, 409, "token"},
		{"no name", `{}`, 400, "name"},
		{"null name", `{"name":null}`, 400, "name"},
		{"empty name", `{"name":""}`, 400, "name"},
		{"long name", `{"name":"` + strings.Repeat("x", 101) + `"}`, 400, "name"},
		{"name of 100 letters", `{"name":"` + strings.Repeat("é", 100) + `"}`, 201, ""},
		{"NUL in the name", `{"name":"a\u0000b"}`, 400, "name"},
		{"line break in the name", `{"name":"a\nb"}`, 400, "name"},
		{"half a surrogate in the name", `{"name":"a\ud800"}`, 400, "name"},
		{"number as a name", `{"name":5}`, 400, "name"},
		{"NUL in the token", `{"name":"d","token":"a\u0000b"}`, 400, "token"},
		{"space in the token", `{"name":"d","token":"a b"}`, 400, "token"},
		{"empty token", `{"name":"d","token":""}`, 400, "token"},
		{"long token", `{"name":"d","token":"` + strings.Repeat("x", 513) + `"}`, 400, "token"},
		{"sharing as a string", `{"name":"d","is_sharing_enabled":"yes"}`, 400, "is_sharing_enabled"},
		{"a role", `{"name":"d","role":"admin"}`, 400, "role"},
		{"an id", `{"name":"d","id":1}`, 400, "id"},
		{"a uuid", `{"name":"d","uuid":"` + id(1).String() + `"}`, 400, "uuid"},
		{"activity", `{"name":"d","is_active":true}`, 400, "is_active"},
		{"locality", `{"name":"d","local":false}`, 400, "local"},
		{"name in another case", `{"Name":"d"}`, 400, "Name"},
	}
	for _, tt := range tests { // in their order: the conflicts depend on it
		before := len(s.clients())
		got := admin.call("POST", "/api/v1/client/", tt.body)
		if got.status != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.name, got.status, tt.status, got.body)
			continue
		}
		if tt.field != "" && got.problem().Errors[tt.field] == "" {
			t.Errorf("%s: the error does not name %s: %s", tt.name, tt.field, got.body)
		}
		if added := len(s.clients()) - before; added > 0 != (tt.status == 201) {
			t.Errorf("%s: %d clients were added", tt.name, added)
		}
	}
	for _, client := range s.clients() {
		if client.Role != stats.RoleUser && client.Name != "admin" {
			t.Errorf("client %q became %s", client.Name, client.Role)
		}
	}
}

// TestClientPatch changes nothing but the sharing flag.
func TestClientPatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	before := s.clients()
	tests := []struct{ name, body, field string }{
		{"empty object", `{}`, "is_sharing_enabled"},
		{"null", `{"is_sharing_enabled":null}`, "is_sharing_enabled"},
		{"string", `{"is_sharing_enabled":"true"}`, "is_sharing_enabled"},
		{"number", `{"is_sharing_enabled":1}`, "is_sharing_enabled"},
		{"role", `{"is_sharing_enabled":false,"role":"admin"}`, "role"},
		{"token", `{"is_sharing_enabled":false,"token":"x"}`, "token"},
		{"name", `{"name":"x","is_sharing_enabled":false}`, "name"},
		{"id", `{"is_sharing_enabled":false,"id":1}`, "id"},
		{"activity", `{"is_sharing_enabled":false,"is_active":false}`, "is_active"},
		{"twice", `{"is_sharing_enabled":true,"is_sharing_enabled":false}`, "is_sharing_enabled"},
		{"array", `[{"is_sharing_enabled":false}]`, "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user.on(t).call("PATCH", "/api/v1/client/me", tt.body).wantField(tt.field)
		})
	}
	if diff := cmp.Diff(before, s.clients()); diff != "" {
		t.Errorf("clients (-before +after):\n%s", diff)
	}
}

// TestRegistrationOpen creates clients without a key.
func TestRegistrationOpen(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.RegistrationOpen = true })
	sleeper := s.createClient(inactive)
	var created api.Clients
	s.anonymous().call("POST", "/api/v1//client", `{"name":"newcomer"}`).want(http.StatusCreated).into(&created)
	if created.Role != "1" {
		t.Errorf("role %s", created.Role)
	}
	s.anonymous().call("POST", "/api/v1/client/", `{"name":"root","role":"admin"}`).wantField("role")
	s.anonymous().call("GET", "/api/v1/client/me", nil).want(http.StatusUnauthorized)
	s.anonymous().call("GET", "/api/v1/stats/", nil).want(http.StatusUnauthorized)
	s.user("user").call("POST", "/api/v1/client/", `{"name":"another"}`).want(http.StatusCreated)
	sleeper.call("POST", "/api/v1/client/", `{"name":"third"}`).want(http.StatusForbidden)
	s.with("wrong").call("POST", "/api/v1/client/", `{"name":"third"}`).want(http.StatusForbidden)
}

// TestTypedClient goes through the generated client.
func TestTypedClient(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	typed := user.typed()
	me, err := typed.ClientGetWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sharing := true
	want := &api.Clients{Name: "user", Role: "1", Token: user.token, IsSharingEnabled: &sharing}
	if diff := cmp.Diff(want, me.JSON200); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	data := []byte(`[{"uuid":"b402d4e0-4576-11e9-9173-0800277f0571","count":1,"maxRisk":2,"averageRate":3}]`)
	stat := api.NewStats{ANR: id(1), Type: "threat", Data: data}
	stat.Date.Time = today
	posted, err := typed.CreateStatsWithResponse(t.Context(), nil, []api.NewStats{stat})
	if err != nil {
		t.Fatal(err)
	}
	if posted.JSON201 == nil || len(posted.JSON201.Data) != 1 {
		t.Fatalf("POST = %s %s", posted.Status(), posted.Body)
	}
	one, limit := lenient.Integer(1), lenient.Integer(5)
	listed, err := typed.ListStatsWithResponse(t.Context(), nil, api.StatsQuery{Type: "threat", GroupByANR: &one, Limit: &limit, ANRs: lenient.UUIDs{id(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(posted.JSON201.Data, listed.JSON200.Data, cmpopts.IgnoreFields(api.Stats{}, "Data")); diff != "" {
		t.Errorf("list (-posted +listed):\n%s", diff)
	}
	processed, err := typed.ProcessingListWithResponse(t.Context(), nil, api.ProcessingQuery{Processor: "threat_average_on_date"})
	if err != nil || processed.JSON200 == nil {
		t.Fatalf("processed: %v %s", err, processed.Body)
	}
	list, err := typed.GetProcessorListWithResponse(t.Context(), nil)
	if err != nil || len(*list.JSON200) != 6 {
		t.Errorf("processors: %v %s", err, list.Body)
	}
	gone, err := typed.DeleteStatsWithResponse(t.Context(), id(1).String(), nil)
	if err != nil || gone.StatusCode() != http.StatusNoContent {
		t.Errorf("delete: %v %v", err, gone.Status())
	}
	missing, err := typed.GetStatsWithResponse(t.Context(), id(1).String(), nil)
	if err != nil || string(missing.Body) != "[]" {
		t.Errorf("stats of an analysis without any: %v %s", err, missing.Body)
	}
}

// TestLastSeen shows that requests are recorded, but not one by one.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	user.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
	if seen := s.clients()[0].LastSeen; seen != nil {
		t.Errorf("last_seen was written with a request: %s", seen)
	}
	s.stopRunning()
	seen := s.clients()[0].LastSeen
	if want := today.Add(12 * time.Hour); seen == nil || !seen.Equal(want) {
		t.Errorf("last_seen after the end of the service: %v, want %s", seen, want)
	}
}
