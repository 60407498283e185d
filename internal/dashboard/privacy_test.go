// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/stats"
)

// lastWeek is the end of the last week that is over.
var lastWeek = today.AddDate(0, 0, -7)

// addShared stores one threat that two clients have and one of a single client.
// Two analyses of one client are still one client.
func (s *service) addShared() {
	s.t.Helper()
	first, second := s.client("One", 49.6, 6.1, true), s.client("Two", 52.1, 4.3, true)
	for _, client := range []stats.Client{first, second} {
		s.add(client, uuid.New(), stats.Threat, lastWeek, objectOf(fire, "Fire", 3, 12, 2))
	}
	for range 2 {
		s.add(first, uuid.New(), stats.Threat, lastWeek, objectOf(flood, "Flood", 4, 16, 4))
		s.add(first, uuid.New(), stats.Vulnerability, lastWeek, objectOf(theft, "Open doors", 4, 16, 4))
	}
	// On this day only one of the two clients has it.
	s.add(first, uuid.New(), stats.Threat, today.AddDate(0, 0, -40), objectOf(fire, "Fire", 9, 9, 1))
}

func minClients(n int) func(*dashboard.PageOptions) {
	return func(o *dashboard.PageOptions) { o.Figures = disclosure.New(disclosure.Options{MinClients: n}) }
}

var figuresOfObjects = []string{
	"/stats", "/stats/top-threats.csv", "/stats/top-threats.json", "/stats/evolution", "/stats/evolution.csv",
	"/stats/threats.csv", "/stats/threats.json", "/stats/threats.json?layout=series", "/stats/map", "/stats/map.json",
}

func TestPrivacyHidesFiguresOfFew(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(2))
	s.addShared()
	for _, path := range figuresOfObjects {
		body := s.get(path).body
		if strings.Contains(body, flood) || strings.Contains(body, "Flood") || strings.Contains(body, "Open doors") {
			t.Errorf("%s shows what a single client has sent", path)
		}
		onMap := strings.HasPrefix(path, "/stats/map") // each place has one client
		if shown := strings.Contains(body, fire); shown == onMap {
			t.Errorf("%s shows what two clients have sent: %t", path, shown)
		}
		if strings.HasPrefix(path, "/stats/threats") && (strings.Contains(body, "2026-02-03") || strings.Contains(body, "2026-02-02")) {
			t.Errorf("%s shows a week in which a single client had it", path)
		}
	}
	if body := s.get("/stats/vulnerabilities.json").body; body != "{}" {
		t.Errorf("vulnerabilities of a single client: %s", body)
	}
	if page := s.get("/stats").body; !strings.Contains(page, "fewer than 2 organisations") {
		t.Error("the page does not say that it hides figures")
	}
	if body := s.get("/stats/top-threats.json").body; !strings.Contains(body, `"hidden_below_clients":2`) {
		t.Errorf("the export does not say that it hides figures: %s", body)
	}
}

func TestPrivacyOffShowsEverything(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addShared()
	for _, path := range figuresOfObjects {
		if body := s.get(path).body; !strings.Contains(body, flood) {
			t.Errorf("%s hides a threat", path)
		}
	}
	if page := s.get("/stats").body; strings.Contains(page, "fewer than") {
		t.Error("the page says that it hides figures")
	}
}

// TestPrivacyOfCounts hides also how many there are.
func TestPrivacyOfCounts(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(3))
	s.addShared()
	if page := s.get("/stats").body; !strings.Contains(page, "no figures yet") {
		t.Error("the overview has figures of two clients")
	}
	if page := s.get("/about").body; !strings.Contains(page, "<dd>0</dd>") || strings.Contains(page, "<dd>2</dd>") {
		t.Error("the page about the service counts two clients")
	}
}

func TestPrivacyOfRisksAndMaps(t *testing.T) {
	t.Parallel()
	alone, together := setup(t, minClients(5)), setup(t, minClients(4))
	for _, s := range []*service{alone, together} {
		s.addMonth() // four clients
	}
	for _, path := range []string{"/stats/risks-operational.csv", "/stats/cartography-operational-current.csv", "/stats/compliance.csv", "/stats/risks.csv"} {
		if rows := strings.Count(alone.get(path).body, "\n"); rows > 1 {
			t.Errorf("%s has %d rows of too few clients", path, rows)
		}
		if rows := strings.Count(together.get(path).body, "\n"); rows < 3 {
			t.Errorf("%s has %d rows of enough clients", path, rows)
		}
	}
}
