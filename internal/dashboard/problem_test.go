// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

// browser is what browsers say that they like to get.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

// TestPeopleGetAPageAndProgramsJSON shows who gets a page when something fails, and who JSON.
func TestPeopleGetAPageAndProgramsJSON(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) { o.Active = []string{"stats", "help"} })
	const page, plain = "text/html; charset=UTF-8", "application/json"
	tests := map[string]struct {
		path, accept string
		status       int
		contentType  string
		want         string
	}{
		"no page":             {"/nope", browser, http.StatusNotFound, page, "Il n’y a rien ici"},
		"no page of stats":    {"/stats/nope", browser, http.StatusNotFound, page, "Il n’y a rien ici"},
		"a page turned off":   {"/stats/map", browser, http.StatusNotFound, page, "Il n’y a rien ici"},
		"twice":               {"/stats?top=5&top=10", browser, http.StatusBadRequest, page, "figure plusieurs fois"},
		"broken":              {"/stats?days=%zz", browser, http.StatusBadRequest, page, "illisible"},
		"wrong value":         {"/stats?top=7", browser, http.StatusBadRequest, page, "«\u202ftop\u202f» a une valeur"},
		"wrong value for all": {"/stats?days=0", "*/*", http.StatusBadRequest, page, "entre 1 et 36"},
		"a program":           {"/nope", "*/*", http.StatusNotFound, plain, `"message"`},
		"nobody":              {"/nope", "", http.StatusNotFound, plain, `"message"`},
		"JSON rather":         {"/nope", "application/json, text/html;q=0.5", http.StatusNotFound, plain, `"message"`},
		"no HTML":             {"/nope", "text/html;q=0, */*", http.StatusNotFound, plain, `"message"`},
		"a table":             {"/stats/top-threats.csv?days=0", browser, http.StatusBadRequest, plain, `"days"`},
		"figures":             {"/stats/threats.json?days=0", browser, http.StatusBadRequest, plain, `"days"`},
		"the API":             {"/api/v1/nope", browser, http.StatusNotFound, plain, `"message"`},
		"a file":              {"/static/0/x", browser, http.StatusNotFound, plain, `"message"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.get(tt.path, "Accept", tt.accept, "Accept-Language", "fr")
			if got.status != tt.status || got.header.Get("Content-Type") != tt.contentType || !strings.Contains(got.body, tt.want) {
				t.Errorf("answers %d %s\n%s", got.status, got.header.Get("Content-Type"), got.body)
			}
			if tt.contentType == page {
				expectFrame(t, got)
			}
		})
	}
}

// expectFrame looks for what every page has, whatever is wrong.
func expectFrame(t *testing.T, got reply) {
	t.Helper()
	for _, want := range []string{`<html lang="fr"`, `<nav class="pages"`, "<h1>", `class="languages"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
	if got.header.Get("Cache-Control") != "no-store" || !strings.Contains(got.header.Get("Vary"), "Accept") {
		t.Errorf("the page is kept: %s", got.header)
	}
}

// TestProblemBelowPrefix shows that a page about an unreadable address leads on.
func TestProblemBelowPrefix(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc")
	for _, path := range []string{"/nope", "/stats?days=%zz"} {
		body := s.get(path, "Accept", browser).body
		if !strings.Contains(body, `href="/monarc/stats?days=90"`) || strings.Contains(body, `href="/stats`) {
			t.Errorf("%s links past the prefix", path)
		}
	}
}

// TestDatabaseGone shows the pages while there are no figures.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupOn(t, database.URL, "")
	database.Cut()
	got := s.get("/stats/evolution?days=30&lang=fr&local_stats_only=1", "Accept", browser)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Fatalf("answers %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	expectFrame(t, got)
	for _, want := range []string{
		"pas disponibles", `aria-current="page">Évolution`, `href="/stats/evolution?days=30&amp;lang=fr&amp;local_stats_only=1">Réessayer`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	object := "/stats/threats/" + fire
	if again := s.get(object, "Accept", browser); again.status != http.StatusServiceUnavailable || !strings.Contains(again.body, `href="`+object+`?`) {
		t.Errorf("the page of a threat answers %d and does not lead back to itself", again.status)
	}
	if plain := s.get("/stats/evolution.csv", "Accept", browser); plain.header.Get("Content-Type") != "application/json" {
		t.Errorf("the table answers %s", plain.header.Get("Content-Type"))
	}
	if help := s.get("/help"); help.status != http.StatusOK {
		t.Errorf("the help answers %d", help.status)
	}
}

var formField = regexp.MustCompile(`<input type="(?:hidden|date)" name="([^"]+)" value="([^"]*)"`)

// TestInvertedDates shows that a reader can correct dates and loses nothing else.
func TestInvertedDates(t *testing.T) {
	t.Parallel()
	s := setup(t)
	tests := map[string]struct{ from, to, want string }{
		"inverted":     {"2026-03-10", "2026-03-01", "Der Zeitraum endet, bevor er beginnt"},
		"no first day": {"yesterday", "2026-03-01", "Der erste Tag des Zeitraums ist kein Datum"},
		"no days":      {"x", "y", "Der letzte Tag des Zeitraums ist kein Datum"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.get("/stats?" + url.Values{
				"from": {tt.from}, "to": {tt.to}, "lang": {"de"}, "local_stats_only": {"1"}, "top": {"10"},
			}.Encode())
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, tt.want) || !strings.Contains(got.body, `aria-describedby="problem"`) {
				t.Fatalf("answers %d\n%s", got.status, got.body)
			}
			form, _, _ := strings.Cut(got.body[strings.Index(got.body, `<details class="custom" open`):], "</form>")
			fields := map[string]string{}
			for _, field := range formField.FindAllStringSubmatch(form, -1) {
				fields[field[1]] = field[2]
			}
			want := map[string]string{"from": tt.from, "to": tt.to, "lang": "de", "local_stats_only": "1", "top": "10"}
			if diff := cmp.Diff(want, fields); diff != "" {
				t.Errorf("the form has (-want +got)\n%s", diff)
			}
			for _, link := range []string{
				`href="/stats/evolution?days=90&amp;lang=de&amp;local_stats_only=1"`, `href="/stats?days=90&amp;lang=fr&amp;local_stats_only=1&amp;top=10"`,
			} {
				if !strings.Contains(got.body, link) {
					t.Errorf("no %s", link)
				}
			}
		})
	}
}
