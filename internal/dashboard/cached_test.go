// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// caching boots the service with answers that are cached until the test
// invalidates them.
func caching(t *testing.T, changes ...func(*dashboard.PageOptions)) (*service, *cache.Cache) {
	t.Helper()
	cached := httpapi.NewCache(func() time.Time { return today })
	cached.Enable()
	return setup(t, append(changes, func(o *dashboard.PageOptions) { o.Cache = cached })...), cached
}

// addAnalysis stores one analysis with stats of one type.
func (s *service) addAnalysis(client stats.Client, t stats.Type) {
	s.t.Helper()
	generator := sample.New(sample.Options{Analyses: 1, Seed: 11, Until: today})
	for _, stat := range generator.Stats(0, 0, today) {
		if stat.Type == t {
			stat.UUID, stat.ANR = uuid.New(), uuid.New()
			servicetest.Insert(s.t, s.store, client, stat)
		}
	}
}

// TestPagesAreCachedUntilTheirFiguresChange shows for every page and export that it is computed once
// and again after a change of anything that it shows.
func TestPagesAreCachedUntilTheirFiguresChange(t *testing.T) {
	t.Parallel()
	s, cached := caching(t)
	s.addMonth()
	client := s.client("Late", 10, 10, true)
	threats, vulns, risks := stats.Threat, stats.Vulnerability, stats.Risk
	for path, shown := range map[string][]stats.Type{
		"/stats":                              stats.Types(),
		"/about":                              stats.Types(),
		"/stats/evolution":                    {threats},
		"/stats/evolution?of=vulnerabilities": {vulns},
		"/stats/evolution?of=risks":           {risks},
		"/stats/cartography":                  {stats.Cartography},
		"/stats/compliance":                   {stats.Compliance},
		"/stats/top-threats.csv":              {threats},
		"/stats/top-threats.png":              {threats},
		"/stats/top-vulnerabilities.json":     {vulns},
		"/stats/threats.csv?days=9":           {threats},
		"/stats/risks.csv?days=9":             {risks},
	} {
		for _, kind := range shown {
			before := s.get(path).body
			s.addAnalysis(client, kind)
			if s.get(path).body != before {
				t.Errorf("%s is computed twice", path)
			}
			cached.Invalidate(string(kind))
			if s.get(path).body == before {
				t.Errorf("%s does not change with stats of type %s", path, kind)
			}
		}
	}
}

