// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

func TestPagesHaveSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"/", "/stats", "/stats/", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", "/about", "/help"} {
		got := s.get(path)
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s answers %d %s", path, got.status, got.header.Get("Content-Type"))
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %s", path, policy)
		}
		if got.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s may be put in a frame", path)
		}
	}
}

// TestAddressesStartWithThePrefix shows that every address on a page starts with the prefix.
func TestAddressesStartWithThePrefix(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc/stats")
	s.addOneThreat()
	address := regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)
	for _, path := range []string{"/", "/stats", "/stats/evolution", "/stats/map", "/about", "/help"} {
		page := s.get(path)
		found := address.FindAllStringSubmatch(page.body, -1)
		if len(found) < 10 {
			t.Fatalf("%s has %d addresses", path, len(found))
		}
		for _, match := range found {
			if !strings.HasPrefix(match[1], "/monarc/stats/") {
				t.Errorf("%s: %s is not below the prefix", path, match[1])
			}
		}
	}
	if text := s.get("/robots.txt").body; !strings.Contains(text, "Disallow: /monarc/stats/api/v1/\n") {
		t.Errorf("robots.txt\n%s", text)
	}
}

// TestFreshInstanceWelcomes shows what to do where there are no figures yet, and nothing else.
func TestFreshInstanceWelcomes(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) { o.InstanceURL = "https://stats.example.org" })
	empty := s.get("/stats").body
	for _, want := range []string{"no figures yet", "client_create", "<code>https://stats.example.org</code>"} {
		if !strings.Contains(empty, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(empty, `class="switch"`) || strings.Contains(empty, "<figure") {
		t.Error("there are controls of nothing")
	}
	for _, path := range []string{"/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", "/stats/periods", "/stats/report"} {
		if page := s.get(path).body; !strings.Contains(page, "no figures yet") || strings.Contains(page, `class="switch"`) {
			t.Errorf("%s does not welcome", path)
		}
	}
	if strings.Contains(empty, "complete week") {
		t.Error("the welcome is about a threshold, and there is none")
	}
	suppressed := setup(t, minClients(3))
	suppressed.addOneThreat()
	if page := suppressed.get("/stats").body; !strings.Contains(page, "Figures from fewer than 3 organisations are not shown.") {
		t.Error("the welcome does not say that figures of one organisation are not shown")
	}
	s.addOneThreat()
	for _, path := range []string{"/stats?days=30", "/stats?from=2020-01-01&to=2020-02-01", "/stats/compliance"} {
		if page := s.get(path).body; strings.Contains(page, "no figures yet") || !strings.Contains(page, `class="switch"`) {
			t.Errorf("%s welcomes where there are figures", path)
		}
	}
}

// TestGuessedAddresses shows that the names of the JSON routes lead to pages.
func TestGuessedAddresses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for of, want := range map[string]string{
		"risks": "/stats/evolution?of=risks", "threats?days=30": "/stats/evolution?days=30&of=threats", "vulnerabilities": "/stats/evolution?of=vulnerabilities",
	} {
		if got := s.get("/stats/" + of); got.status != http.StatusFound || got.header.Get("Location") != want {
			t.Errorf("/stats/%s answers %d %s", of, got.status, got.header.Get("Location"))
		}
	}
}

