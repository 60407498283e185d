// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/stats"
)

// phishing is a threat that rises in the tests.
const phishing = "b402d4d8-4576-11e9-9173-0800277f0571"

func minAnalyses(n int) func(*dashboard.PageOptions) {
	return func(o *dashboard.PageOptions) { o.MinAnalyses = n }
}

// addRanked stores threats of three analyses, which have theft twice as often as fire,
// half a year ago and now, when phishing has risen; and one of a single analysis, which
// exceeds all of them.
func (s *service) addRanked() {
	s.t.Helper()
	client := s.client("One", 49.6, 6.1, true)
	for i := range 3 {
		analysis := uuid.New()
		for _, date := range []time.Time{today.AddDate(0, 0, -120), today.AddDate(0, 0, -1)} {
			rise := 0.0
			if date.After(today.AddDate(0, 0, -10)) {
				rise = 1.5
			}
			threats := []string{
				strings.Trim(objectOf(fire, "Fire", 1, 5, 1), "[]"), strings.Trim(objectOf(theft, "Theft", 1, 5, 2+float64(i)/10), "[]"),
				strings.Trim(objectOf(phishing, "Phishing", 1, 5, 1.5+rise), "[]"),
			}
			if i == 0 {
				threats = append(threats, strings.Trim(objectOf(flood, "Flood", 9, 50, 9), "[]"))
			}
			s.add(client, analysis, stats.Threat, date, "["+strings.Join(threats, ",")+"]")
		}
	}
}

// text is what a reader sees of a part of a page.
func text(body, pattern string) string {
	found := regexp.MustCompile("(?s)" + pattern).FindString(body)
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]+>`).ReplaceAllString(found, " "))), " ")
}

// TestOneAnalysisLeadsNoRanking shows that a threat of too few analyses is in no ranking
// unless there are no others, and hollow then.
func TestOneAnalysisLeadsNoRanking(t *testing.T) {
	t.Parallel()
	ranked, all, hollow := setup(t, minAnalyses(3)), setup(t, minAnalyses(1)), setup(t, minAnalyses(4))
	for _, s := range []*service{ranked, all, hollow} {
		s.addRanked()
	}
	order := func(s *service, query string) (names []string) {
		for _, row := range strings.Split(s.get("/stats/top-threats.csv"+query).body, "\n")[1:] {
			if fields := strings.Split(row, ","); len(fields) > 5 {
				names = append(names, fields[1]+" "+fields[5])
			}
		}
		return names
	}
	for name, tt := range map[string]struct {
		s     *service
		query string
		want  []string
	}{
		"enough":           {ranked, "", []string{"Phishing 3", "Theft 3", "Fire 3"}},
		"lowest":           {ranked, "?order=lowest", []string{"Fire 3", "Theft 3", "Phishing 3"}},
		"nothing required": {all, "", []string{"Flood 1", "Phishing 3", "Theft 3", "Fire 3"}},
		"none has enough":  {hollow, "", []string{"Flood 1", "Phishing 3", "Theft 3", "Fire 3"}},
	} {
		if diff := cmp.Diff(tt.want, order(tt.s, tt.query)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, s := range []*service{ranked, hollow} {
		few := s.get("/stats").body
		if got := strings.Contains(few, "Hollow: fewer than 4 analyses."); got != (s == hollow) {
			t.Errorf("the page says that bars are hollow: %t", got)
		}
	}
	if page := hollow.get("/stats/evolution").body; !strings.Contains(page, "Hollow: fewer than 4 analyses.") || !strings.Contains(page, "<circle") {
		t.Error("the points of lines are not hollow")
	}
	if lines := text(ranked.get("/stats/evolution").body, `<ul class="lines">.*?</ul>`); lines != "Phishing Theft Fire Flood" {
		t.Errorf("the lines are %s", lines)
	}
}

// TestHeadlinesOfFewAnalyses shows that a card of too few analyses says so and compares
// nothing, and that the finding does not mention it.
func TestHeadlinesOfFewAnalyses(t *testing.T) {
	t.Parallel()
	high := func(n int) string {
		return fmt.Sprintf(`{"risks":{"current":{"informational":[{"level":"High risks","value":%d}]}}}`, n)
	}
	s := setup(t, minAnalyses(3))
	client, analyses := s.client("One", 49.6, 6.1, true), []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	card := func() string { return text(s.get("/stats").body, `<article class="headline high.*?</article>`) }
	finding := func() string { return text(s.get("/stats").body, `<h1>.*?</h1>`) }
	s.add(client, analyses[0], stats.Risk, today.AddDate(0, 0, -100), high(2))
	s.add(client, analyses[0], stats.Risk, today, high(4))
	if got := card(); !strings.Contains(got, "1 risk analysis, 1 organisation.") || !strings.Contains(got, "Fewer than 3 analyses") || strings.Contains(got, "%") {
		t.Errorf("the card of one analysis says %q", got)
	}
	if got := finding(); got != "The state of risks" {
		t.Errorf("the finding of one analysis is %q", got)
	}
	for _, analysis := range analyses[1:] {
		s.add(client, analysis, stats.Risk, today, high(4))
	}
	if got := card(); !strings.Contains(got, "3 risk analyses, 1 organisation.") || !strings.Contains(got, "now or before") || strings.Contains(got, "%") {
		t.Errorf("the card of three analyses, and one before, says %q", got)
	}
	for _, analysis := range analyses[1:] {
		s.add(client, analysis, stats.Risk, today.AddDate(0, 0, -100), high(2))
	}
	if got := card(); !strings.Contains(got, "+100%") {
		t.Errorf("the card of three analyses says %q", got)
	}
	if got := finding(); got != "High risks rose by 100%" {
		t.Errorf("the finding of three analyses is %q", got)
	}
}

