// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
)

func pictureOfTests() chart.Page {
	return chart.Page{
		Title: chart.Label{"Threats"}, Width: chart.MinWidth, Format: chart.Format{Number: func(float64) string { return "1" }},
		Panels: []chart.Panel{{Chart: chart.Bars{Items: []chart.Item{{Label: chart.Label{"Fire"}, Values: [2]*float64{new(1.0)}}}}}},
	}
}

// TestRendererIsBusy fills all slots: one more waits until its caller gives up,
// and when too many wait, the next are sent away.
func TestRendererIsBusy(t *testing.T) {
	t.Parallel()
	s := newRenderer(nil)
	for s.slots.TryAcquire(1) {
		s.queue.TryAcquire(1) // as one that is being drawn does
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, maxWaiting)
	for range maxWaiting {
		go func() {
			_, err := s.draw(ctx, pictureOfTests())
			left <- err
		}()
	}
	for s.queue.TryAcquire(1) { // until all of them wait
		s.queue.Release(1)
		time.Sleep(time.Millisecond)
	}
	if _, err := s.draw(t.Context(), pictureOfTests()); !errors.Is(err, errBusy) {
		t.Errorf("with %d waiting: %v", maxWaiting, err)
	}
	cancel()
	for range maxWaiting {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who gives up gets %v", err)
		}
	}
	s.slots.Release(1)
	if _, err := s.draw(t.Context(), pictureOfTests()); err != nil {
		t.Errorf("when nobody waits any more: %v", err)
	}
}

