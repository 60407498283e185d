// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

// summary tells which stats a list has, by analysis and date.
func (l list) summary() []string {
	rows := []string{}
	for _, r := range l.Data {
		rows = append(rows, strings.TrimLeft(r.ANR.String()[24:], "0")+" "+r.Date)
	}
	return rows
}

// TestListDefaults asks without saying much.
func TestListDefaults(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	risk := item{"anr": id(2), "type": "risk", "date": "2026-01-01", "data": map[string]any{"total": map[string]any{}, "risks": map[string]any{}}}
	user.post(threat(1, 0, 1), threat(1, 40, 1), threat(2, 0, 1), threat(2, 10, 1), threat(3, -1, 1),
		threat(3, 0, 1).with("date", "2025-12-15"), threat(3, 0, 1).with("date", "2025-12-14"), risk)
	within := []string{"1 2026-03-15", "2 2026-03-15", "2 2026-03-05", "1 2026-02-03", "2 2026-01-01", "3 2025-12-15"}
	tests := []struct {
		name, query, body string
		want              []string
	}{
		{"three months up to today", "", "", within},
		{"an empty question", "", "{}", within},
		{"nulls", "", `{"anr":null,"type":null,"group_by_anr":null,"date_from":null,"date_to":null,"anrs":null,"get_last":null,"offset":null,"limit":null}`, within},
		{"a type", "", `{"type":"risk"}`, []string{"2 2026-01-01"}},
		{"from", "", `{"date_from":"2026-03-05"}`, []string{"1 2026-03-15", "2 2026-03-15", "2 2026-03-05"}},
		{"to", "", `{"date_to":"2025-12-14"}`, []string{"3 2025-12-14"}},
		{"three months before the end", "", `{"date_to":"2026-03-14"}`, []string{"2 2026-03-05", "1 2026-02-03", "2 2026-01-01", "3 2025-12-15", "3 2025-12-14"}},
		{"one day", "", `{"date_from":"2025-12-15","date_to":"2025-12-15"}`, []string{"3 2025-12-15"}},
		{"the future", "", `{"date_to":"2026-12-31","date_from":"2026-03-16"}`, []string{"3 2026-03-16"}},
		{"a range that ends before it starts", "", `{"date_from":"2026-03-01","date_to":"2026-01-01"}`, []string{}},
		{"last", "", `{"type":"threat","get_last":true}`, []string{"3 2026-03-16", "1 2026-03-15", "2 2026-03-15"}},
		{"last of each type", "", `{"get_last":"1","anrs":["` + id(2).String() + `"]}`, []string{"2 2026-03-15", "2 2026-01-01"}},
		{"last whatever the dates", "", `{"type":"threat","get_last":1,"date_from":"2020-01-01","date_to":"2020-01-02"}`, []string{"3 2026-03-16", "1 2026-03-15", "2 2026-03-15"}},
		{"grouped", "", `{"group_by_anr":1}`, []string{"1 2026-03-15", "1 2026-02-03", "2 2026-03-15", "2 2026-03-05", "2 2026-01-01", "3 2025-12-15"}},
		{"one analysis", "", `{"anr":"` + id(1).String() + `"}`, []string{"1 2026-03-15", "1 2026-02-03"}},
		{"analyses", "", `{"anrs":["` + id(1).String() + `","` + id(3).String() + `"]}`, []string{"1 2026-03-15", "1 2026-02-03", "3 2025-12-15"}},
		{"no filter of analyses", "", `{"anrs":[]}`, within},
		{"analyses separated by commas", "", `{"anrs":"` + id(1).String() + `, ` + id(3).String() + `"}`, []string{"1 2026-03-15", "1 2026-02-03", "3 2025-12-15"}},
		{"analysis among the analyses", "", `{"anr":"` + id(1).String() + `","anrs":["` + id(1).String() + `","` + id(3).String() + `"]}`, []string{"1 2026-03-15", "1 2026-02-03"}},
		{"analysis not among the analyses", "", `{"anr":"` + id(1).String() + `","anrs":["` + id(3).String() + `"]}`, []string{}},
		{"page", "", `{"offset":"2","limit":"2"}`, []string{"2 2026-03-05", "1 2026-02-03"}},
		{"no limit", "", `{"offset":4,"limit":0}`, []string{"2 2026-01-01", "3 2025-12-15"}},
		{"beyond the end", "", `{"offset":999999999999999999,"limit":999999999999999999}`, []string{}},
		{"parameters", "?type=threat&date_from=2026-03-05&date_to=2026-03-15&limit=1&offset=2", "", []string{"2 2026-03-05"}},
		{"empty parameters", "?type=&date_from=&date_to=&limit=&offset=&anrs=&anr=&get_last=&group_by_anr=", "", within},
		{"repeated analyses", "?anrs=" + id(1).String() + "&anrs=" + id(3).String(), "", []string{"1 2026-03-15", "1 2026-02-03", "3 2025-12-15"}},
		{"analyses of PHP", "?anrs[0]=" + id(1).String() + "&anrs%5B1%5D=" + id(3).String(), "", []string{"1 2026-03-15", "1 2026-02-03", "3 2025-12-15"}},
		{"analyses with commas", "?anrs=" + id(1).String() + "," + id(3).String(), "", []string{"1 2026-03-15", "1 2026-02-03", "3 2025-12-15"}},
		{"the body wins", "?type=risk&limit=1&anrs=" + id(3).String(), `{"type":"threat","anrs":["` + id(1).String() + `"],"limit":5}`, []string{"1 2026-03-15", "1 2026-02-03"}},
		{"body and parameters", "?type=threat&limit=1", `{"anrs":["` + id(1).String() + `"]}`, []string{"1 2026-03-15"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			got := user.on(t).call("GET", "/api/v1/stats"+tt.query, body).list(http.StatusOK)
			if diff := cmp.Diff(tt.want, ordered(got.summary(), tt.want)); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

// ordered swaps two neighbours of the same date to where they are wanted: among
// them the uuids decide, which this table does not know.
func ordered(got, want []string) []string {
	for i := 0; i+1 < len(got) && i < len(want); i++ {
		if got[i] != want[i] && got[i+1] == want[i] && strings.HasSuffix(got[i], want[i][2:]) {
			got[i], got[i+1] = got[i+1], got[i]
		}
	}
	return got
}

// TestTodayIsLocal asks around midnight.
func TestTodayIsLocal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		now   time.Time
		zone  int // hours east
		today bool
	}{
		{"UTC before midnight", time.Date(2026, 3, 14, 23, 59, 59, 0, time.UTC), 0, false},
		{"UTC after midnight", time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 0, true},
		{"east of it", time.Date(2026, 3, 14, 22, 0, 0, 0, time.UTC), 2, true},
		{"west of it", time.Date(2026, 3, 15, 4, 59, 0, 0, time.UTC), -5, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			user := setup(t, func(o *httpapi.Options) {
				o.Now = func() time.Time { return tt.now }
				o.Location = time.FixedZone("", tt.zone*3600)
			}).user("user")
			user.post(threat(1, 0, 1))
			if got := len(user.call("GET", "/api/v1/stats/", nil).list(http.StatusOK).Data); got == 1 != tt.today {
				t.Errorf("the list has %d stats of 15 March", got)
			}
			got := user.call("GET", "/stats/threats.json?days=1", nil).want(http.StatusOK)
			if (string(got.body) != "{}") != tt.today {
				t.Errorf("the public means: %s", got.body)
			}
		})
	}
}

// TestLinkNext follows the links from page to page.
func TestLinkNext(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.Prefix = "/monarc" })
	user := s.user("user")
	var items []item
	for i := range 23 {
		items = append(items, threat(1+i%4, i%5, i))
	}
	all := setOf(user.post(items...).ids())
	of13 := setOf(user.call("GET", "/api/v1/stats/", map[string]any{"anrs": []uuid.UUID{id(1), id(3)}}).list(http.StatusOK).ids())
	tests := []struct {
		name  string
		query any
		pages int
		want  map[uuid.UUID]bool
	}{
		{"of 5", map[string]any{"limit": 5}, 5, all},
		{"that fill exactly", map[string]any{"limit": 23}, 1, all},
		{"grouped", map[string]any{"limit": "10", "group_by_anr": 1}, 3, all},
		{"of two analyses", map[string]any{"limit": 5, "anrs": []uuid.UUID{id(1), id(3)}, "type": "threat", "date_from": day(9), "date_to": day(0)}, 3, of13},
		{"of one analysis among others", map[string]any{"limit": 4, "anr": id(1), "anrs": []uuid.UUID{id(1), id(3)}}, 2, nil},
		{"of the last", map[string]any{"limit": 3, "get_last": true}, 2, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := map[uuid.UUID]bool{}
			got := user.on(t).call("GET", "/api/v1/stats/", tt.query)
			for pages := 1; ; pages++ {
				for _, id := range got.list(http.StatusOK).ids() {
					if found[id] {
						t.Errorf("%s is on two pages", id)
					}
					found[id] = true
				}
				next := nextOf(t, got)
				if next == "" {
					if pages != tt.pages {
						t.Errorf("%d pages, want %d", pages, tt.pages)
					}
					break
				}
				if !strings.HasPrefix(next, "/monarc/api/v1/stats/?") {
					t.Fatalf("link to %s", next)
				}
				got = user.on(t).call("GET", strings.TrimPrefix(next, "/monarc"), nil)
			}
			if diff := cmp.Diff(tt.want, found); tt.want != nil && diff != "" {
				t.Errorf("stats of all pages (-want +got):\n%s", diff)
			}
		})
	}
}

