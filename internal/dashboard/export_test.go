// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// addFigures stores figures that can be computed by hand: on two days two
// analyses, one of them with a name that a spreadsheet would run.
func (s *service) addFigures() {
	s.t.Helper()
	client := s.client("One", 49.612, 6.131, true)
	first, second := uuid.New(), uuid.New()
	week := today.AddDate(0, 0, -7)
	s.add(client, first, stats.Threat, week, objectOf(fire, "Fire, smoke", 2, 10, 1))
	s.add(client, second, stats.Threat, week, objectOf(fire, "Fire, smoke", 4, 20, 2))
	s.add(client, first, stats.Threat, today, objectOf(fire, "Fire, smoke", 6, 30, 4))
	s.add(client, second, stats.Threat, today, objectOf(theft, `=1+"1"`, 1, 5, -1))
}

const (
	topHead  = "object,label,probability,occurrence,maximum_risk,analyses,organisations,lower_quartile,median,upper_quartile"
	lineHead = "date,object,label,probability,occurrence,maximum_risk,analyses"
	fireRow  = fire + `,"Fire, smoke",2.75,4.5,22.5`
	theftRow = theft + `,"'=1+""1""",-1,1,5`
	meanRow  = `2026-03-01,,Mean of all threats,0.875,2.75,13.75`
)