// TestSuppressionIsNoTrend shows that a card compares nothing if a kind of risks is
// suppressed in one of the periods.
func TestSuppressionIsNoTrend(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(3))
	for i := range 3 {
		client, analysis := s.client(fmt.Sprint("Client ", i), 49.6, 6.1, true), uuid.New()
		for daysAgo, operational := range map[int]int{100: 3, 10: 3 * min(i, 1)} { // two of them have some now
			s.add(client, analysis, stats.Risk, today.AddDate(0, 0, -daysAgo), fmt.Sprintf(
				`{"risks":{"current":{"informational":[{"level":"High risks","value":4}],"operational":[{"level":"High risks","value":%d}]}}}`, operational))
		}
	}
	card := text(s.get("/stats").body, `<article class="headline high.*?</article>`)
	if !strings.Contains(card, "High risks per analysis 4 ") || !strings.Contains(card, "No earlier figures") {
		t.Errorf("the card says %q", card)
	}
	if figure := text(s.get("/stats/periods").body, `data-name="periods-risks".*?</figure>`); strings.Contains(figure, "−3") {
		t.Errorf("two periods compare what only one of them shows: %s", figure)
	}
}

// TestChangesNeedBothPeriods shows no list of changes where nothing is known now.
func TestChangesNeedBothPeriods(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.add(s.client("One", 49.6, 6.1, true), uuid.New(), stats.Threat, today.AddDate(0, 0, -100), objectOf(fire, "Fire", 1, 1, 1))
	if page := s.get("/stats").body; strings.Contains(page, `class="changes"`) {
		t.Error("the page says what changed in a period without figures")
	}
}

// TestSpreadOfAnalyses shows the quartiles of the analyses beside their mean.
func TestSpreadOfAnalyses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addRanked()
	body := s.get("/stats/top-threats.csv?days=30").body
	if want := theft + ",Theft,2.1,1,5,3,1,2.05,2.1,2.15"; !strings.Contains(body, want) {
		t.Errorf("no %s in\n%s", want, body)
	}
	if few := setup(t, minClients(2)); few.get("/stats").status != 200 || strings.Contains(few.get("/stats/top-threats.csv").body, "2.05") {
		t.Error("quartiles where figures are suppressed")
	}
}

