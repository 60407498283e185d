// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/publicapi"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// addFour stores what four organisations at one place sent in two weeks that are
// over. Those that are not local are as many as may be known of.
func (s *service) addFour(others int) {
	s.t.Helper()
	generator := sample.New(sample.Options{Seed: 7, Analyses: 1, Until: today, Days: 30})
	for i := range generator.Organisations() {
		client := s.client(fmt.Sprint("Organisation ", i), 49.6, 6.1, i >= others)
		for week := range 2 {
			servicetest.Insert(s.t, s.store, client, generator.Stats(i, 0, lastWeek.AddDate(0, 0, -7*week-i))...)
		}
	}
}

// addSingle stores what one more organisation sent when nobody else did: in a
// week long over and in the one that is not over.
func (s *service) addSingle() {
	s.t.Helper()
	generator := sample.New(sample.Options{Seed: 8, Analyses: 1, Until: today, Days: 30})
	client := s.client("Single", 52.1, 4.3, true)
	for _, date := range []int{0, -1, -30, -31} {
		servicetest.Insert(s.t, s.store, client, generator.Stats(0, 0, today.AddDate(0, 0, date))...)
	}
}

// publicRoutes are the paths of all that can be read without a key.
func publicRoutes(t *testing.T) []string {
	t.Helper()
	router := echo.New()
	pages, err := dashboard.NewPages(dashboard.PageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pages.Register(router, nil)
	public.RegisterHandlers(router, publicapi.New(publicapi.Options{}))
	var paths []string
	for _, route := range router.Routes() {
		if !strings.Contains(route.Path, ":") && !slices.Contains(paths, route.Path) {
			paths = append(paths, route.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

var everyQuestion = []string{
	"days=30", "days=365&top=15", "days=365&local_stats_only=1", "days=1", "from=2026-02-09&to=2026-02-15", "from=2026-03-05&to=2026-03-06",
	"from=2026-03-15&to=2026-03-15", "days=90&of=risks&group=day", "days=90&of=vulnerabilities&group=month", "days=60&embed=1",
	"days=365&processor=risk_averages", "days=365&layout=series",
}

// TestPrivacyOfEveryRoute shows that nothing which the public can read changes
// with what an organisation sends by itself, where few are protected.
func TestPrivacyOfEveryRoute(t *testing.T) {
	t.Parallel()
	without, with := setup(t, minClients(3)), setup(t, minClients(3))
	openWithout, openWith := setup(t), setup(t)
	for _, s := range []*service{without, with, openWithout, openWith} {
		s.addFour(0)
	}
	with.addSingle()
	openWith.addSingle()
	var telling []string
	for i, path := range publicRoutes(t) {
		questions := everyQuestion
		if strings.HasSuffix(path, ".png") { // drawing takes long, and is of what the page of the chart shows
			questions = []string{"days=365", everyQuestion[i%len(everyQuestion)]}
		}
		for _, question := range questions {
			address := path + "?" + question
			if before, after := without.get(address), with.get(address); before.body != after.body || before.status != after.status {
				t.Errorf("%s shows what a single client has sent", address)
			}
		}
		if address := path + "?days=365"; openWithout.get(address).body != openWith.get(address).body {
			telling = append(telling, path)
		}
	}
	// These are what the test is about: when nobody is protected they tell.
	for _, path := range []string{
		"/", "/about", "/stats", "/stats/cartography", "/stats/compliance", "/stats/compliance.png", "/stats/evolution", "/stats/map", "/stats/map.csv",
		"/stats/map.png", "/stats/risks-informational.json", "/stats/risks-informational.png", "/stats/risks.json", "/stats/threats.csv",
		"/stats/threats.json", "/stats/top-threats.csv", "/stats/vulnerabilities.json", "/stats/vulnerabilities.png",
	} {
		if !slices.Contains(telling, path) {
			t.Errorf("%s shows nothing of what a single client has sent also where nobody is protected", path)
		}
	}
}

// TestPrivacyOfLocalView shows that nothing is shown of local clients where the
// difference to all clients is of few, and everything where it is of none.
func TestPrivacyOfLocalView(t *testing.T) {
	t.Parallel()
	one, none := setup(t, minClients(3)), setup(t, minClients(3))
	one.addFour(1)
	none.addFour(0)
	for _, path := range []string{
		"/stats/risks-informational.csv", "/stats/cartography-informational-current.csv", "/stats/compliance.csv", "/stats/risks.csv", "/stats/map.csv",
	} {
		rows := func(s *service, query string) int { return strings.Count(s.get(path+query).body, "\n") - 1 }
		if rows(one, "?local_stats_only=1&top=15") > 0 || rows(one, "?top=15") == 0 {
			t.Errorf("%s: %d local rows, %d of all", path, rows(one, "?local_stats_only=1&top=15"), rows(one, "?top=15"))
		}
		if local, all := rows(none, "?local_stats_only=1"), rows(none, ""); local != all || all == 0 {
			t.Errorf("%s: %d local rows of clients that all are local, %d of all", path, local, all)
		}
	}
	local := one.get("/stats?local_stats_only=1").body
	if !strings.Contains(local, "No figures for") {
		t.Error("the overview counts the local ones of four where one is not local")
	}
	if body := one.get("/stats/risks.json?local_stats_only=1").body; strings.Contains(body, "2026") {
		t.Errorf("risks of local clients: %s", body)
	}
}

// TestPrivacyOfNumbers shows that a longer period less a shorter one does not
// tell how many analyses a single client has.
func TestPrivacyOfNumbers(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(2))
	for i, weeks := range [][]int{{0, 1}, {0, 1}, {1}} {
		client := s.client(fmt.Sprint("Client ", i), 49.6, 6.1, true)
		for _, week := range weeks {
			for range 2 { // new analyses every time
				s.add(client, uuid.New(), stats.Threat, lastWeek.AddDate(0, 0, -7*week), objectOf(fire, "Fire", 1, 1, 1))
			}
		}
	}
	week, weeks := s.get("/stats?from=2026-03-02&to=2026-03-08").body, s.get("/stats?from=2026-02-23&to=2026-03-08").body
	for body, want := range map[string][]string{week: {"4 statistics", "2 organisations", ">4<"}, weeks: {"10 statistics", "3 organisations", ">6<"}} {
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("the overview does not show %q", text)
			}
		}
	}
	if about := s.get("/about").body; !strings.Contains(about, "<dd>10</dd>") || !strings.Contains(about, "<dd>3</dd>") {
		t.Error("the page about the service counts otherwise")
	}
}

// TestPrivacyOfPlaces shows that the top of a place is none of few, and that
// neither is the number of organisations there.
func TestPrivacyOfPlaces(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(2))
	for i := range 3 {
		client := s.client(fmt.Sprint("Client ", i), 49.6, 6.1, true)
		s.add(client, uuid.New(), stats.Threat, lastWeek, objectOf(fire, "Fire", 1, 1, 1))
		if i == 0 {
			s.add(client, uuid.New(), stats.Threat, lastWeek, objectOf(flood, "Flood", 4, 4, 4))
			s.add(client, uuid.New(), stats.Threat, lastWeek.AddDate(0, 0, -7), objectOf(fire, "Fire", 1, 1, 1))
			s.add(client, uuid.New(), stats.Vulnerability, lastWeek.AddDate(0, 0, -7), objectOf(theft, "Open doors", 1, 1, 1))
		}
	}
	s.add(s.client("Elsewhere", 52.1, 4.3, true), uuid.New(), stats.Threat, lastWeek, objectOf(fire, "Fire", 1, 1, 1))
	if body := s.get("/stats/map.csv").body; !strings.Contains(body, "49.6,6.1,3,3,"+fire+",Fire,,,,,\r\n") || strings.Count(body, "\n") != 2 {
		t.Errorf("the map shows %s", body)
	}
	if body := s.get("/stats/map.csv?from=2026-02-23&to=2026-03-01").body; strings.Count(body, "\n") != 1 {
		t.Errorf("the map of a week of one client shows %s", body)
	}
}

// TestPrivacyOfRings divides the risks of a place by level only where every level
// may be shown: what is left of two known shares would be the third.
func TestPrivacyOfRings(t *testing.T) {
	t.Parallel()
	for want, sent := range map[string][][3]int{ // low, medium, high
		",,,,,,,\r\n":          {{1, 3, 0}, {1, 3, 0}, {0, 3, 3}},
		",,,,,0.2,0.6,0.2\r\n": {{3, 3, 0}, {0, 3, 1}, {0, 3, 2}, {1, 3, 1}},
	} {
		s := setup(t, minClients(2))
		for i, counts := range sent {
			data := fmt.Sprintf(`{"total":{"current":{"informational":4},"residual":{}},"risks":{"current":{"informational":[
				{"level":"Low risks","value":%d},{"level":"Medium risks","value":%d},{"level":"High risks","value":%d}]},"residual":{}}}`,
				counts[0], counts[1], counts[2])
			s.add(s.client(fmt.Sprint("Client ", i), 49.6, 6.1, true), uuid.New(), stats.Risk, lastWeek, data)
		}
		if body := s.get("/stats/map.csv").body; !strings.HasSuffix(body, want) {
			t.Errorf("the map of %v shows %s", sent, body)
		}
	}
}

// TestMapOfPeriod counts only who has sent something in the period.
func TestMapOfPeriod(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.client("Sends nothing", 49.6, 6.1, true)
	s.add(s.client("Sends", 49.6, 6.1, true), uuid.New(), stats.Threat, today, objectOf(fire, "Fire", 1, 1, 1))
	if body := s.get("/stats/map.csv").body; !strings.Contains(body, "49.6,6.1,1,1,"+fire) {
		t.Errorf("the map shows %s", body)
	}
	if body := s.get("/stats/map.csv?from=9000-01-01&to=9000-02-01").body; strings.Count(body, "\n") != 1 {
		t.Errorf("the map of a time without stats shows %s", body)
	}
}

// TestPrivacyInWeeks shows what pages say of a period where few are protected.
func TestPrivacyInWeeks(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(2))
	s.addShared()
	for query, want := range map[string]string{
		"days=30":                                `"from":"2026-02-02","to":"2026-03-08"`,
		"days=1":                                 `"from":"2026-03-02","to":"2026-03-08"`,
		"from=2026-03-05&to=2026-03-06":          `"from":"2026-03-02","to":"2026-03-08"`,
		"from=2026-03-05&to=2030-01-01":          `"from":"2026-03-02","to":"2026-03-08"`,
		"from=2026-03-12&to=2026-03-12":          `"from":"2026-03-09","to":"2026-03-15"`, // not over: no figures
		"from=2026-03-04&to=2026-03-04&of=risks": `"from":"2026-03-02"`,
	} {
		if body := s.get("/stats/evolution.json?" + query).body; !strings.Contains(body, want) {
			t.Errorf("%s: want %s in %s", query, want, body)
		}
	}
	page := s.get("/stats/evolution?days=30").body
	if !strings.Contains(page, "only complete weeks count") || strings.Contains(page, "group=day") {
		t.Error("the page does not say that it shows weeks, or offers days")
	}
	if weeks, days := s.get("/stats/threats.csv?group=week").body, s.get("/stats/threats.csv?group=day").body; weeks != days {
		t.Errorf("days are %s, weeks are %s", days, weeks)
	}
	if help := s.get("/help").body; !strings.Contains(help, "at least 2 organisations contributed to it") {
		t.Error("the help does not say what is suppressed")
	}
}
