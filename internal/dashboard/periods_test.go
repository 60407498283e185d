// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// TestTwoPeriodsAreCompared compares two periods that do not touch.
func TestTwoPeriodsAreCompared(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	s.addRanked()
	const query = "?from=2026-03-01&to=2026-03-15&before_from=2025-11-01&before_to=2025-11-30&lang=en"
	want := "object,label,now,before,difference,rank_now,rank_before\r\n" +
		phishing + ",Phishing,3,1.5,1.5,1,2\r\n" + theft + ",Theft,2.1,2.1,0,2,1\r\n" + fire + ",Fire,1,1,0,3,3\r\n"
	if got := s.get("/stats/periods-threats.csv" + query).body; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	page := s.get("/stats/periods" + query).body
	for _, want := range []string{
		`name="before_from" value="2025-11-01"`, `name="before_to" value="2025-11-30"`, "1 Nov 2025 to 30 Nov 2025", "Changed most: \u2068Phishing\u2069, &#43;1.50.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if svg := s.get("/stats/periods-threats.svg" + query).body; !strings.Contains(svg, ">1 Nov 2025 to 30 Nov 2025<") {
		t.Error("the image does not name its periods")
	}
	if lead := text(s.get("/stats"+query).body, `<div class="lead">.*?</div>`); !strings.Contains(lead, "Compared with 1 Nov 2025 to 30 Nov 2025.") {
		t.Errorf("the overview compares with another period: %s", lead)
	}
	for query, told := range map[string]string{
		"?before_from=2026-01-02&before_to=2026-01-01": "ends before it starts", "?before_from=nonsense&before_to=2026-01-01": "not a date", "?before_to=2026-01-01": "not a date",
	} {
		if got := s.get("/stats/periods"+query, "Accept", "text/html"); got.status != http.StatusBadRequest || !strings.Contains(got.body, told) {
			t.Errorf("%s answers %d without %q", query, got.status, told)
		}
	}
	suppressed := setup(t, minClients(2))
	suppressed.addShared()
	weeks := suppressed.get("/stats/periods" + query).body
	if !strings.Contains(weeks, `name="before_from" value="2025-10-27"`) || !strings.Contains(weeks, `name="before_to" value="2025-11-30"`) {
		t.Error("where figures are suppressed, the period to compare with is not one of complete weeks")
	}
}

// TestPeriodsOfFew shows hollow only the period in which too few analyses have a figure.
func TestPeriodsOfFew(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(2))
	client := s.client("One", 49.6, 6.1, true)
	for n := range 2 {
		analysis := uuid.New()
		for _, date := range []time.Time{today, today.AddDate(0, 0, -40)}[:2-n] {
			s.add(client, analysis, stats.Threat, date, objectOf(fire, "Fire", 1, 5, 2))
			s.add(client, analysis, stats.Risk, date, `{"risks":{"current":{"informational":[{"level":"High risks","value":4}]}}}`)
		}
	}
	for n, rate := range []float64{1, 4} { // two analyses now, one before
		for range 2 - n {
			s.add(client, uuid.New(), stats.Threat, today.AddDate(0, 0, -40*n), objectOf(flood, "Flood", 1, 5, rate))
		}
	}
	page := s.get("/stats/periods?days=30").body
	if strings.Contains(page, "Changed most") || strings.Contains(page, "−3") {
		t.Error("a threat of one analysis is said to have changed most")
	}
	for _, name := range []string{"periods-threats", "periods-risks"} {
		figure := regexp.MustCompile(`(?s)data-name="` + name + `".*?</figure>`).FindString(page)
		svg := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindString(figure)
		full, hollow := strings.Count(svg, `fill="var(--series-1)"`), strings.Count(svg, `fill="var(--card)" stroke="var(--series-2)"`)
		if name == "periods-threats" {
			full, hollow = full-1, hollow-1 // of the other threat
		}
		if full != 2 || hollow != 1 || !strings.Contains(figure, "Hollow: fewer than 2 analyses.") { // one full bar is in the legend
			t.Errorf("%s: %d full bars, %d hollow ones of the earlier period\n%s", name, full, hollow, figure)
		}
	}
}

// TestReportHasWhatABoardWants shows that the report has what a board wants, in each language.
func TestReportHasWhatABoardWants(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	s.addRanked()
	s.add(s.client("Two", 1, 1, true), uuid.New(), stats.Compliance, today, complianceOf(fire, "ISO"))
	for _, id := range []string{flood, theft} {
		s.add(s.client(id, 1, 1, true), uuid.New(), stats.Compliance, today, complianceOf(id, "ISO "+id))
	}
	if page := s.get("/stats/report?lang=en").body; !strings.Contains(page, "1 more referential:") || strings.Contains(page, "Largest gap") {
		t.Error("the report does not say that it leaves out a referential, or names a gap of one analysis")
	}
	for lang, heading := range map[string]string{"en": "How to read this", "fr": "Comment lire ce rapport", "de": "So lesen Sie diesen Bericht", "nl": "Zo leest u dit rapport"} {
		page := s.get("/stats/report?lang=" + lang).body
		for _, want := range []string{heading, `class="headlines"`, `class="changes"`, `data-name="top-threats"`, `data-name="compliance"`, "Phishing"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s", lang, want)
			}
		}
	}
	if got := s.get("/stats/report?from=2020-01-01&to=2020-02-01"); got.status != http.StatusOK || !strings.Contains(got.body, "No figures for") {
		t.Errorf("without figures it answers %d", got.status)
	}
}