// TestWhatChanged shows the finding, what rose and fell, and what is new.
func TestWhatChanged(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	s.addRanked()
	page := s.get("/stats").body
	if h1, want := text(page, `<h1>.*?</h1>`), "\u2068Phishing\u2069 rose most"; h1 != want {
		t.Errorf("the page is headed %q, want %q", h1, want)
	}
	want := "Threats · Probability Phishing 1.50 (rank 2) → 3 (rank 1) +1.50 worse"
	if got := text(page, `<article class="panel">.*?</article>`); got != want {
		t.Errorf("changed: %q, want %q", got, want)
	}
	if strings.Contains(text(page, `<section class="changes".*?</section>`), "Flood") {
		t.Error("a threat of one analysis is among what changed")
	}
	client := s.client("Two", 1, 1, true)
	for range 3 {
		s.add(client, uuid.New(), stats.Threat, today, objectOf("11111111-4576-11e9-9173-0800277f0571", "Deepfake", 1, 1, 1))
	}
	if got := text(s.get("/stats?days=91").body, `<p class="new">.*?</p>`); got != "New: Deepfake" {
		t.Errorf("new: %q", got)
	}
}

// TestInvisibleChangeIsUnchanged shows that a change too small for the digits shown is none, and that
// exports still have it.
func TestInvisibleChangeIsUnchanged(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	client := s.client("One", 49.6, 6.1, true)
	for range 3 {
		analysis := uuid.New()
		for months, rate := range map[int]float64{4: 2, 0: 2.003} {
			date := today.AddDate(0, 0, -1-30*months)
			s.add(client, analysis, stats.Threat, date, objectOf(fire, "Fire", 1, 5, rate))
			s.add(client, analysis, stats.Risk, date, fmt.Sprintf(`{"risks":{"current":{"informational":[{"level":"High risks","value":%v}]}}}`, rate))
		}
	}
	signed := regexp.MustCompile(`[+−±-]0([.,]0+)?\b`)
	for lang, want := range map[string]string{"en": "unchanged", "fr": "sans changement", "de": "unverändert", "nl": "ongewijzigd"} {
		for path, says := range map[string]string{
			"/stats": "", "/stats/report": "", "/stats/periods": "Fire · " + want, "/stats/threats/" + fire: want, "/stats/periods-threats.svg": "Fire · " + want,
		} {
			body := html.UnescapeString(s.get(path + "?days=91&lang=" + lang).body)
			if found := signed.FindString(text(body, "<main.*</main>|<svg.*</svg>")); found != "" || !strings.Contains(body, says) {
				t.Errorf("%s in %s says %q, or not %q", path, lang, found, says)
			}
		}
	}
	if page := s.get("/stats?lang=en").body; !strings.Contains(page, "Nothing comparable has changed.") || !strings.Contains(page, "High risks stayed the same") {
		t.Error("the overview lists a change that nobody sees")
	}
	if summary := "Nothing comparable has changed."; strings.Count(s.get("/stats/periods?lang=en&days=91").body, summary) < 2 {
		t.Errorf("the periods do not say %q", summary)
	}
	if csv := s.get("/stats/periods-threats.csv?lang=en&days=91").body; !strings.Contains(csv, "0.003") {
		t.Errorf("the export rounds: %s", csv)
	}
}

// TestFreshnessOfPages says how new the figures are, where the period goes on.
func TestFreshnessOfPages(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addRanked()
	idle := s.client("Idle", 1, 1, true)
	s.add(idle, uuid.New(), stats.Threat, today.AddDate(0, 0, -50), objectOf(fire, "Fire", 1, 1, 1))
	for path, want := range map[string]string{
		"/stats":                               "The newest figures are from yesterday. 50% of organisations sent figures in the last seven days.",
		"/stats?from=2025-10-01&to=2026-02-01": "",
		"/stats?lang=de":                       "Die neuesten Zahlen stammen von gestern. 50 % der Organisationen haben in den letzten sieben Tagen Zahlen gesendet.",
		"/stats?local_stats_only=1&days=365&top=10": "The newest figures are from yesterday. 50% of organisations sent figures in the last seven days.",
	} {
		if got := strings.ReplaceAll(text(s.get(path).body, `<p class="fresh">.*?</p>`), "\u00a0", " "); got != want {
			t.Errorf("%s says %q, want %q", path, got, want)
		}
	}
}