func TestMapIsCachedUntilItsClientsChange(t *testing.T) {
	t.Parallel()
	s, cached := caching(t)
	s.addMonth()
	client := s.client("Late", 10, 10, true)
	// In this order: a client without stats is not on the map.
	changes := []struct {
		topic string
		make  func()
	}{
		{string(stats.Threat), func() { s.addAnalysis(client, stats.Threat) }},
		{string(stats.Vulnerability), func() { s.addAnalysis(client, stats.Vulnerability) }},
		{disclosure.TopicClients, func() {
			if _, err := s.store.SetCoordinates(t.Context(), client.UUID, new(20.0), new(20.0)); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, change := range changes {
		before := s.get("/stats/map").body
		change.make()
		if s.get("/stats/map").body != before {
			t.Error("the map is computed twice")
		}
		cached.Invalidate(change.topic)
		if s.get("/stats/map").body == before {
			t.Errorf("the map does not change with %s", change.topic)
		}
	}
}

// TestNobodyGetsTheAnswerToAnother shows that nobody gets what somebody else asked for.
func TestNobodyGetsTheAnswerToAnother(t *testing.T) {
	t.Parallel()
	s, _ := caching(t, func(o *dashboard.PageOptions) { o.EmbedOrigins = []string{"https://www.example.org"} })
	s.addMonth()
	seen := map[string]string{}
	for _, path := range []string{
		"/stats", "/stats?days=30", "/stats?from=2026-03-01&to=2026-03-14", "/stats?local_stats_only=1", "/stats?lang=fr", "/stats?top=10",
		"/stats?by=occurrence", "/stats?order=lowest", "/stats?embed=1", "/stats?embed=1&chart=risks-operational", "/stats/evolution",
		"/stats/evolution?of=risks", "/stats/evolution?group=day", "/stats/evolution?object=" + fire, "/stats/evolution?invert=1&object=" + fire,
		"/stats/top-threats.csv", "/stats/top-threats.json", "/stats/threats.csv", "/stats/threats.csv?days=9", "/stats/map", "/about", "/help",
	} {
		for _, language := range []string{"en", "de"} {
			body := s.get(path, "Accept-Language", language).body
			if body != s.get(path, "Accept-Language", language).body {
				t.Errorf("%s: the second answer is another", path)
			}
			if other, taken := seen[body]; taken && !sameInAllLanguages(path) {
				t.Errorf("%s in %s is answered as %s", path, language, other)
			}
			seen[body] = path + " in " + language
		}
	}
}

// sameInAllLanguages reports whether Accept-Language decides nothing.
func sameInAllLanguages(path string) bool { return strings.Contains(path, "lang=") }

// TestCachedAnswersHaveTheirHeaders shows what browsers and proxies are told.
func TestCachedAnswersHaveTheirHeaders(t *testing.T) {
	t.Parallel()
	s, _ := caching(t)
	s.addMonth()
	for path, contentType := range map[string]string{
		"/stats": "text/html; charset=UTF-8", "/stats/top-threats.csv": "text/csv; charset=utf-8", "/stats/top-threats.json": "application/json",
	} {
		first := s.get(path, "Accept-Encoding", "gzip")
		want := map[string]string{
			"Content-Type": contentType, "Vary": "Accept-Encoding, Accept-Language", "Cache-Control": "public, max-age=60",
			"X-Content-Type-Options": "nosniff",
		}
		for name, value := range want {
			if got := first.header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		if path == "/stats" && first.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed", path)
		}
		tag := first.header.Get("ETag")
		again := s.get(path, "Accept-Encoding", "gzip", "If-None-Match", tag)
		if again.status != http.StatusNotModified || again.body != "" || again.header.Get("ETag") != tag {
			t.Errorf("%s: who has it gets status %d with %d bytes", path, again.status, len(again.body))
		}
		for _, name := range []string{"Vary", "Cache-Control", "Content-Security-Policy", "X-Frame-Options"} {
			if again.header.Get(name) != first.header.Get(name) {
				t.Errorf("%s: with status 304 %s is %q, before it was %q", path, name, again.header.Get(name), first.header.Get(name))
			}
		}
	}
	if name := s.get("/stats/top-threats.csv").header.Get("Content-Disposition"); name != `attachment; filename="top-threats-2025-12-15-2026-03-15.csv"` {
		t.Errorf("the file is called %s", name)
	}
	wrong := s.get("/stats?days=x")
	if wrong.header.Get("Cache-Control") != "no-store" || wrong.header.Get("ETag") != "" {
		t.Errorf("a wrong question may be kept: %v", wrong.header)
	}
}

// TestSuppressionIsDecidedAgain shows that who stands behind a figure is found out again.
func TestSuppressionIsDecidedAgain(t *testing.T) {
	t.Parallel()
	s, cached := caching(t, minClients(2))
	s.addShared()
	shows := func(path string) bool { return strings.Contains(s.get(path).body, flood) }
	paths := []string{"/stats", "/stats?lang=de", "/stats/top-threats.csv", "/stats/evolution", "/stats/threats.json"}
	for _, path := range paths {
		if shows(path) {
			t.Errorf("%s shows what a single client has sent", path)
		}
	}
	second := s.client("Three", 1, 1, true)
	s.add(second, uuid.New(), stats.Threat, lastWeek, objectOf(flood, "Flood", 4, 16, 4))
	cached.Invalidate(string(stats.Threat))
	for _, path := range paths {
		if !shows(path) {
			t.Errorf("%s does not show what two clients have sent", path)
		}
	}
	if _, err := s.store.DeleteClient(t.Context(), second.UUID); err != nil {
		t.Fatal(err)
	}
	cached.Invalidate(string(stats.Threat))
	for _, path := range paths {
		if shows(path) {
			t.Errorf("%s shows what a single client is left of", path)
		}
	}
}
