// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi"
)

// addPhishing stores one threat of three analyses, as the document's example has it.
func (s *service) addPhishing(t stats.Type) {
	s.t.Helper()
	client := s.client("One", 49.6, 6.1, true)
	for _, rate := range []string{"2", "2.5", "3"} {
		s.add(client, uuid.New(), t, today.AddDate(0, 0, -14), `[{"uuid":"`+phishing+
			`","label1":"Hameçonnage","label2":"Phishing","label3":"Phishing","label4":"Phishing","count":4,"maxRisk":24,"averageRate":`+rate+`}]`)
	}
}

// TestObjectJSON compares the figures of one threat with the document's example.
func TestObjectJSON(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	s.addPhishing(stats.Threat)
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	media := document.Paths.Value("/stats/threats/{uuid}.json").Get.Responses.Status(http.StatusOK).Value.Content.Get("application/json")
	got := s.get("/stats/threats/" + phishing + ".json")
	var answer any
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
		t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	if err := media.Schema.Value.VisitJSON(answer); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(media.Example, answer); diff != "" {
		t.Errorf("(-example +answer)\n%s", diff)
	}
	if cached := got.header.Get("Cache-Control"); !strings.HasPrefix(cached, "public") || got.header.Get("ETag") == "" {
		t.Errorf("cached as %q", cached)
	}
	for path, want := range map[string]int{
		"/stats/threats/" + fire + ".json":                                   http.StatusNotFound,
		"/stats/vulnerabilities/" + phishing + ".json":                       http.StatusNotFound,
		"/stats/threats/nonsense.json":                                       http.StatusNotFound,
		"/stats/threats/" + phishing + ".json?days=nonsense":                 http.StatusBadRequest,
		"/stats/threats/" + phishing + ".json?anr=1":                         http.StatusBadRequest,
		"/stats/threats/" + phishing + ".json?from=2020-01-01&to=2020-02-01": http.StatusOK,
	} {
		if got := s.get(path); got.status != want {
			t.Errorf("%s answers %d, want %d: %s", path, got.status, want, got.body)
		}
	}
	few := setup(t, minAnalyses(4), minClients(2))
	few.addPhishing(stats.Threat)
	if got := few.get("/stats/threats/" + phishing + ".json"); got.status != http.StatusNotFound {
		t.Errorf("a threat of one client answers %d %s", got.status, got.body)
	}
}

// TestObjectPage reads the page of a vulnerability.
func TestObjectPage(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3))
	s.addPhishing(stats.Vulnerability)
	path := "/stats/vulnerabilities/" + phishing
	page := s.get(path + "?lang=fr").body
	for _, want := range []string{
		`<h1 dir="auto">Hameçonnage</h1>`, "https://objects.example.org/object/" + phishing, `lang="en">Phishing</dd>`,
		"sur 1, selon\u202f: Qualification", `href="` + path + `.json"`, "data-name=\"distribution\"",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if got := text(page, `<table>\s*<caption class="unseen">Chiffres.*?</table>`); !strings.Contains(got, "Qualification 2,50 2,25 2,50 2,75") {
		t.Errorf("the figures are %s", got)
	}
	if got := s.get(path, "Accept", "text/html"); got.status != http.StatusOK {
		t.Errorf("answers %d", got.status)
	}
	if got := s.get("/stats/vulnerabilities/"+fire, "Accept", "text/html"); got.status != http.StatusNotFound || !strings.Contains(got.body, "There is nothing here") {
		t.Errorf("an unknown one answers %d", got.status)
	}
	if got := s.get(path + "?from=2020-01-01&to=2020-02-01"); got.status != http.StatusOK || !strings.Contains(got.body, "another period may have some") {
		t.Error("no page where there are no figures in the period")
	}
	off := setup(t, func(o *dashboard.PageOptions) { o.Active = []string{"evolution"} })
	off.addPhishing(stats.Vulnerability)
	if off.get(path).status != http.StatusNotFound || off.get(path+".json").status != http.StatusOK {
		t.Error("the page is there where it is turned off, or its figures are not")
	}
}

