// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// compare posts a token to a page, as a browser does.
func (s *service) compare(path, token string, headers ...string) reply {
	s.t.Helper()
	body := strings.NewReader(url.Values{"token": {token}}.Encode())
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(content)}
}

// addCircle stores what five organisations sent of everything, of which the last is
// returned: a threat rated 1 to 5, the share of it that is complied with, and risks.
func (s *service) addCircle() (mine stats.Client) {
	s.t.Helper()
	date := today.AddDate(0, 0, -10) // in the last week that is over
	for n := 1; n <= 5; n++ {
		mine = s.client(fmt.Sprint("Organisation ", n), 49.6, 6.1, true)
		analysis := uuid.New()
		s.add(mine, analysis, stats.Threat, date, objectOf(theft, "Theft", float64(n), float64(10*n), float64(n)))
		s.add(mine, analysis, stats.Vulnerability, date, objectOf(flood, "No pumps", float64(n), float64(10*n), float64(n)/2))
		s.add(mine, analysis, stats.Risk, date, fmt.Sprintf(
			`{"risks":{"current":{"informational":[{"level":"High risks","value":%d}]},"residual":{"informational":[{"level":"High risks","value":%d}]}}}`, 7*n, n))
		s.add(mine, analysis, stats.Cartography, date, fmt.Sprintf(`{"scales":[],"risks":{"current":{"informational":{"3":{"9":%d}}}}}`, 3*n))
		s.add(mine, analysis, stats.Compliance, date, fmt.Sprintf(
			`[{"referential":%q,"label2":"ISO","current":[{"label2":"Policies","value":"0.%d"}],"target":[{"label2":"Policies","value":"0.9"}]}]`, fire, n))
	}
	return mine
}

// TestComparedPages reads one's own figures beside everybody's on each page that has
// figures, by hand: 5 where the mean is 3 and the others have 1 to 4.
func TestComparedPages(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc", minAnalyses(3))
	mine := s.addCircle()
	table := func(name string) string {
		return `(?s)data-name="` + name + `".*?</table>`
	}
	tests := map[string][]struct{ of, want string }{
		"/stats": {
			{table("top-threats"), "Theft 3 3 30 5 5 2 3 4 5 highest quarter"},
			{table("top-vulnerabilities"), "No pumps 1.50 3 30 5 5 1 1.50 2 2.50 highest quarter"},
			{table("risks-informational"), "High 21 3 35 highest quarter 5 highest quarter"},
			{`(?s)<article class="headline high">.*?</article>`, "Yours: 35"},
			{`(?s)data-name="top-threats".*?<p class="summary">.*?</p>`, "Yours: \u2068Theft\u2069 5 (highest quarter)."},
		},
		"/":                                     {{table("top-threats"), "Theft 3 3 30 5 5 2 3 4 5 highest quarter"}},
		"/stats?by=occurrence":                  {{table("top-threats"), "5 highest quarter"}},
		"/stats/evolution":                      {{table("evolution"), "3 5 highest quarter"}, {table("evolution"), "\u2068Theft\u2069, yours – 5"}, {`(?s)<svg xmlns.*?</svg>`, "Yours"}},
		"/stats/evolution?of=risks":             {{table("evolution"), "21 35 highest quarter"}, {table("evolution"), "\u2068High, informational, current\u2069, yours – 35"}},
		"/stats/cartography":                    {{table("cartography-informational-current"), "3 9 (yours: 15)"}},
		"/stats/compliance":                     {{table("compliance"), "Policies 0.30 0.90 0.50 highest quarter"}},
		"/stats/threats/" + theft:               {{`(?s)<table>\s*<caption class="unseen">Figures.*?</table>`, "Probability 3 2 3 4 5 highest quarter"}},
		"/stats/vulnerabilities/" + flood:       {{`(?s)<table>\s*<caption class="unseen">Figures.*?</table>`, "Qualification 1.50 1 1.50 2 2.50 highest quarter"}},
		"/stats/threats/" + theft + "?days=180": {{`(?s)<dl class="facts">.*?</dl>`, "Yours 5 highest quarter"}, {table("evolution"), "\u2068Theft\u2069, yours – 5"}},
		"/stats/periods": {
			{table("periods-threats"), "Theft 3 – – 1 – 5 highest quarter – –"}, {table("periods-risks"), "High, current 21 – – 35 –"},
			{`(?s)data-name="periods-threats".*?<p class="summary">.*?</p>`, "Yours: \u2068Theft\u2069 5."},
		},
		"/stats/report": {{table("top-threats"), "highest quarter"}, {table("compliance"), "0.50 highest quarter"}},
	}
	for path, parts := range tests {
		before := s.get(path)
		got := s.compare(path, mine.Token)
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s answers %d %v", path, got.status, got.header)
		}
		if got.header.Get("Content-Security-Policy") != before.header.Get("Content-Security-Policy") {
			t.Errorf("%s has another policy: %s", path, got.header.Get("Content-Security-Policy"))
		}
		if strings.Contains(got.body, mine.Token) || strings.Contains(fmt.Sprint(got.header), mine.Token) {
			t.Errorf("%s tells the token", path)
		}
		if !strings.Contains(got.body, "Compared with the figures of \u2068Organisation 5\u2069.") {
			t.Errorf("%s does not say whose figures it compares", path)
		}
		for _, part := range parts {
			if shown := text(got.body, part.of); !strings.Contains(shown, part.want) {
				t.Errorf("%s: no %q in %q", path, part.want, shown)
			}
		}
		if after := s.get(path); after.body != before.body || strings.Contains(after.body, "Organisation 5") {
			t.Errorf("%s is no longer as it was for others", path)
		}
	}
	for _, path := range []string{"/stats/map", "/stats/data", "/about", "/help", "/stats/search", "/stats/top-threats.csv"} {
		if got := s.compare(path, mine.Token); got.status != http.StatusMethodNotAllowed || strings.Contains(s.get(path).body, `type="password"`) {
			t.Errorf("%s answers %d, or has a form", path, got.status)
		}
	}
	if got := s.compare("/stats/threats/nonsense", mine.Token); got.status != http.StatusNotFound {
		t.Errorf("an object that is none answers %d", got.status)
	}
}