// TestUnknownParametersAreNamed shows that a page says which parameters it does not know,
// and that files refuse them.
func TestUnknownParametersAreNamed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addOneThreat()
	for path, want := range map[string]string{
		"/stats?perid=30&zone=2": "The address has parameters that have no effect here: \u2068perid\u2069, \u2068zone\u2069.",
		"/stats?days=30":         "",
		"/help?%3Cb%3E=1":        "The address has a parameter that has no effect here: \u2068<b>\u2069.",
	} {
		if got := text(s.get(path).body, `<p class="advice">The address.*?</p>`); got != want {
			t.Errorf("%s says %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"/stats/top-threats.csv", "/stats/top-threats.json", "/stats/top-threats.svg", "/stats/threats.csv", "/stats/data.zip", "/stats/feed.atom"} {
		if got := s.get(path + "?anr=1"); got.status != http.StatusBadRequest || !strings.Contains(got.body, "Unknown arguments: anr") {
			t.Errorf("%s answers %d %s", path, got.status, got.body)
		}
	}
}

func TestActivePages(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) { o.Active = []string{"map", "help"} })
	want := map[string]int{
		"/": http.StatusFound, "/stats": http.StatusNotFound, "/stats/evolution": http.StatusNotFound,
		"/stats/top-threats.csv": http.StatusNotFound, "/stats/threats.csv": http.StatusNotFound,
		"/stats/map": http.StatusOK, "/stats/map.json": http.StatusOK, "/help": http.StatusOK, "/about": http.StatusNotFound,
	}
	got := map[string]int{}
	for path := range want {
		got[path] = s.get(path).status
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if to := s.get("/").header.Get("Location"); to != "/stats/map" {
		t.Errorf("the first page is %s", to)
	}
	if to := s.get("/?days=30&lang=fr&local_stats_only=1").header.Get("Location"); to != "/stats/map?days=30&lang=fr&local_stats_only=1" {
		t.Errorf("the first page with parameters is %s", to)
	}
	for _, path := range []string{"/stats/map", "/help", "/nope"} {
		page := s.get(path, "Accept", "text/html").body
		if strings.Contains(page, `href="/stats/evolution`) || strings.Contains(page, `href="/about`) {
			t.Errorf("%s links to a page that is turned off", path)
		}
	}
}

// TestNoLinksToFilesOfInactivePages shows that pages with charts of other pages link to
// their files only if these pages are served, and that the report leaves such charts out.
func TestNoLinksToFilesOfInactivePages(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	all, some := setupOn(t, database, ""), setupOn(t, database, "", func(o *dashboard.PageOptions) { o.Active = []string{"stats"} })
	all.addMonth()
	object := regexp.MustCompile(`href="(/stats/threats/[^"?]+)`).FindStringSubmatch(all.get("/stats").body)[1]
	for path, file := range map[string]string{object: "/stats/evolution.csv", "/stats/report": "/stats/compliance.csv"} {
		if !strings.Contains(all.get(path).body, file) {
			t.Errorf("%s has no link to %s", path, file)
		}
		if page := some.get(path); page.status != http.StatusOK || strings.Contains(page.body, file) || strings.Contains(page.body, "/stats/evolution.csv") {
			t.Errorf("%s answers %d with a link to a file that is not served", path, page.status)
		}
	}
	if page := some.get("/stats/report").body; !strings.Contains(page, `data-name="top-threats"`) || strings.Contains(page, `data-name="compliance"`) {
		t.Error("the report has charts of pages that are turned off")
	}
}

// TestFormerAddresses leads from the pages of the Python service to those here.
func TestFormerAddresses(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc")
	for path, want := range map[string]string{
		"/evolution":                   "/monarc/stats/evolution",
		"/evolution/?days=30&lang=fr":  "/monarc/stats/evolution?days=30&lang=fr",
		"/evolution?nbdays=30&days=90": "/monarc/stats/evolution?days=90",
		"/about/more":                  "/monarc/about",
		"/map/":                        "/monarc/stats/map",
		"/map/?local_stats_only=1&x=y": "/monarc/stats/map?local_stats_only=1",
	} {
		got := s.get(path)
		if got.status != http.StatusPermanentRedirect || got.header.Get("Location") != want {
			t.Errorf("%s answers %d to %s, want %s", path, got.status, got.header.Get("Location"), want)
		}
	}
	off := setup(t, func(o *dashboard.PageOptions) { o.Active = []string{"help"} })
	if got := off.get("/evolution").status; got != http.StatusNotFound {
		t.Errorf("where the page is turned off, its former address answers %d", got)
	}
}

// TestPageNames shows that the settings and the pages have the same names.
func TestPageNames(t *testing.T) {
	t.Parallel()
	settings, err := config.Load(nil, func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings.ActivePages, dashboard.PageNames()); diff != "" {
		t.Errorf("(-settings +pages)\n%s", diff)
	}
}