// TestPicturesAreRefused answers 503 while as many pictures wait as may, and says when to
// try again.
func TestPicturesAreRefused(t *testing.T) {
	t.Parallel()
	noon := func() time.Time { return time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC) }
	pages, err := NewPages(PageOptions{
		Figures: disclosure.New(disclosure.Options{Now: noon, Location: time.UTC}),
		Cache:   cache.New(cache.Options{MaxBytes: 1 << 20, Now: noon}), Now: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	for pages.renderer.queue.TryAcquire(1) {
		continue // as one that waits does
	}
	kind := pageKind{name: pageHelp, path: "/help", build: func(*requestContext, *page) error { return nil }}
	get := func(extension string) (status int, retryAfter string) {
		e, recorder := echo.New(), httptest.NewRecorder()
		e.GET("/", pages.serveImage(kind, "map", extension, ownParameters))
		e.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		return recorder.Code, recorder.Header().Get("Retry-After")
	}
	if status, retryAfter := get(".png"); status != http.StatusServiceUnavailable || retryAfter != "5" {
		t.Errorf("status %d, Retry-After %q, want 503 and 5", status, retryAfter)
	}
	if status, _ := get(".svg"); status != http.StatusOK {
		t.Errorf("without drawing: status %d", status)
	}
	pages.renderer.queue.Release(1)
	if status, _ := get(".png"); status != http.StatusOK {
		t.Errorf("when there is room again: status %d", status)
	}
}

// pageOfTests is a page with charts of two referentials of a guarded service.
func pageOfTests(t *testing.T, code string, drawn ...figure) *page {
	t.Helper()
	figures := disclosure.New(disclosure.Options{MinClients: 3})
	pages := &Pages{opts: PageOptions{InstanceURL: "https://stats.example.org", Figures: figures}}
	return &page{
		locale: localeOf(t, code), kind: pageKind{name: pageCompliance, path: "/stats/compliance"}, pages: pages, Figures: drawn,
		View: view{From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Local: true},
	}
}

func radarOfTests(title, note string) figure {
	return figure{
		ID: "compliance", Object: title, Title: title, Names: chart.Label{title}, Note: note, Table: table{Rows: [][]cell{{}}}, Chart: chart.Radar{},
	}
}

// words are the texts of an image.
type words struct {
	Title, Subtitle, Period, Nothing string
	Footer, Panels                   []string
}

func wordsOf(p *page) words {
	var s chart.Page
	p.fill(&s, "compliance")
	w := words{Title: s.Title[0], Subtitle: s.Subtitle, Period: s.Period, Nothing: s.Nothing, Footer: s.Footer}
	for _, panel := range s.Panels {
		w.Panels = append(w.Panels, strings.Join(panel.Title[:min(len(panel.Title), 1)], ""))
	}
	return w
}

func TestWordsOfImages(t *testing.T) {
	t.Parallel()
	const address = "MONARC Stats · https://stats.example.org/stats/compliance"
	hidden := map[string]string{}
	for _, code := range languageCodes() {
		hidden[code] = localeOf(t, code).T("privacy", "Number", "3")
	}
	english := []string{address, "Averages over risk analyses made with MONARC.", hidden["en"]}
	one, two := radarOfTests("ISO", "share"), radarOfTests("NIST", "value")
	many := make([]figure, maxPanels+2)
	for i := range many {
		many[i] = one
	}
	tests := map[string]struct {
		page *page
		want words
	}{
		"one": {pageOfTests(t, "en", one), words{
			Title: "Compliance · ISO", Subtitle: "share", Period: "2 Jan 2026 to 4 Mar 2026 · Only local organisations", Footer: english, Panels: []string{""},
		}},
		"two": {pageOfTests(t, "en", one, two), words{
			Title: "Compliance", Subtitle: "Mean of all analyses that use it, by category", Period: "2 Jan 2026 to 4 Mar 2026 · Only local organisations",
			Footer: english, Panels: []string{"ISO", "NIST"},
		}},
		"too many": {pageOfTests(t, "en", many...), words{
			Title: "Compliance", Subtitle: "share", Period: "2 Jan 2026 to 4 Mar 2026 · Only local organisations",
			Footer: append([]string{"2 more referentials are not shown here; their own pictures are linked below their charts."}, english...),
			Panels: []string{"ISO", "ISO", "ISO", "ISO"},
		}},
		"nothing, in French": {pageOfTests(t, "fr"), words{
			Title: "Conformité", Period: "Du 2 janv. 2026 au 4 mars 2026 · Organisations locales uniquement",
			Footer: []string{address, localeOf(t, "fr").T("footer"), hidden["fr"]},
		}},
		"one, in German": {pageOfTests(t, "de", one), words{
			Title: "Konformität · ISO", Subtitle: "share", Period: "2. Jan. 2026 bis 4. März 2026 · Nur lokale Organisationen",
			Footer: []string{address, localeOf(t, "de").T("footer"), hidden["de"]}, Panels: []string{""},
		}},
		"one, in Dutch": {pageOfTests(t, "nl", one), words{
			Title: "Naleving · ISO", Subtitle: "share", Period: "2 jan 2026 tot en met 4 mrt 2026 · Alleen lokale organisaties",
			Footer: []string{address, localeOf(t, "nl").T("footer"), hidden["nl"]}, Panels: []string{""},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.want.Nothing = tt.page.T("no_data") + " " + hidden[tt.page.Code]
			if diff := cmp.Diff(tt.want, wordsOf(tt.page)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestNamesAtTimeAxes names days, months and quarters as readers write them.
func TestNamesAtTimeAxes(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		code, group string
		of          chart.Interval
		want        string
	}{
		{"en", groupWeek, chart.Week, "2 Mar"}, {"de", groupDay, chart.Day, "2. März"}, {"fr", groupDay, chart.Week, "2 mars"},
		{"nl", groupMonth, chart.Month, "mrt"}, {"en", groupQuarter, chart.Quarter, "Q1"}, {"fr", groupQuarter, chart.Quarter, "T1"},
		{"en", groupWeek, chart.Quarter, "Mar"},
	}
	for _, tt := range tests {
		r := &requestContext{locale: localeOf(t, tt.code), view: view{Group: tt.group, From: day, To: day.AddDate(1, 0, 0)}}
		if got := r.timeAxis().Name(tt.of, day); got != tt.want {
			t.Errorf("%s by %s: %q, want %q", tt.code, tt.group, got, tt.want)
		}
	}
}

// TestNaturalOrder sorts categories as people do.
func TestNaturalOrder(t *testing.T) {
	t.Parallel()
	names := []string{"10 Cryptography", "2 Policies", "A.9", "0 Scope", "A.10.2", "A.10.10", "02 Policies", "1 Terms", ""}
	slices.SortStableFunc(names, natural)
	want := []string{"", "0 Scope", "1 Terms", "2 Policies", "02 Policies", "10 Cryptography", "A.9", "A.10.2", "A.10.10"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