// TestComparedFew shows nothing of everybody where too few stand behind it, and says why
// there is no quarter.
func TestComparedFew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minClients, minAnalyses int
		want                    string
	}{
		"four others are too few": {5, 1, "too few organisations to say"},
		"five analyses":           {1, 6, "too few analyses to say"},
	} {
		s := setup(t, minClients(tt.minClients), minAnalyses(tt.minAnalyses))
		mine := s.addCircle()
		got := s.compare("/stats", mine.Token)
		if shown := text(got.body, `(?s)data-name="top-threats".*?</table>`); !strings.Contains(shown, "5 "+tt.want) {
			t.Errorf("%s: %q", name, shown)
		}
	}
}

// TestComparedRefusals refuses anything that is not a key, in words for people and for programs.
func TestComparedRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	mine := s.addCircle()
	for name, tt := range map[string]struct {
		path, token string
		headers     []string
		status      int
		want        string
	}{
		"a wrong key":            {"/stats?days=30", "wrong key", nil, http.StatusForbidden, "<h1>This key is not accepted</h1>"},
		"in German":              {"/stats?lang=de", "wrong key", nil, http.StatusForbidden, "Dieser Schlüssel wird nicht angenommen"},
		"no key":                 {"/stats", "", nil, http.StatusUnauthorized, "<h1>This key is not accepted</h1>"},
		"for programs":           {"/stats", "wrong key", []string{"Accept", "*/*"}, http.StatusForbidden, `{"message":`},
		"of an object":           {"/stats/threats/" + theft, "wrong key", nil, http.StatusForbidden, "This key is not accepted"},
		"a key in the address":   {"/stats?token=" + mine.Token, "", nil, http.StatusUnauthorized, "This key is not accepted"},
		"no form":                {"/stats", mine.Token, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, ""},
		"a form without an end":  {"/stats", strings.Repeat("x", 5000), nil, http.StatusRequestEntityTooLarge, ""},
		"an address that is not": {"/stats?days=nonsense", mine.Token, nil, http.StatusBadRequest, "between 1 and"},
	} {
		got := s.compare(tt.path, tt.token, tt.headers...)
		if got.status != tt.status || !strings.Contains(got.body, tt.want) || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %.300s", name, got.status, got.header, got.body)
		}
		if strings.Contains(got.body, mine.Token) || strings.Contains(got.body, "Organisation 5") {
			t.Errorf("%s: the answer tells something", name)
		}
	}
}