// TestObjectsAreLinked follows every bar, row and line of the pages.
func TestObjectsAreLinked(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc")
	s.addMonth()
	link := regexp.MustCompile(`href="/monarc(/stats/(?:threats|vulnerabilities)/[0-9a-f-]{36}\?[^"]*)"`)
	seen := map[string]bool{}
	for path, least := range map[string]int{"/stats": 20, "/stats/evolution": 10, "/stats/map": 2} {
		links := link.FindAllStringSubmatch(s.get(path).body, -1)
		if len(links) < least {
			t.Errorf("%s has %d links to objects", path, len(links))
		}
		for _, found := range links {
			address := strings.ReplaceAll(found[1], "&amp;", "&")
			if !seen[address] && s.get(address).status != http.StatusOK {
				t.Errorf("%s: %s is broken", path, address)
			}
			seen[address] = true
		}
	}
	if svg := s.get("/stats/top-threats.svg").body; strings.Contains(svg, "<a ") {
		t.Error("a file links to a site that is not known")
	}
}

// maxMatches is the number of matches that are listed.
const maxMatches = 60

// TestSearchFindsNamesInAllLanguages finds names in every language, with and without accents.
func TestSearchFindsNamesInAllLanguages(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addPhishing(stats.Threat)
	s.add(s.client("Two", 1, 1, true), uuid.New(), stats.Vulnerability, today, objectOf(theft, "Œuvre Straße Smørrebrød", 1, 1, 1))
	s.add(s.client("Three", 1, 1, true), uuid.New(), stats.Threat, today.AddDate(-2, 0, 0), objectOf(flood, "Flood", 1, 1, 1))
	for query, want := range map[string]string{
		"HAMECONNAGE": "Threat Phishing Hameçonnage", "hame%C3%A7": "Threat Phishing Hameçonnage", "phish": "Threat Phishing", "shing": "Threat Phishing",
		"oeuvre": "Vulnerability Œuvre Straße Smørrebrød", "strasse+smorre": "Vulnerability Œuvre Straße Smørrebrød", "nothing": "",
		phishing: "Threat Phishing", "phish+fire": "", "flood": "", "%3Cscript%3E": "", "+": "",
	} {
		got := s.get("/stats/search?lang=en&days=30&q=" + query)
		if found := text(got.body, `<ul class="found">.*?</ul>`); found != want || got.status != http.StatusOK {
			t.Errorf("%s finds %q, want %q", query, found, want)
		}
	}
	if page := s.get("/stats/search?q=flood&from=2024-01-01&to=2026-01-01").body; !strings.Contains(page, ">Flood</a>") {
		t.Error("a longer period finds no more")
	}
	threats := make([]string, maxMatches+1)
	for i := range threats {
		threats[i] = strings.Trim(objectOf(uuid.NewString(), fmt.Sprint("Earthquake ", i), 1, 1, 1), "[]")
	}
	s.add(s.client("Four", 1, 1, true), uuid.New(), stats.Threat, today, "["+strings.Join(threats, ",")+"]")
	many := s.get("/stats/search?q=earthquake").body
	if told := text(many, `<p class="standfirst">.*?</p>`); !strings.Contains(told, "61 matches") || !strings.Contains(told, "The best 60 are listed.") || strings.Count(many, "<li><span class") != maxMatches {
		t.Errorf("of many matches the page says %q", told)
	}
	if page := s.get(`/stats/search?q=%22%3E%3Cscript%3Ealert(1)`).body; strings.Contains(page, "<script>alert") {
		t.Error("what is searched for runs")
	}
	guarded := setup(t, minClients(2))
	guarded.addPhishing(stats.Threat)
	if page := guarded.get("/stats/search?q=phishing").body; strings.Contains(page, `class="found"`) {
		t.Error("the search finds what one client sent")
	}
}

// TestPagesOfObjectsAreKeptApart asks for two objects with the same parameters.
func TestPagesOfObjectsAreKeptApart(t *testing.T) {
	t.Parallel()
	s := setup(t)
	client := s.client("One", 1, 1, true)
	s.add(client, uuid.New(), stats.Threat, today, objectOf(theft, "Theft", 1, 1, 1))
	s.add(client, uuid.New(), stats.Threat, today, objectOf(flood, "Flood", 1, 1, 1))
	for object, name := range map[string]string{theft: "Theft", flood: "Flood"} {
		if page := s.get("/stats/threats/" + object); !strings.Contains(page.body, "<title>"+name) {
			t.Errorf("the page of %s is that of another", name)
		}
	}
}