func TestOnlyChosenOriginsMayEmbed(t *testing.T) {
	t.Parallel()
	closed, open := setup(t), setup(t, func(o *dashboard.PageOptions) {
		o.EmbedOrigins = []string{"https://www.example.org", "https://intranet.example.org"}
	})
	for _, s := range []*service{closed, open} {
		s.addMonth()
	}
	if policy := closed.get("/stats?embed=1").header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("without origins: %s", policy)
	}
	got := open.get("/stats?embed=1&chart=risks-operational")
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors https://www.example.org https://intranet.example.org") {
		t.Errorf("with origins: %s", policy)
	}
	if got.header.Get("X-Frame-Options") != "" {
		t.Error("X-Frame-Options forbids what the policy allows")
	}
	if n := strings.Count(got.body, "<figure"); n != 1 || !strings.Contains(got.body, `data-name="risks-operational"`) {
		t.Errorf("%d charts are embedded", n)
	}
	if strings.Contains(got.body, "<nav") {
		t.Error("the navigation is embedded too")
	}
	for path, status := range map[string]int{
		"/about?embed=1": http.StatusOK, "/help?embed=1": http.StatusOK, "/about?embed=1&days=x": http.StatusBadRequest,
	} {
		got := open.get(path)
		policy := got.header.Get("Content-Security-Policy")
		if got.status != status || !strings.Contains(policy, "frame-ancestors 'none'") || got.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s answers %d with %s", path, got.status, policy)
		}
	}
	for _, query := range []string{"chart=nonsense", "chart=map", "days=0"} {
		got := open.get("/stats?lang=nl&embed=1&" + query)
		policy := got.header.Get("Content-Security-Policy")
		if got.status != http.StatusBadRequest || strings.Contains(got.body, "<nav") || !strings.Contains(got.body, `class="problem"`) {
			t.Errorf("%s in a frame answers %d", query, got.status)
		}
		if !strings.Contains(policy, "frame-ancestors https://www.example.org") {
			t.Errorf("%s in a frame: %s", query, policy)
		}
	}
	for path, framed := range map[string]bool{"/stats": true, "/stats/evolution": true, "/stats/report": false} {
		if got := strings.Contains(open.get(path).body, "<iframe"); got != framed {
			t.Errorf("%s offers frames: %t, want %t", path, got, framed)
		}
	}
	if policy := open.get("/stats").header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the whole page: %s", policy)
	}
}

func TestWrongParameters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, query := range []string{
		"days=0", "days=x", "days=99999", "from=2026-13-01", "from=2026-03-02&to=2026-03-01", "local_stats_only=yes",
		"top=7", "by=size", "order=up", "of=anything", "group=hour", "lang=xx", "object=1", "invert=2", "embed=x",
	} {
		page := s.get("/stats/evolution?" + query)
		name, _, _ := strings.Cut(query, "=")
		if page.status != http.StatusBadRequest || !strings.Contains(page.body, name) || !strings.Contains(page.body, "<h1>") {
			t.Errorf("page ?%s answers %d", query, page.status)
		}
		export := s.get("/stats/evolution.csv?" + query)
		if export.status != http.StatusBadRequest || !strings.Contains(export.body, `"errors"`) {
			t.Errorf("export ?%s answers %d %s", query, export.status, export.body)
		}
	}
}

func TestPagesInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tests := map[string]struct{ query, accepted, lang, want string }{
		"asked for":       {"?lang=de", "fr", "de", "Die Lage der Risiken"},
		"of the browser":  {"", "nl-BE,nl;q=0.9,en;q=0.5", "nl", "De stand van de risico’s"},
		"none understood": {"", "ja", "en", "The state of risks"},
		"French":          {"", "fr-LU", "fr", "du 15 déc. 2025 au 15 mars 2026"},
		"German dates":    {"?lang=de", "", "de", "15. Dez. 2025 bis 15. März 2026"},
		"own labels":      {"?lang=fr&top=15", "", "fr", "Hameçonnage"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page := s.get("/stats"+tt.query, "Accept-Language", tt.accepted)
			if !strings.Contains(page.body, fmt.Sprintf(`<html lang=%q`, tt.lang)) || !strings.Contains(page.body, tt.want) {
				t.Errorf("no %q in the page in %s", tt.want, tt.lang)
			}
		})
	}
}