// TestOneIsOne shows the grammar of single things.
func TestOneIsOne(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addOneThreat()
	client := s.client("Other", 1, 1, true)
	s.add(client, uuid.New(), stats.Risk, today, `{"risks":{"current":{"informational":[{"level":"High risks","value":1}]}}}`)
	s.add(client, uuid.New(), stats.Cartography, today, `{"scales":[],"risks":{"current":{"informational":{"3":{"9":1}}}}}`)
	for lang, want := range map[string][3]string{
		"en": {"1 organisation · 1 risk analysis", "1 high risk per analysis;", "1 risk per analysis on average."},
		"fr": {"1 organisation · 1 analyse", "1 risque élevé par analyse", "1 risque par analyse en moyenne."},
		"de": {"1 Organisation · 1 Risikoanalyse", "1 hohes Risiko je Analyse;", "Im Mittel 1 Risiko je Analyse."},
		"nl": {"1 organisatie · 1 risicoanalyse", "1 hoog risico per analyse;", "Gemiddeld 1 risico per analyse."},
	} {
		for i, path := range []string{"/stats/map", "/stats", "/stats/cartography"} {
			if page := s.get(path + "?lang=" + lang).body; !strings.Contains(page, want[i]) {
				t.Errorf("%s: no %q in %s", path, want[i], text(page, `<main.*</main>`))
			}
		}
	}
	alone := setup(t)
	alone.addOneThreat()
	for lang, want := range map[string]string{
		"en": "What 1 risk analysis from 1 organisation shows,", "fr": "Ce que montre 1 analyse", "de": "Was 1 Risikoanalyse von 1 Organisation zeigt,",
		"nl": "Wat 1 risicoanalyse van 1 organisatie laat zien,",
	} {
		if page := alone.get("/stats?lang=" + lang).body; !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, text(page, `<p class="standfirst">.*?</p>`))
		}
	}
}

// TestBarsShareTheirScale shows that equal values are equally long in both charts.
func TestBarsShareTheirScale(t *testing.T) {
	t.Parallel()
	s := setup(t)
	client := s.client("One", 1, 1, true)
	s.add(client, uuid.New(), stats.Threat, today, objectOf(fire, "Fire", 1, 1, 1))
	s.add(client, uuid.New(), stats.Vulnerability, today, objectOf(flood, "Doors", 1, 1, 3.2))
	page := s.get("/stats").body
	if n := strings.Count(page, ">0 – 4</text>"); n != 4 { // two layouts of each
		t.Errorf("%d scales go from 0 to 4", n)
	}
	for _, want := range []string{"Probability · ", "Qualification · "} {
		if !strings.Contains(page, fmt.Sprintf(`<p class="note">%s`, want)) {
			t.Errorf("no chart of %s", want)
		}
	}
}

// TestOneAnalysisIsNoPlural explains what changed where one analysis is enough.
func TestOneAnalysisIsNoPlural(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(1))
	s.addYear()
	for language, want := range map[string]string{
		"en": "found in an analysis both times", "de": "in einer Analyse", "fr": "dans une analyse", "nl": "in een analyse",
	} {
		if body := s.get("/stats?lang=" + language).body; !strings.Contains(body, want) {
			t.Errorf("%s: what changed is not explained with %q", language, want)
		}
	}
}

