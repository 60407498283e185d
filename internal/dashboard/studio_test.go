package dashboard

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/picture"
)

func pictureOfTests() picture.Picture {
	l := picture.Format{Number: func(float64) string { return "1" }}
	return picture.Picture{
		Title: "Threats", Width: picture.MinWidth, Format: l,
		Panels: []picture.Panel{{Chart: picture.Bars{Items: []picture.Bar{{Label: "Fire", Value: 1}}}}},
	}
}

// TestStudioIsBusy fills all places: one more waits until its caller gives up,
// and when too many wait, the next are sent away.
func TestStudioIsBusy(t *testing.T) {
	t.Parallel()
	s := newStudio()
	for s.places.TryAcquire(1) {
		s.queue.TryAcquire(1) // as one that is being drawn does
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, mostWaiting)
	for range mostWaiting {
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
		t.Errorf("with %d waiting: %v", mostWaiting, err)
	}
	cancel()
	for range mostWaiting {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who gives up gets %v", err)
		}
	}
	s.places.Release(1)
	if _, err := s.draw(t.Context(), pictureOfTests()); err != nil {
		t.Errorf("when nobody waits any more: %v", err)
	}
}

// pageOfTests is a page with charts of two referentials of a guarded service.
func pageOfTests(t *testing.T, code string, charts ...chart) *page {
	t.Helper()
	figures := disclosure.New(disclosure.Options{MinClients: 3})
	pages := &Pages{opts: PageOptions{InstanceURL: "https://stats.example.org", Figures: figures}}
	return &page{
		locale: localeOf(t, code), Name: pageCompliance, path: "/stats/compliance", pages: pages, Charts: charts,
		View: view{From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), Local: true},
	}
}

func radarOfTests(title, note string) chart {
	one := 1.0
	return chart{
		ID: "compliance", Object: title, Title: title, Note: note, Table: table{Rows: [][]cell{{}}},
		Drawing: drawing{Kind: "radar", Labels: []string{"A"}, Series: []series{{Values: []*float64{&one}}, {Values: []*float64{&one}}}},
	}
}

// words are the texts of a picture.
type words struct {
	Title, Subtitle, Period, Nothing string
	Footer, Panels                   []string
}

func wordsOf(t *testing.T, p *page) words {
	t.Helper()
	drawn, err := p.picture("compliance", &reading{locale: p.locale, view: p.View}, sheet{width: picture.DefaultWidth})
	if err != nil {
		t.Fatal(err)
	}
	w := words{Title: drawn.Title, Subtitle: drawn.Subtitle, Period: drawn.Period, Nothing: drawn.Nothing, Footer: drawn.Footer}
	for _, panel := range drawn.Panels {
		w.Panels = append(w.Panels, panel.Title)
	}
	return w
}

func TestPictureWords(t *testing.T) {
	t.Parallel()
	const address = "MONARC Stats · https://stats.example.org/stats/compliance"
	hidden := map[string]string{}
	for _, code := range languageCodes() {
		hidden[code] = localeOf(t, code).T("privacy", "Number", "3")
	}
	english := []string{address, "Averages over risk analyses made with MONARC. No figure names an organisation.", hidden["en"]}
	one, two := radarOfTests("ISO", "share"), radarOfTests("NIST", "value")
	many := make([]chart, mostPanels+2)
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
			if diff := cmp.Diff(tt.want, wordsOf(t, tt.page)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestStepNames(t *testing.T) {
	t.Parallel()
	names := func(code, group, from, to string) []string {
		parse := func(text string) time.Time {
			day, err := time.Parse(time.DateOnly, text)
			if err != nil {
				t.Fatal(err)
			}
			return day
		}
		r := &reading{locale: localeOf(t, code), view: view{Group: group, From: parse(from), To: parse(to)}}
		return r.stepNames([]string{"2026-01-01", "2026-03-02"})
	}
	tests := []struct {
		code, group, from, to string
		want                  []string
	}{
		{"en", groupWeek, "2026-01-01", "2026-04-01", []string{"1 Jan", "2 Mar"}},
		{"de", groupDay, "2026-01-01", "2026-04-01", []string{"1. Jan.", "2. März"}},
		{"fr", groupDay, "2025-11-01", "2026-04-01", []string{"1 janv. 2026", "2 mars 2026"}},
		{"nl", groupMonth, "2026-01-01", "2026-04-01", []string{"jan 2026", "mrt 2026"}},
		{"en", groupQuarter, "2026-01-01", "2026-04-01", []string{"Q1 2026", "Q1 2026"}},
		{"en", groupYear, "2026-01-01", "2026-04-01", []string{"2026", "2026"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, names(tt.code, tt.group, tt.from, tt.to)); diff != "" {
			t.Errorf("%s by %s (-want +got)\n%s", tt.code, tt.group, diff)
		}
	}
}
