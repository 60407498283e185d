// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestLocalIsTold shows that no view of local organisations alone looks like one
// of all.
func TestLocalIsTold(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	for _, path := range []string{"/stats", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", "/stats?embed=1"} {
		mark, _, _ := strings.Cut(path, "?")
		join := "?"
		if mark != path {
			join = "&"
		}
		told := regexp.MustCompile(`class="(?:standfirst|source)">[^\n]*Mar 2026, only local organisations`)
		if local := s.get(path + join + "local_stats_only=1").body; !told.MatchString(local) {
			t.Errorf("%s does not say that it is about local organisations", path)
		}
		if all := s.get(path).body; told.MatchString(all) {
			t.Errorf("%s says that it is about local organisations", path)
		}
	}
}

// TestPermalinkKeepsItsMeaning shows that the link of a view means the same another day.
func TestPermalinkKeepsItsMeaning(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) { o.InstanceURL = "https://stats.example.org/x" })
	s.addOneThreat()
	page := s.get("/stats?days=30&top=10&local_stats_only=1", "Accept-Language", "fr").body
	want := `<a class="permalink" href="https://stats.example.org/x/stats?from=2026-02-13&amp;lang=fr&amp;local_stats_only=1&amp;to=2026-03-15&amp;top=10"`
	if !strings.Contains(page, want) {
		t.Errorf("no %s", want)
	}
}

// TestPageWithoutFiguresAdvises shows that a page without figures says what can be done, and only that.
func TestPageWithoutFiguresAdvises(t *testing.T) {
	t.Parallel()
	s := setup(t)
	remote := s.client("Remote", 49, 6, false)
	s.add(remote, uuid.New(), stats.Threat, today, objectOf(fire, "Fire", 1, 1, 1))
	const period, local, objects = "another period may have some", "Only local organisations are included", "Only your selection is shown"
	tests := map[string]struct {
		path string
		want []string
	}{
		"all":            {"/stats/evolution", nil},
		"another period": {"/stats/evolution?from=2020-01-01&to=2020-02-01", []string{period}},
		"only local":     {"/stats/evolution?local_stats_only=1", []string{period, local}},
		"no such line":   {"/stats/evolution?object=" + flood, []string{period, objects}},
		"no referential": {"/stats/compliance", []string{period}},
		"in a frame":     {"/stats/evolution?embed=1&local_stats_only=1", []string{period, local}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := s.get(tt.path).body
			for _, text := range []string{period, local, objects} {
				want := 0
				for _, wanted := range tt.want {
					if wanted == text {
						want = 1
					}
				}
				if got := strings.Count(body, text); got != want {
					t.Errorf("%q is there %d times, want %d", text, got, want)
				}
			}
		})
	}
}

// TestHeadlinesSayWhatTheyCount shows that a figure says what it counts.
func TestHeadlinesSayWhatTheyCount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	for code, title := range map[string]string{
		"en": "High risks per analysis", "fr": "Risques élevés par analyse", "de": "Hohe Risiken je Analyse", "nl": "Hoge risico’s per analyse",
	} {
		if page := s.get("/stats?lang=" + code).body; !strings.Contains(page, title+"</h3>") {
			t.Errorf("no card is headed %q", title)
		}
	}
	if page := s.get("/stats").body; strings.Contains(page, "Compared with") {
		t.Error("the page compares with a period of which nothing is known")
	}
	s.add(s.client("Before", 1, 1, true), uuid.New(), stats.Threat, today.AddDate(0, 0, -100), objectOf(fire, "Fire", 1, 1, 1))
	if lead := text(s.get("/stats").body, `<div class="lead">.*?</div>`); !strings.Contains(lead, "Compared with 15 Sep 2025 to 14 Dec 2025.") {
		t.Errorf("the page does not say what it compares with: %s", lead)
	}
}

// TestPlacesInWords shows the map in words.
func TestPlacesInWords(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, place := range []struct {
		name                string
		latitude, longitude float64
		threat              string
	}{
		{"North", 49.61, 6.13, "Fire"}, {"South", -33.4, -70.6, "Fire"}, {"East", 48.8, 2.3, "Flood"}, {"Beside", 48.8, 2.3, "Flood"},
	} {
		id := map[string]string{"Fire": fire, "Flood": flood}[place.threat]
		s.add(s.client(place.name, place.latitude, place.longitude, true), uuid.New(), stats.Threat, today, objectOf(id, place.threat, 1, 1, 1))
	}
	s.client("Idle", 48.8, 2.3, true)
	s.add(s.client("Former", 41.9, 12.5, true), uuid.New(), stats.Threat, today.AddDate(-2, 0, 0), objectOf(fire, "Fire", 1, 1, 1))
	page := s.get("/stats/map").body
	list := regexp.MustCompile(`(?s)<section class="places".*?</section>`).FindString(page)
	text := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]+>`).ReplaceAllString(list, " ")), " ")
	want := "Place by place \u2068Fire\u2069 is the top threat in 2 of 3 places. " +
		"48.8° N, 2.3° E 2 organisations · 2 risk analyses Top threat Flood Top vulnerability – " +
		"49.6° N, 6.1° E 1 organisation · 1 risk analysis Top threat Fire Top vulnerability – " +
		"33.4° S, 70.6° W 1 organisation · 1 risk analysis Top threat Fire Top vulnerability –"
	if text != want {
		t.Errorf("the list says\n%s, want\n%s", text, want)
	}
	if dutch := s.get("/stats/map?lang=nl").body; !strings.Contains(dutch, "33,4° Z, 70,6° W") {
		t.Error("the list is not in Dutch")
	}
	if later := s.get("/stats/map?from=2030-01-01&to=2030-02-01").body; strings.Contains(later, `class="places"`) || !strings.Contains(later, `class="nothing"`) {
		t.Error("the map shows organisations in a period in which none sent anything")
	}
}

// TestSummariesClaimNoMoreThanFigures shows that summaries claim no more than the figures say.
func TestSummariesClaimNoMoreThanFigures(t *testing.T) {
	t.Parallel()
	s := setup(t)
	client := s.client("One", 49, 6, true)
	s.add(client, uuid.New(), stats.Compliance, today, complianceOf(fire, "ISO"))
	page := s.get("/stats/compliance").body
	if !strings.Contains(page, ", 30 percentage points.") {
		t.Error("the widest gap is not told in percentage points")
	}
	if !strings.Contains(page, `<a href="https://objects.example.org/object/`+fire+`" rel="noopener external">ISO</a></h2>`) {
		t.Error("the referential has no link")
	}
}

// TestLanguageOfLabels shows that a name in another language than the page is
// marked as such, for those who have pages read to them.
func TestLanguageOfLabels(t *testing.T) {
	t.Parallel()
	s := setup(t)
	data := `[{"uuid":"` + fire + `","label1":"Feu","label2":"","label3":"","label4":"","count":1,"maxRisk":1,"averageRate":1}]`
	s.add(s.client("One", 49, 6, true), uuid.New(), stats.Threat, today, data)
	link := func(lang string) string {
		return `<a href="/stats/threats/` + fire + `?days=90&amp;lang=LANG"` + lang + `>Feu</a>`
	}
	for _, path := range []string{"/stats", "/stats/evolution", "/stats/map"} {
		for lang, marked := range map[string]string{"de": ` lang="fr"`, "fr": ""} {
			if page := s.get(path + "?lang=" + lang).body; !strings.Contains(page, strings.ReplaceAll(link(marked), "LANG", lang)) {
				t.Errorf("%s in %s has the French name without saying so, or says more than needed", path, lang)
			}
		}
	}
}
