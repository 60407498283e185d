// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/stats"
)

// risks is a risk stats with one level in each state and kind.
func risks(anr, daysAgo, low int) item {
	kinds := map[string]any{}
	for _, kind := range []string{"informational", "operational"} {
		kinds[kind] = []map[string]any{{"level": "Low risks", "value": low}}
	}
	return item{"anr": id(anr), "type": "risk", "date": day(daysAgo), "data": map[string]any{
		"total": map[string]any{}, "risks": map[string]any{"current": kinds, "residual": kinds},
	}}
}

// TestProcessedQuestions asks in the body and in the query.
func TestProcessedQuestions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	near := s.user("near")
	far := s.createClient(stats.Client{Name: "far", Role: stats.RoleUser, IsActive: true})
	near.post(risks(1, 0, 1), risks(1, 10, 3), risks(1, 91, 100))
	far.post(risks(2, 0, 8))
	mean := func(low string) string { return `{"Low risks":` + low + `,"Medium risks":0,"High risks":0}` }
	both := func(low string) string {
		kinds := `{"informational":` + mean(low) + `,"operational":` + mean(low) + `}`
		return `{"current":` + kinds + `,"residual":` + kinds + `}`
	}
	const path, processor = "/api/v1/stats/processed/", `"processor":"risk_averages"`
	tests := []struct{ name, query, body, want string }{
		{"all clients, three months", "", `{` + processor + `}`, both("4")},
		{"by parameter", "?processor=risk_averages", "", both("4")},
		{"with the type", "?processor=risk_averages&type=risk", "", both("4")},
		{"nulls", "", `{` + processor + `,"type":null,"anrs":null,"date_from":null,"date_to":null,"local_stats_only":null,"processor_params":null}`, both("4")},
		{"an analysis of another client", "", `{` + processor + `,"anrs":["` + id(2).String() + `"]}`, `[]`},
		{"analyses of two clients", "", `{` + processor + `,"anrs":["` + id(2).String() + `","` + id(1).String() + `"]}`, both("2")},
		{"analyses of PHP", "?processor=risk_averages&anrs[0]=" + id(1).String(), "", both("2")},
		{"the body wins", "?processor=threat_average_on_date&anrs=" + id(2).String(), `{` + processor + `,"anrs":["` + id(1).String() + `"]}`, both("2")},
		{"body and query", "?anrs=" + id(1).String(), `{` + processor + `}`, both("2")},
		{"local clients", "", `{` + processor + `,"local_stats_only":"1"}`, both("2")},
		{"all clients", "", `{` + processor + `,"local_stats_only":0}`, both("4")},
		{"a day", "", `{` + processor + `,"date_from":"` + day(10) + `","date_to":"` + day(10) + `"}`, both("3")},
		{"up to a day", "", `{` + processor + `,"date_to":"` + day(91) + `"}`, both("100")},
		{"of a kind", "", `{` + processor + `,"processor_params":{"risks_type":"operational","risks_state":"current"}}`, `{"current":{"operational":` + mean("4") + `}}`},
		{"of two kinds", "", `{` + processor + `,"processor_params":{"risks_type":"operational,informational","risks_state":["current"]}}`,
			`{"current":{"informational":` + mean("4") + `,"operational":` + mean("4") + `}}`},
		{"of a kind, JSON in the query", `?processor=risk_averages&processor_params=%7B%22risks_type%22%3A%22operational%22%2C%22risks_state%22%3A%22current%22%7D`, "", `{"current":{"operational":` + mean("4") + `}}`},
		{"of a kind, map of PHP", "?processor=risk_averages&processor_params[risks_type]=operational&processor_params%5Brisks_state%5D=current", "", `{"current":{"operational":` + mean("4") + `}}`},
		{"the body's parameters win", "?processor_params[risks_type]=operational", `{` + processor + `,"processor_params":{"risks_state":"residual","risks_type":"informational"}}`, `{"residual":{"informational":` + mean("4") + `}}`},
		{"nothing matches", "", `{` + processor + `,"anrs":["` + id(9).String() + `"]}`, `[]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			var got struct {
				Type, Processor string
				Data            json.RawMessage
			}
			near.on(t).call("GET", path+tt.query, body).want(http.StatusOK).into(&got)
			if diff := cmp.Diff([]string{"risk", "risk_averages"}, []string{got.Type, got.Processor}); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			answer{t: t, body: got.Data}.wantJSON(tt.want)
		})
	}
}

// TestProcessedAnalysesOfOthers answers a user about its own stats of the named
// analyses, and an admin about all of them, whoever asked first.
func TestProcessedAnalysesOfOthers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	one, other, admin := s.user("one"), s.user("other"), s.admin("admin")
	one.post(risks(1, 0, 1), risks(3, 0, 5))
	other.post(risks(2, 0, 8), risks(3, 0, 7)) // both send analysis 3
	low := func(c caller, anrs ...int) any {
		t.Helper()
		var ids []string
		for _, n := range anrs {
			ids = append(ids, id(n).String())
		}
		var got struct {
			Data any
		}
		c.call("GET", "/api/v1/stats/processed/", map[string]any{"processor": "risk_averages", "anrs": ids}).want(http.StatusOK).into(&got)
		states, ok := got.Data.(map[string]any)
		if !ok {
			return nil
		}
		return states["current"].(map[string]any)["operational"].(map[string]any)["Low risks"]
	}
	for range 2 { // computed, then cached
		got := []any{low(admin, 1, 2), low(one, 1, 2), low(other, 1, 2), low(one, 2), low(one, 3), low(other, 3), low(admin, 3)}
		if diff := cmp.Diff([]any{4.5, 1.0, 8.0, nil, 5.0, 7.0, 6.0}, got); diff != "" {
			t.Errorf("means (-want +got):\n%s", diff)
		}
	}
}

// TestProcessorList is public and in the order of the names.
func TestProcessorList(t *testing.T) {
	t.Parallel()
	var list []struct{ Name, Description string }
	setup(t).anonymous().call("GET", "/api/v1/stats/processed/list", nil).want(http.StatusOK).into(&list)
	var names []string
	for _, processor := range list {
		names = append(names, processor.Name)
		if processor.Description == "" {
			t.Errorf("%s has no description", processor.Name)
		}
	}
	want := []string{"cartography_averages", "compliance_averages", "risk_averages", "risk_averages_on_date", "threat_average_on_date", "vulnerability_average_on_date"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("processors (-want +got):\n%s", diff)
	}
}