func TestCSV(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addFigures()
	tests := map[string]struct {
		path string
		want []string
	}{
		"top": {"/stats/top-threats.csv", []string{topHead, fireRow + ",2,1,2.125,2.25,2.375", theftRow + ",1,1,,,"}},
		"top, lowest, by occurrence": {"/stats/top-threats.csv?order=lowest&by=occurrence", []string{
			topHead, theftRow + ",1,1,,,", fireRow + ",2,1,4,4,4",
		}},
		"a period with one of the days": {"/stats/top-threats.csv?from=2026-03-01&to=2026-03-10", []string{
			topHead, fire + `,"Fire, smoke",1.5,3,15,2,1,1.25,1.5,1.75`,
		}},
		"the JSON route's days": {"/stats/threats.csv", []string{
			lineHead,
			"2026-03-08," + fire + `,"Fire, smoke",1.5,3,15,2`,
			"2026-03-15," + fire + `,"Fire, smoke",4,6,30,1`,
			"2026-03-15," + theft + `,"'=1+""1""",-1,1,5,1`,
		}},
		"by month, one line": {"/stats/evolution.csv?group=month&object=" + fire, []string{
			lineHead, "2026-03-01," + fireRow + ",2", meanRow + ",",
		}},
		"the others": {"/stats/evolution.csv?group=month&invert=1&object=" + fire, []string{
			lineHead, "2026-03-01," + theftRow + ",1", meanRow + ",",
		}},
		"nothing": {"/stats/top-vulnerabilities.csv", []string{topHead}},
		"map": {"/stats/map.csv", []string{
			"latitude,longitude,organisations,analyses,top_threat,top_threat_label,top_vulnerability,top_vulnerability_label,high_risk_share,medium_risk_share,low_risk_share",
			"49.6,6.1,1,2," + fire + `,"Fire, smoke",,,,,`,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.get(tt.path)
			if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/csv; charset=utf-8" {
				t.Fatalf("answers %d %s", got.status, got.header.Get("Content-Type"))
			}
			if !strings.HasPrefix(got.header.Get("Content-Disposition"), `attachment; filename="`) {
				t.Errorf("Content-Disposition is %s", got.header.Get("Content-Disposition"))
			}
			if diff := cmp.Diff(strings.Join(tt.want, "\r\n")+"\r\n", got.body); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestCSVRunsNothing stores names that become formulas in some spreadsheet, in
// some country. Each is kept whole, behind an apostrophe.
func TestCSVRunsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	client := s.client("One", 49, 6, true)
	names := map[string]string{
		"=1+1":                        "'=1+1",
		"+1":                          "'+1",
		"-1":                          "'-1",
		"@SUM(A1)":                    "'@SUM(A1)",
		"  =1":                        "'  =1",
		"\u00a0=1":                    "'\u00a0=1",
		"\ufeff=1":                    "'\ufeff=1",
		"\u200b\u2060=1":              "'\u200b\u2060=1",
		"\t=1":                        "'\t=1",
		"＝1":                          "'＝1",
		`"=1`:                         `'"=1`,
		`foo;=cmd|' /C calc'!A0`:      `foo;'=cmd|' /C calc'!A0`,
		`foo; "=cmd|' /C calc'!A0"`:   `foo;' "=cmd|' /C calc'!A0"`,
		"a\tb;\u00a0+1;c;-2":          "a\tb;'\u00a0+1;c;'-2",
		"line\n=1":                    "line\n'=1",
		"A threat; with a semicolon":  "A threat; with a semicolon",
		"Fire - or smoke, 1=1, a@b.c": "Fire - or smoke, 1=1, a@b.c",
	}
	for name := range names {
		encoded, err := json.Marshal([]map[string]any{{
			"uuid": uuid.New(), "label1": name, "label2": name, "label3": name, "label4": name, "count": 1, "maxRisk": 1, "averageRate": 1,
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.add(client, uuid.New(), stats.Threat, today, string(encoded))
	}
	rows, err := csv.NewReader(strings.NewReader(s.get("/stats/threats.csv").body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, row := range rows[1:] {
		got[row[2]] = true
	}
	want := map[string]bool{}
	for _, name := range names {
		want[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCSVOfHostileNames reads back what was written.
func TestCSVOfHostileNames(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addHostile()
	rows, err := csv.NewReader(strings.NewReader(s.get("/stats/top-threats.csv?top=10").body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range rows[1:] {
		names = append(names, row[1])
	}
	var want []string
	for _, name := range hostile {
		if strings.ContainsAny(name[:1], "=+-@") {
			name = "'" + name
		}
		want = append(want, name)
	}
	slices.Sort(want)
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addFigures()
	got := s.get("/stats/top-threats.json?top=5&days=30")
	want := `{"chart":"top-threats","from":"2026-02-13","to":"2026-03-15","local_stats_only":false,"rows":[` +
		`{"object":"` + fire + `","label":"Fire, smoke","probability":2.75,"occurrence":4.5,"maximum_risk":22.5,"analyses":2,"organisations":1,"lower_quartile":2.125,"median":2.25,"upper_quartile":2.375},` +
		`{"object":"` + theft + `","label":"=1+\"1\"","probability":-1,"occurrence":1,"maximum_risk":5,"analyses":1,"organisations":1,"lower_quartile":null,"median":null,"upper_quartile":null}]}`
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestMeanOfLines shows that the exports of lines have the line of means, of no
// object.
func TestMeanOfLines(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addFigures()
	got := s.get("/stats/evolution.json?group=year&lang=en").body
	want := `{"date":"2026-01-01","object":null,"label":"Mean of all threats","probability":0.875,"occurrence":2.75,"maximum_risk":13.75,"analyses":null}`
	if !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
	if page := s.get("/stats/evolution?group=year").body; !strings.Contains(page, `dir="auto">Mean of all threats</th><td class="number">0.88</td><td class="number">0.88</td>`) {
		t.Error("the table has no mean of the means")
	}
}

// TestEveryExport asks for the exports that the pages link to.
func TestEveryExport(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	for _, id := range []string{
		"top-threats", "top-vulnerabilities", "risks-informational", "risks-operational", "evolution", "compliance", "map",
		"cartography-informational-current", "cartography-informational-residual",
		"cartography-operational-current", "cartography-operational-residual",
	} {
		rows, err := csv.NewReader(strings.NewReader(s.get("/stats/" + id + ".csv?days=365").body)).ReadAll()
		if err != nil || len(rows) < 3 {
			t.Errorf("%s.csv has %d rows: %v", id, len(rows), err)
			continue
		}
		var document struct {
			Chart string
			Rows  []map[string]any
		}
		if err := json.Unmarshal([]byte(s.get("/stats/"+id+".json?days=365").body), &document); err != nil {
			t.Errorf("%s.json: %v", id, err)
		}
		if document.Chart != id || len(document.Rows) != len(rows)-1 || len(document.Rows[0]) != len(rows[0]) {
			t.Errorf("%s.json has %d rows, %s.csv %d", document.Chart, len(document.Rows), id, len(rows)-1)
		}
	}
}

func TestComplianceOfOneReferential(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	const iso = "5f02a3f0-14e0-4ae6-ae76-07c35c29fbf3"
	rows, err := csv.NewReader(strings.NewReader(s.get("/stats/compliance.csv?lang=en&object=" + iso).body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 || rows[1][0] != iso || rows[1][1] != "ISO/IEC 27002:2022" || rows[1][2] != "Organizational controls" {
		t.Errorf("the rows are %v", rows)
	}
}