// nextOf returns where the Link header leads, or "".
func nextOf(t *testing.T, a answer) string {
	t.Helper()
	link := a.header.Get("Link")
	if link == "" {
		return ""
	}
	target, found := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !found {
		t.Fatalf("Link: %s", link)
	}
	return target
}

// TestLongLink leaves out filters that a header cannot hold.
func TestLongLink(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	user.post(threat(1, 0, 1), threat(2, 0, 1))
	var analyses []uuid.UUID
	for i := range 200 {
		analyses = append(analyses, id(i+1))
	}
	next := nextOf(t, user.call("GET", "/api/v1/stats/", map[string]any{"anrs": analyses, "limit": 1}).want(http.StatusOK))
	target, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"limit": {"1"}, "offset": {"1"}}
	if diff := cmp.Diff(want, target.Query()); diff != "" {
		t.Errorf("link (-want +got):\n%s", diff)
	}
	if got := user.call("GET", "/api/v1/stats/", map[string]any{"anrs": analyses, "limit": 1, "offset": "1"}).list(http.StatusOK); len(got.Data) != 1 {
		t.Errorf("the second page has %d stats", len(got.Data))
	}
}

// TestEmptyAnswers has lists where there is nothing.
func TestEmptyAnswers(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	tests := []struct{ path, body, want string }{
		{"/api/v1/stats", "", `{"data":[],"metadata":{"count":"0","offset":"0","limit":"0"}}`},
		{"/api/v1/stats/", `{"offset":7,"limit":"3"}`, `{"data":[],"metadata":{"count":"0","offset":"7","limit":"3"}}`},
		{"/api/v1/stats/" + id(1).String(), "", `[]`},
		{"/api/v1/stats/processed/", `{"processor":"threat_average_on_date"}`, `{"type":"threat","processor":"threat_average_on_date","data":[]}`},
		{"/api/v1/stats/processed/", `{"processor":"risk_averages"}`, `{"type":"risk","processor":"risk_averages","data":[]}`},
		{"/api/v1/stats/processed/?processor=cartography_averages", "", `{"type":"cartography","processor":"cartography_averages","data":[]}`},
		{"/stats/threats.json", "", `{}`},
		{"/stats/vulnerabilities.json", "", `{}`},
		{"/stats/threats.json?layout=series", "", `[]`},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			var body any
			if tt.body != "" {
				body = tt.body
			}
			user.on(t).call("GET", tt.path, body).want(http.StatusOK).wantJSON(tt.want)
		})
	}
	user.call("POST", "/api/v1/stats/", `[]`).want(http.StatusCreated).
		wantJSON(`{"data":[],"metadata":{"count":"0","offset":"0","limit":"0"}}`)
	user.call("DELETE", "/api/v1/stats/"+id(1).String(), nil).want(http.StatusNotFound)
}

