// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestMasksNarrowEveryAnswer narrows every JSON answer.
func TestMasksNarrowEveryAnswer(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user, admin := s.user("user"), s.admin("admin")
	user.post(threat(1, 0, 1).with("uuid", id(101)))
	tests := []struct {
		name, method, path, mask string
		body                     any
		status                   int
		want                     string
	}{
		{"client", "GET", "/api/v1/client/me", "{name}", nil, 200, `{"name":"user"}`},
		{"client without braces", "GET", "/api/v1/client/me", "role , name", nil, 200, `{"name":"user","role":"1"}`},
		{"client, nothing left", "GET", "/api/v1/client/me", "{id}", nil, 200, `{}`},
		{"patched client", "PATCH", "/api/v1/client/me", "is_sharing_enabled", map[string]bool{"is_sharing_enabled": true}, 201, `{"is_sharing_enabled":true}`},
		{"new client", "POST", "/api/v1/client/", "{name,role}", map[string]string{"name": "new"}, 201, `{"name":"new","role":"1"}`},
		{"list", "GET", "/api/v1/stats/", "{data{type,date}}", nil, 200, `{"data":[{"type":"threat","date":"2026-03-15"}]}`},
		{"list, deep", "GET", "/api/v1/stats/", "{data{data{count}},metadata{count}}", nil, 200, `{"data":[{"data":[{"count":1}]}],"metadata":{"count":"1"}}`},
		{"list, metadata alone", "GET", "/api/v1/stats/", "metadata", nil, 200, `{"metadata":{"count":"1","offset":"0","limit":"0"}}`},
		{"list, all but the data", "GET", "/api/v1/stats/", "{data{type},*}", nil, 200, `{"data":[{"type":"threat"}],"metadata":{"count":"1","offset":"0","limit":"0"}}`},
		{"list, nothing left", "GET", "/api/v1/stats/", "{count}", nil, 200, `{}`},
		{"array", "GET", "/api/v1/stats/" + id(1).String(), "{uuid}", nil, 200, `[{"uuid":"` + id(101).String() + `"}]`},
		{"array, nothing left", "GET", "/api/v1/stats/" + id(1).String(), "{x}", nil, 200, `[{}]`},
		{"item", "GET", "/api/v1/stats/" + id(1).String() + "?uuid=" + id(101).String(), "{date}", nil, 200, `{"date":"2026-03-15"}`},
		{"post", "POST", "/api/v1/stats/", "{data{anr}}", []item{threat(2, 90, 1)}, 201, `{"data":[{"anr":"` + id(2).String() + `"}]}`},
		{"post, metadata alone", "POST", "/api/v1/stats/", "metadata{count}", []item{threat(3, 90, 1)}, 201, `{"metadata":{"count":"1"}}`},
		{"post, duplicates", "POST", "/api/v1/stats/", "{duplicates,data{anr}}", []item{threat(1, 0, 1).with("uuid", id(101))}, 207, `{"data":[],"duplicates":["` + id(101).String() + `"]}`},
		{"post, duplicates alone", "POST", "/api/v1/stats/", "duplicates", []item{threat(1, 0, 1).with("uuid", id(101))}, 207, `{"duplicates":["` + id(101).String() + `"]}`},
		{"processed", "GET", "/api/v1/stats/processed/?processor=threat_average_on_date&date_from=" + day(1), "{data{labels{label1},values{date,count}}}", nil, 200,
			`{"data":[{"labels":{"label1":"Vol"},"values":[{"date":"2026-03-15","count":1}]}]}`},
		{"processed, without data", "GET", "/api/v1/stats/processed/?processor=threat_average_on_date", "type,processor", nil, 200, `{"type":"threat","processor":"threat_average_on_date"}`},
		{"public", "GET", "/stats/threats.json?days=1", "*{*{count}}", nil, 200, `{"` + id(900).String() + `":{"2026-03-15":{"count":1}}}`},
		{"public series", "GET", "/stats/threats.json?layout=series&days=1", "averages{count}", nil, 200, `[{"averages":{"count":1}}]`},
		{"about", "GET", "/about.json", "{api_v1_root}", nil, 200, `{"api_v1_root":"/api/v1/"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			caller := user
			if strings.HasSuffix(tt.path, "client/") {
				caller = admin
			}
			caller.on(t).call(tt.method, tt.path, tt.body, maskedBy(tt.mask)).want(tt.status).wantJSON(tt.want)
		})
	}
	var names []map[string]string
	user.call("GET", "/api/v1/stats/processed/list", nil, maskedBy("name")).want(http.StatusOK).into(&names)
	if len(names) != 6 || len(names[0]) != 1 || names[0]["name"] != "cartography_averages" {
		t.Errorf("processors: %v", names)
	}
}

// TestMasksThatCannotBeParsed are refused before anything is done.
func TestMasksThatCannotBeParsed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin := s.admin("admin")
	masks := []string{"{", "}", "{a", "a}", "a,,b", "{a{}}", "a b", "é", "a\xff", strings.Repeat("a", 5_000), strings.Repeat("{", 5_000), strings.Repeat("a{", 1_000) + "b" + strings.Repeat("}", 1_000)}
	operations := []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/v1/client/me", nil},
		{"PATCH", "/api/v1/client/me", map[string]bool{"is_sharing_enabled": false}},
		{"POST", "/api/v1/client/", map[string]string{"name": "new"}},
		{"GET", "/api/v1/stats/", nil},
		{"POST", "/api/v1/stats/", []item{threat(1, 0, 1)}},
		{"GET", "/api/v1/stats/" + id(1).String(), nil},
		{"GET", "/api/v1/stats/processed/", map[string]string{"processor": "risk_averages"}},
		{"GET", "/api/v1/stats/processed/list", nil},
		{"GET", "/stats/threats.json", nil},
		{"GET", "/stats/vulnerabilities.json", nil},
		{"GET", "/stats/risks.json", nil},
		{"GET", "/about.json", nil},
	}
	for _, o := range operations {
		for _, mask := range masks {
			admin.call(o.method, o.path, o.body, maskedBy(mask)).wantField("X-Fields")
		}
	}
	if clients := s.clients(); len(s.stored()) != 0 || len(clients) != 1 || !clients[0].IsSharingEnabled {
		t.Errorf("a refused request left something behind: %d stats, clients %+v", len(s.stored()), clients)
	}
}