func TestWellKnown(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) {
		o.AdminEmail, o.AdminURL, o.InstanceURL = "security@example.org", "https://example.org/contact", "https://stats.example.org"
	})
	want := `Contact: mailto:security@example.org
Contact: https://example.org/contact
Expires: 2026-09-11T00:00:00Z
Preferred-Languages: en, fr, de, nl
Canonical: https://stats.example.org/.well-known/security.txt
`
	if diff := cmp.Diff(want, s.get("/.well-known/security.txt").body); diff != "" {
		t.Errorf("security.txt (-want +got)\n%s", diff)
	}
	if got := setup(t).get("/.well-known/security.txt").status; got != http.StatusNotFound {
		t.Errorf("without a contact security.txt answers %d", got)
	}
	plain := setup(t, func(o *dashboard.PageOptions) { o.AdminURL = "http://example.org/contact" })
	if got := plain.get("/.well-known/security.txt"); got.status != http.StatusOK || !strings.HasPrefix(got.body, "Contact: http://example.org/contact\n") {
		t.Errorf("with a contact over HTTP alone security.txt answers %d %s", got.status, got.body)
	}
	for _, path := range []string{"/humans.txt", "/human.txt"} {
		got := s.get(path)
		if got.status != http.StatusOK || !strings.HasPrefix(got.body, "/* TEAM */\n") || !strings.Contains(got.body, "Contact: security@example.org\n") {
			t.Errorf("%s answers %d %s", path, got.status, got.body)
		}
	}
	if got := s.get("/favicon.ico"); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/x-icon" || len(got.body) < 100 {
		t.Errorf("favicon.ico answers %d with %d bytes", got.status, len(got.body))
	}
	for address, want := range map[string]string{
		"/help": `<link rel="canonical" href="https://stats.example.org/help">`, "/help?lang=fr&days=30": `<link rel="canonical" href="https://stats.example.org/help?lang=fr">`,
		"/help?lang=nl": `<meta property="og:locale" content="nl_NL">`,
	} {
		if !strings.Contains(s.get(address).body, want) {
			t.Errorf("%s has no %s", address, want)
		}
	}
	page := s.get("/about").body
	for _, tag := range []string{
		`<meta property="og:url" content="https://stats.example.org/about">`,
		`<link rel="canonical" href="https://stats.example.org/about">`, `/preview.png">`,
		`<link rel="alternate" hreflang="de" href="https://stats.example.org/about?lang=de">`, `/LICENSE-world-atlas">world-atlas`, `href="mailto:security@example.org"`,
	} {
		if !strings.Contains(page, tag) {
			t.Errorf("no %s on the page", tag)
		}
	}
}

// TestFilesAreKeptByBrowsers shows how the files of the pages are kept by browsers.
func TestFilesAreKeptByBrowsers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	root := regexp.MustCompile(`href="([^"]+)page.css"`).FindStringSubmatch(s.get("/stats").body)[1]
	for name, contentType := range map[string]string{
		"page.css": "text/css; charset=utf-8", "main.js": "text/javascript; charset=utf-8", "chart.js": "text/javascript; charset=utf-8",
		"icon.svg": "image/svg+xml", "preview.png": "image/png", "LICENSE-i18n-iso-countries": "text/plain; charset=utf-8",
	} {
		got := s.get(root+name, "Accept-Encoding", "gzip")
		if got.status != http.StatusOK || got.header.Get("Content-Type") != contentType {
			t.Errorf("%s answers %d %s", name, got.status, got.header.Get("Content-Type"))
		}
		if got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s is cached for %q", name, got.header.Get("Cache-Control"))
		}
		if compressed := got.header.Get("Content-Encoding") == "gzip"; compressed != (name != "preview.png" && name != "icon.svg") {
			t.Errorf("%s is compressed: %t", name, compressed)
		}
	}
	if got := s.get(root+"main.js", "Accept-Encoding", "gzip;q=0, identity"); got.header.Get("Content-Encoding") != "" {
		t.Error("a file is compressed for who cannot read that")
	}
	for _, path := range []string{root + "nothing.js", root + "../view.go", strings.Replace(root, "static/", "static/0", 1) + "main.js"} {
		if got := s.get(path).status; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
}

func TestPagesTakeGETAndHEAD(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"/stats", "/stats/threats.csv", "/stats/threats.json", "/about.json"} {
		if response, err := http.Head(s.url + path); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("HEAD %s: %v, %v", path, response, err)
		}
	}
	response, err := http.Post(s.url+"/about", "text/plain", strings.NewReader("x"))
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", response, err)
	}
}
