// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/stats"
)

// setupPublic stores, for a local client and one that is not: a threat of count
// 2 and 4 yesterday, of 10 a year ago, and risks.
func setupPublic(t *testing.T) *service {
	t.Helper()
	s := setup(t)
	local := s.user("local")
	foreign := s.createClient(stats.Client{Name: "foreign", Role: stats.RoleUser, IsActive: true})
	risks := func(low int) item {
		data := `{"total":{"current":{"informational":1}},"risks":{"current":{"informational":[{"level":"Low risks","value":%}]}}}`
		return item{"anr": id(1), "type": "risk", "date": day(1), "data": json.RawMessage(strings.Replace(data, "%", string(rune('0'+low)), 1))}
	}
	vulnerability := threat(1, 1, 3).with("type", "vulnerability")
	local.post(threat(1, 1, 2), threat(1, 365, 10), threat(1, 366, 50), risks(2), vulnerability)
	foreign.post(threat(2, 1, 4), risks(4))
	return s
}

// TestPublicAnswers compares with the shapes that the pages have always read.
func TestPublicAnswers(t *testing.T) {
	t.Parallel()
	nobody := setupPublic(t).anonymous()
	object := id(900).String()
	mean := func(count string) string { return `{"averageRate":2.5,"count":` + count + `,"maxRisk":12}` }
	const (
		yesterday = `"2026-03-14"`
		yearAgo   = `"2025-03-15"`
	)
	// An analysis whose risks do not name a level has none of it.
	const zeros = `{"Low risks":{` + yesterday + `:0},"Medium risks":{` + yesterday + `:0},"High risks":{` + yesterday + `:0}}`
	labels := `"labels":{"label1":"Vol","label2":"Theft","label3":"","label4":""}`
	tests := []struct{ path, want string }{
		{"threats.json", `{"` + object + `":{` + yearAgo + `:` + mean("10") + `,` + yesterday + `:` + mean("3") + `}}`},
		{"threats.json?processor=threat_average_on_date&days=364", `{"` + object + `":{` + yesterday + `:` + mean("3") + `}}`},
		{"threats.json?days=1", `{"` + object + `":{` + yesterday + `:` + mean("3") + `}}`},
		{"threats.json?days=365&local_stats_only=0", `{"` + object + `":{` + yearAgo + `:` + mean("10") + `,` + yesterday + `:` + mean("3") + `}}`},
		{"threats.json?days=30&local_stats_only=1", `{"` + object + `":{` + yesterday + `:` + mean("2") + `}}`},
		{"threats.json?days=30&layout=series", `[{"object":"` + object + `",` + labels + `,"values":[{"date":` + yesterday + `,"averageRate":2.5,"count":3,"maxRisk":12}],"averages":` + mean("3") + `}]`},
		{"threats.json?processor=&days=&local_stats_only=&layout=&last_stats=", `{"` + object + `":{` + yearAgo + `:` + mean("10") + `,` + yesterday + `:` + mean("3") + `}}`},
		{"vulnerabilities.json", `{"` + object + `":{` + yesterday + `:` + mean("3") + `}}`},
		{"risks.json?local_stats_only=1", `{"current":{"informational":{"Low risks":{` + yesterday + `:2},"Medium risks":{` + yesterday + `:0},"High risks":{` + yesterday + `:0}},"operational":` + zeros + `},
			"residual":{"informational":` + zeros + `,"operational":` + zeros + `}}`},
		{"risks.json?processor=risk_averages", `{"current":{"informational":{"Low risks":3,"Medium risks":0,"High risks":0},"operational":{"Low risks":0,"Medium risks":0,"High risks":0}},"residual":{"informational":{"Low risks":0,"Medium risks":0,"High risks":0},"operational":{"Low risks":0,"Medium risks":0,"High risks":0}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			nobody.on(t).call("GET", "/stats/"+tt.path, nil).want(http.StatusOK).wantJSON(tt.want)
		})
	}
}

// TestLastStats answers the newest 40 days of each object, whenever these were.
func TestLastStats(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	var items []item
	for ago := range 45 {
		items = append(items, threat(1, ago, ago))
		items = append(items, item{"anr": id(1), "type": "risk", "date": day(ago), "data": json.RawMessage(
			`{"total":{"current":{"informational":1}},"risks":{"current":{"informational":[{"level":"Low risks","value":1}]}}}`)})
	}
	seldom := strings.Replace(string(threat(1, 0, 1)["data"].(json.RawMessage)), id(900).String(), id(901).String(), 1)
	items = append(items, threat(2, 200, 7).with("data", json.RawMessage(seldom)))
	user.post(items...)
	var all, newest map[string]map[string]any
	nobody := s.anonymous()
	nobody.call("GET", "/stats/threats.json?last_stats=0", nil).want(http.StatusOK).into(&all)
	nobody.call("GET", "/stats/threats.json?last_stats=1", nil).want(http.StatusOK).into(&newest)
	often, once := id(900).String(), id(901).String()
	if len(all[often]) != 45 || len(newest[often]) != 40 || len(newest[once]) != 1 {
		t.Errorf("%d days, the newest %d, of another object %d", len(all[often]), len(newest[often]), len(newest[once]))
	}
	if newest[often][day(39)] == nil || newest[often][day(40)] != nil {
		t.Errorf("the newest days are %v", newest[often])
	}
	var series []struct{ Averages struct{ Count float64 } }
	nobody.call("GET", "/stats/threats.json?last_stats=1&layout=series", nil).want(http.StatusOK).into(&series)
	if len(series) != 2 || series[1].Averages.Count != 19.5 { // of 0 to 39
		t.Errorf("means %v", series)
	}
	var risks map[string]map[string]map[string]map[string]any
	nobody.call("GET", "/stats/risks.json?last_stats=1", nil).want(http.StatusOK).into(&risks)
	if days := risks["current"]["informational"]["Low risks"]; len(days) != 40 || days[day(39)] == nil {
		t.Errorf("the newest days of risks are %v", days)
	}
}

// TestPublicIsAggregated takes no client and no analysis.
func TestPublicIsAggregated(t *testing.T) {
	t.Parallel()
	nobody := setupPublic(t).anonymous()
	for _, path := range []string{"/stats/threats.json", "/stats/risks.json", "/stats/vulnerabilities.json"} {
		for _, name := range []string{"anr", "anrs", "client", "client_id", "uuid"} {
			got := nobody.call("GET", path+"?"+name+"="+id(1).String(), nil)
			got.wantField(name)
			if p := got.problem(); p.Message != "Unknown arguments: "+name {
				t.Errorf("%s with %s: message %q", path, name, p.Message)
			}
		}
		nobody.call("GET", path+"?anrs[0]="+id(1).String(), nil).wantField("anrs")
	}
	long := nobody.call("GET", "/stats/threats.json?b=1&a=2&"+strings.Repeat("x", 5000), nil).want(http.StatusBadRequest).problem()
	if !strings.HasPrefix(long.Message, "Unknown arguments: a, b, xxx") || len(long.Message) > 200 {
		t.Errorf("message %q", long.Message)
	}
	nobody.call("GET", "/about.json?whatever=1", nil).want(http.StatusOK)
}

// TestBadPublicQuestions names the parameter.
func TestBadPublicQuestions(t *testing.T) {
	t.Parallel()
	nobody := setup(t).anonymous()
	tests := []struct{ path, field string }{
		{"threats.json?processor=risk_averages", "processor"},
		{"threats.json?processor=vulnerability_average_on_date", "processor"},
		{"vulnerabilities.json?processor=threat_average_on_date", "processor"},
		{"risks.json?processor=compliance_averages", "processor"},
		{"risks.json?processor=x", "processor"},
		{"risks.json?processor=%00%ff", "processor"},
		{"threats.json?days=0", "days"},
		{"threats.json?days=-1", "days"},
		{"threats.json?days=1.5", "days"},
		{"threats.json?days=many", "days"},
		{"threats.json?days=%00", "days"},
		{"threats.json?days=99999999999999999999", "days"},
		{"threats.json?days=99999999", "days"},
		{"threats.json?local_stats_only=2", "local_stats_only"},
		{"threats.json?local_stats_only=true", "local_stats_only"},
		{"threats.json?layout=table", "layout"},
		{"threats.json?last_stats=2", "last_stats"},
		{"threats.json?last_stats=true", "last_stats"},
		{"threats.json?days=%zz", "query"},
		{"threats.json?days=1&days=2", "days"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			nobody.on(t).call("GET", "/stats/"+tt.path, nil).wantField(tt.field)
		})
	}
}

// TestPublicAgreesWithAPI reads the same means by both ways.
func TestPublicAgreesWithAPI(t *testing.T) {
	t.Parallel()
	s := setup(t)
	office := s.user("office")
	generator := sample.New(sample.Options{Clients: 1, Analyses: 3, Days: 60, Step: 20, Until: today})
	for _, date := range generator.Dates() {
		office.call("POST", "/api/v1/stats/", generator.FrontOfficeBatch(0, date)).want(http.StatusCreated)
	}
	pages := map[string]string{"threats": "threat_average_on_date", "vulnerabilities": "vulnerability_average_on_date", "risks": "risk_averages_on_date"}
	for page, processor := range pages {
		series := s.anonymous().call("GET", "/stats/"+page+".json?layout=series&days=80", nil).want(http.StatusOK)
		var processed struct{ Data json.RawMessage }
		office.call("GET", "/api/v1/stats/processed/", map[string]any{"processor": processor, "date_from": day(80)}).
			want(http.StatusOK).into(&processed)
		series.wantJSON(string(processed.Data))
	}
}

// TestAboutTheService is what operators look at first.
func TestAboutTheService(t *testing.T) {
	t.Parallel()
	var about map[string]string
	setup(t).anonymous().call("GET", "/about.json", nil).want(http.StatusOK).into(&about)
	if about["api_v1_root"] != "/api/v1/" || about["version"] == "" || !strings.HasPrefix(about["version_url"], "https://") || len(about) != 3 {
		t.Errorf("about: %v", about)
	}
}
