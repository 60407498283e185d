// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestNoFilterReveals asks every processor, in every way in which analyses can be
// named, about those of another client among the caller's own: the answer is that
// about its own alone. Of analyses that nobody named there is nothing at all.
func TestNoFilterReveals(t *testing.T) {
	t.Parallel()
	h := setupTown(t)
	user, neighbour := h.parties[userC], h.parties[otherUser]
	processors := []string{
		"", // compares
		"cartography_averages", "compliance_averages", "risk_averages", "risk_averages_on_date", "threat_average_on_date", "vulnerability_average_on_date",
	}
	mine, theirs := user.analysis.String(), neighbour.analysis.String()
	filters := []struct{ query, body string }{
		{"?anrs=%s", ""},
		{"?anrs[0]=%s", ""},
		{"", `{"anrs":["%s"]`},
		{"", `{"anrs":"%s"`},
		{"?anrs=" + theirs, `{"anrs":["%s"]`}, // the body wins
		{"", `{"anrs":["%s"],"date_from":"1970-01-01","date_to":"9999-12-31"`},
		{"", `{"anrs":["%s"],"date_from":"` + day(1) + `","date_to":"` + day(1) + `"`},
		{"", `{"anrs":["%s"],"local_stats_only":1`},
		{"", `{"anrs":["%s"],"local_stats_only":"0"`},
	}
	ask := func(t *testing.T, processor, query, body string) string {
		t.Helper()
		path, name := "/api/v1/stats/processed/", "processor"
		if processor == "" {
			path, name, processor = "/api/v1/stats/compare/", "type", "threat"
		}
		if query != "" && body == "" {
			query += "&" + name + "=" + processor
		}
		var content any
		if body != "" {
			content = body + `,"` + name + `":"` + processor + `"}`
		}
		return string(h.with(user.token).on(t).call("GET", path+query, content).want(http.StatusOK).body)
	}
	for _, processor := range processors {
		for _, filter := range filters {
			fill := func(text string, anrs string) string { return strings.Replace(text, "%s", anrs, 1) }
			separator := ","
			if strings.Contains(filter.body, `["%s"]`) {
				separator = `","`
			}
			alone := ask(t, processor, fill(filter.query, mine), fill(filter.body, mine))
			both := ask(t, processor, fill(filter.query, mine+separator+theirs), fill(filter.body, mine+separator+theirs))
			if both != alone {
				t.Errorf("%s %s%s: %s; of its own analysis alone: %s", processor, filter.query, filter.body, both, alone)
			}
			strange := ask(t, processor, fill(filter.query, theirs), fill(filter.body, theirs))
			for _, secret := range neighbour.secrets() {
				if strings.Contains(both+strange, secret) {
					t.Errorf("%s %s%s shows %s of another client: %s %s", processor, filter.query, filter.body, secret, both, strange)
				}
			}
			if !strings.Contains(strange, `"data":[]`) && !strings.Contains(strange, `"data": []`) {
				t.Errorf("%s %s%s: of another's analysis there is %s", processor, filter.query, filter.body, strange)
			}
		}
	}
}
