// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAllFaultsAreTold names every field that cannot be accepted in one answer,
// wherever it stands.
func TestAllFaultsAreTold(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user, admin := s.user("user"), s.admin("admin")
	const lists, processed = "/api/v1/stats/", "/api/v1/stats/processed/"
	const generic = "Input payload validation failed"
	tests := []struct {
		name         string
		method, path string
		body         any
		headers      []header
		message      string
		fields       []string
	}{
		{
			"query", "GET", lists + "?type=x&date_from=x&date_to=y&offset=-1&limit=ten&get_last=maybe&group_by_anr=2&anr=x&anrs=x", nil, nil, generic,
			[]string{"anr", "anrs", "date_from", "date_to", "get_last", "group_by_anr", "limit", "offset", "type"},
		},
		{
			"body of the right types", "GET", lists, `{"type":"x","date_from":"x","date_to":"y","group_by_anr":2}`, nil, generic,
			[]string{"date_from", "date_to", "group_by_anr", "type"},
		},
		{
			"body of wrong types", "GET", lists, `{"type":1,"offset":-1,"limit":[],"anrs":{},"anr":[],"date_to":5}`, nil, generic,
			[]string{"anr", "anrs", "date_to", "limit", "offset", "type"},
		},
		{
			"body, query and mask", "GET", lists + "?date_from=x&limit=1", `{"type":"x","limit":-1,"offset":0}`, []header{maskedBy("{a")}, generic,
			[]string{"X-Fields", "date_from", "limit", "type"},
		},
		{
			"unknown members beside", "GET", lists + "?date_to=x", `{"limit":-1,"b":{"c":1},"a":1}`, nil, "Unknown arguments: a, b",
			[]string{"a", "b", "date_to", "limit"},
		},
		{
			"a fault behind a good member", "GET", lists, `{"anrs":["` + id(1).String() + `"],"get_last":"yes","limit":"x"}`, nil, generic,
			[]string{"get_last", "limit"},
		},
		{
			"processed", "GET", processed + "?processor=mean&type=x&local_stats_only=2&date_from=x", nil, nil, generic,
			[]string{"date_from", "local_stats_only", "processor", "type"},
		},
		{
			"processed with parameters", "GET", processed, `{"processor":"risk_averages","processor_params":{"risks_type":"y"},"date_to":"x"}`, nil, generic,
			[]string{"date_to", "processor_params.risks_type"},
		},
		{"path and query", "GET", lists + "x?uuid=y", nil, []header{maskedBy("{a")}, generic, []string{"X-Fields", "anr", "uuid"}},
		{"delete", "DELETE", lists + "x?uuid=y", nil, nil, generic, []string{"anr", "uuid"}},
		{"names of the query", "DELETE", lists + id(1).String() + "?a=1&b=2&uuid=", nil, nil, generic, []string{"a", "b", "uuid"}},
		{"repeated", "GET", lists + "?limit=1&limit=2&offset=1&offset=2", nil, nil, generic, []string{"limit", "offset"}},
		{
			"a body that sets something", "POST", "/api/v1/client/", `{"token":1,"is_sharing_enabled":"x","role":2}`, nil, "Unknown arguments: role",
			[]string{"is_sharing_enabled", "name", "role", "token"},
		},
		{"malformed behind faults", "GET", lists + "?type=x", `{"limit":-1,"offset":-1,`, nil, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			caller := user
			if tt.method == "POST" {
				caller = admin
			}
			p := caller.on(t).call(tt.method, tt.path, tt.body, tt.headers...).want(http.StatusBadRequest).problem()
			if tt.fields == nil {
				if len(p.Errors) != 1 {
					t.Errorf("errors %v, want the syntax alone", p.Errors)
				}
				return
			}
			if diff := cmp.Diff(tt.fields, slices.Sorted(maps.Keys(p.Errors))); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if p.Message != tt.message {
				t.Errorf("message %q, want %q", p.Message, tt.message)
			}
		})
	}
}

// TestUnknownParameters are ignored, as callers rely on: only a body and a
// DELETE have a closed list of names.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	user.post(threat(1, 0, 1))
	for _, path := range []string{"/api/v1/stats/?page=2&_=1", "/api/v1/stats/processed/?processor=threat_average_on_date&x=y", "/api/v1/client/me?x=y"} {
		user.call("GET", path, nil).want(http.StatusOK)
	}
}