// TestFewOfReferentials shows which categories few analyses stand behind, and where that is
// all of them.
func TestFewOfReferentials(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	categories := func(names ...string) string {
		var list []string
		for _, name := range names {
			list = append(list, `{"label2":"`+name+`","value":"0.5"}`)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	client := s.client("One", 49.6, 6.1, true)
	for n := range 3 {
		common, rare := categories("Policies"), categories("Policies", "People")
		if n > 0 {
			rare = common
		}
		data := `[{"referential":"` + fire + `","label2":"Mixed","current":` + rare + `,"target":` + rare + `},` +
			`{"referential":"` + flood + `","label2":"Common","current":` + common + `,"target":` + common + `}`
		if n == 0 {
			data += `,{"referential":"` + theft + `","label2":"Rare","current":` + common + `,"target":` + common + `}`
		}
		s.add(client, uuid.New(), stats.Compliance, today.AddDate(0, 0, -14), data+"]")
	}
	page := s.get("/stats/compliance").body
	for name, want := range map[string]string{"Mixed": "Hollow: fewer than 3 analyses.", "Common": "", "Rare": "Fewer than 3 analyses: this says little about others."} {
		few := text(page, `(?s)<h2[^>]*title="`+name+`".*?</figure>`)
		_, said, _ := strings.Cut(few, "1 organisation.")
		said, _, _ = strings.Cut(said, " Table")
		if strings.TrimSpace(said) != want {
			t.Errorf("%s says %q of its analyses, want %q", name, said, want)
		}
	}
}

// TestFewOfMaps shows maps of few analyses hollow, without a cell that leads.
func TestFewOfMaps(t *testing.T) {
	t.Parallel()
	for _, few := range []bool{false, true} {
		s := setup(t, minAnalyses(2))
		client := s.client("One", 49.6, 6.1, true)
		for n := range 2 {
			if n == 0 || !few {
				s.add(client, uuid.New(), stats.Cartography, today, `{"scales":[],"risks":{"current":{"informational":{"3":{"9":4}}}}}`)
			}
		}
		page := s.get("/stats/cartography").body
		figure := regexp.MustCompile(`(?s)data-name="cartography-informational-current".*?</figure>`).FindString(page)
		for says, want := range map[string]bool{
			"Fewer than 2 analyses": few, `fill="var(--card)" stroke="var(--heat-6)"`: few,
			"The cell with the most risks": !few, "4 risks per analysis on average.": true,
		} {
			if strings.Contains(figure, says) != want {
				t.Errorf("of few analyses: %t; has %q: %t", few, says, !want)
			}
		}
	}
}

// TestFewOfPlaces shows places of few analyses hollow; what few analyses of a place have
// leads it nowhere.
func TestFewOfPlaces(t *testing.T) {
	t.Parallel()
	for _, clients := range []int{1, 2} {
		s := setup(t, minAnalyses(2), minClients(clients))
		week := today.AddDate(0, 0, -14)
		for n, at := range []float64{10, 10, 30} {
			rare := ""
			if n == 0 {
				rare = "," + strings.Trim(objectOf(flood, "Flood", 9, 50, 9), "[]")
			}
			client := s.client(fmt.Sprint("Organisation ", n), at, at, true)
			s.add(client, uuid.New(), stats.Threat, week, "["+strings.Trim(objectOf(fire, "Fire", 1, 5, 1), "[]")+rare+"]")
			s.add(client, uuid.New(), stats.Vulnerability, week, objectOf(theft, "Doors", 1, 5, 1))
		}
		exported := s.get("/stats/map.csv").body
		if want := "\n10,10,2,2," + fire + ",Fire," + theft + ",Doors,,,"; !strings.Contains(exported, want) {
			t.Errorf("%d clients: no %q in\n%s", clients, want, exported)
		}
		if alone := strings.Contains(exported, "\n30,30,1,1,,,,,,,"); alone != (clients == 1) {
			t.Errorf("%d clients: the place of one has its row: %t\n%s", clients, alone, exported)
		}
		page := s.get("/stats/map").body
		few := strings.Count(page, `<li class="few">`)
		if hollow := strings.Contains(page, "Hollow: fewer than 2 analyses."); hollow != (clients == 1) || few != 2-clients {
			t.Errorf("%d clients: %d places are hollow", clients, few)
		}
	}
}