// TestNoFilter reads the bodies of callers that have nothing to filter by.
func TestNoFilter(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	user.call("POST", "/api/v1/stats/", "["+change("", "")+"]").want(http.StatusCreated)
	listed := user.call("GET", "/api/v1/stats/?date_from=2020-01-01", nil).want(http.StatusOK)
	for _, body := range []string{`null`, `[]`, " [] ", `{}`, `{"anrs":[],"type":"","anr":"","date_to":""}`} {
		got := user.call("GET", "/api/v1/stats/?date_from=2020-01-01", body).want(http.StatusOK)
		got.wantJSON(string(listed.body))
		user.call("GET", "/api/v1/stats/processed/?processor=threat_average_on_date", body)
	}
}

// TestDeleteTakesUUIDOnly keeps a slip in the only parameter from deleting a
// whole analysis.
func TestDeleteTakesUUIDOnly(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	user.call("POST", "/api/v1/stats/", "["+change("", "")+"]").want(http.StatusCreated)
	anr := id(1).String()
	for _, query := range []string{"?Uuid=" + id(1).String(), "?id=1", "?uuid[0]=x", "?uuid="} {
		user.call("DELETE", "/api/v1/stats/"+anr+query, nil).want(http.StatusBadRequest)
	}
	if stored := s.stored(); len(stored) != 1 {
		t.Fatalf("%d stats are left, want 1", len(stored))
	}
}

// TestEmptyDataOfOneStat answers data also where there is nothing in it, as lists do.
func TestEmptyDataOfOneStat(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	user.post(threat(1, 0, 1).with("uuid", id(7)).with("data", json.RawMessage("[]")))
	got := user.call("GET", fmt.Sprintf("/api/v1/stats/%s?uuid=%s", id(1), id(7)), nil).want(http.StatusOK)
	if !strings.Contains(string(got.body), `"data":[]`) {
		t.Errorf("answer %s", got.body)
	}
}
