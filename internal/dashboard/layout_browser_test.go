// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"bytes"
	"fmt"
	"html"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/dashboard"
)

// setupForFrames boots a service whose charts an origin may embed.
func setupForFrames(t *testing.T, origins ...string) *service {
	t.Helper()
	return setup(t, func(o *dashboard.PageOptions) { o.EmbedOrigins = origins })
}

// wideTextsScript lists the texts that are wider than their place.
const wideTextsScript = `[...document.querySelectorAll('h1, h2, h3, .note, .summary, .switch a, .toggle, .figure, .after, .trend, button, .exports a, summary')]
	.filter((node) => node.checkVisibility() && !node.matches('.unseen') && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== 'inline')
	.map((node) => node.textContent.trim().slice(0, 60))`

// TestLayoutOfLanguages lays out every page in the languages with longer words than English.
func TestLayoutOfLanguages(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	s := setup(t)
	s.addMonth()
	for _, language := range []string{"fr", "de", "nl"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tab := openTab(t, browser, s)
			tab.prefer("light")
			for _, path := range []string{"/stats", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", "/stats/data", "/about", "/help", "/api/v1", objectPath, "/stats/search?q=a", "/stats/periods", "/stats/report"} {
				tab.load(s.url + withLanguage(path, language))
				for _, width := range []int64{320, 768, 2560} {
					tab.do(chromedp.EmulateViewport(width, 900))
					tab.painted()
					if got := eval[int64](tab, `document.documentElement.scrollWidth`); got > width {
						t.Errorf("%s is %d pixels wide on a screen of %d", path, got, width)
					}
					if cut := eval[[]string](tab, wideTextsScript); len(cut) > 0 {
						t.Errorf("%s, %d pixels: cut: %q", path, width, cut)
					}
				}
				expectDrawn(tab, chartsOn(tab))
			}
			tab.expectPeace()
		})
	}
}

// rowsScript lists the rows of cards that end before the edge of their grid.
const rowsScript = `[...document.querySelectorAll('.grid, .report')].flatMap((grid) => {
	const ends = {};
	for (const card of grid.children) {
		const { top, right } = card.getBoundingClientRect();
		ends[Math.round(top)] = Math.max(ends[Math.round(top)] ?? 0, right);
	}
	const edge = grid.getBoundingClientRect().right - 1;
	return Object.entries(ends).filter(([, end]) => end < edge).map(([top, end]) => top + ': ' + end + ' of ' + edge);
})`

// TestRowsAreFull shows that no card stands beside an empty place.
func TestRowsAreFull(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tab := openTab(t, startBrowser(t), s)
	for _, path := range []string{"/stats", "/stats/periods", "/stats/report", "/stats/cartography", "/stats/compliance", objectPath} {
		tab.load(s.url + path)
		for _, width := range []int64{360, 768, 1024, 1280, 1920, 2560} {
			tab.do(chromedp.EmulateViewport(width, 900))
			tab.painted()
			if gaps := eval[[]string](tab, rowsScript); len(gaps) > 0 {
				t.Errorf("%s, %d pixels: rows end early: %q", path, width, gaps)
			}
		}
	}
	tab.expectPeace()
}

// withLanguage is an address in a language.
func withLanguage(path, language string) string {
	if strings.Contains(path, "?") {
		return path + "&lang=" + language
	}
	return path + "?lang=" + language
}

// TestKeyboardReachesEverything goes through pages with the tab key: everything that can be used
// is reached in the order of the page, and shows that it is. The script that scrolls the
// navigation to the current page must not move where the tab key begins.
func TestKeyboardReachesEverything(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tab := openTab(t, startBrowser(t), s)
	for _, path := range []string{
		"/stats", "/stats/evolution?top=15", "/stats/cartography", "/stats/compliance", "/stats/map", "/stats/periods", "/stats/report", objectPath,
		"/stats/search?q=a", "/stats/data", "/about", "/help", framedPath,
	} {
		tab.load(s.url + path)
		expectKeyboard(tab, path)
	}
	tab.do(chromedp.EmulateViewport(360, 900))
	tab.load(s.url + "/stats/map")
	if !eval[bool](tab, `(({ left, right }) => left >= 0 && right <= innerWidth)(document.querySelector('.pages [aria-current]').getBoundingClientRect())`) {
		t.Error("the navigation of a narrow screen does not show the current page")
	}
	tab.expectPeace()
}

// usableScript lists what can be used on a page, and focusScript what has the focus, with
// what is wrong with it.
const (
	usableScript = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, [tabindex="0"]')]
		.filter((node) => !node.matches('[tabindex="-1"]'))
		.filter((node) => node.checkVisibility({ visibilityProperty: true })).map((node) => node.outerHTML.replace('row on"', 'row"').slice(0, 90))`
	focusScript = `(() => {
		const node = document.activeElement;
		const { outlineStyle, outlineWidth } = getComputedStyle(node);
		const { top, bottom, height } = node.getBoundingClientRect();
		return {
			html: node.outerHTML.replace('row on"', 'row"').slice(0, 90),
			marked: outlineStyle !== 'none' && parseFloat(outlineWidth) === 3,
			seen: height > 0 && bottom > 0 && top < innerHeight,
		};
	})()`
)

func expectKeyboard(b *tab, path string) {
	b.t.Helper()
	want := eval[[]string](b, usableScript)
	var got []string
	for len(got) < len(want) {
		b.do(chromedp.KeyEvent(kb.Tab))
		focus := eval[struct {
			HTML         string
			Marked, Seen bool
		}](b, focusScript)
		if n := len(got); n == 0 || got[n-1] != focus.HTML || !strings.Contains(focus.HTML, `type="date"`) { // a date has several stops
			got = append(got, focus.HTML)
		}
		if !focus.Marked || !focus.Seen {
			b.t.Errorf("%s: %s has the focus, marked: %t, in sight: %t", path, focus.HTML, focus.Marked, focus.Seen)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s: order (-page +keyboard)\n%s", path, diff)
	}
}

// TestSwitchByKeyboard uses the switch of local organisations as a switch is used.
func TestSwitchByKeyboard(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tab := openTab(t, startBrowser(t), s)
	tab.load(s.url + "/stats?days=30")
	tab.do(chromedp.Focus(chromedp.CSS(".toggle")), chromedp.KeyEvent(" "))
	tab.until(`location.search.includes('local_stats_only=1') && location.search.includes('days=30') && document.querySelector('.toggle').getAttribute('aria-checked') === 'true'`)
	tab.expectPeace()
}

// TestWithoutScripts reads the pages in a browser that runs no script.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tab := openTab(t, startBrowser(t), s)
	tab.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	for _, path := range []string{"/stats", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", objectPath, "/stats/periods", "/stats/report"} {
		tab.do(chromedp.Navigate(s.url + path))
		tab.until(`document.readyState === 'complete'`)
		expectInOrder(tab, chartsOn(tab))
		if tables, charts := eval[int](tab, `document.querySelectorAll('.figures table').length`), chartsOn(tab); tables != charts || charts == 0 {
			t.Errorf("%s: %d tables for %d charts", path, tables, charts)
		}
		if got := eval[int64](tab, `document.documentElement.scrollWidth`); got > 1280 {
			t.Errorf("%s is %d pixels wide", path, got)
		}
	}
	tab.expectPeace()
}

// TestFramesOfOtherSites embeds a chart in a page of another site, which may or may not do it.
func TestFramesOfOtherSites(t *testing.T) {
	t.Parallel()
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>Host</title><link rel="icon" href="data:,"><iframe src="%s" width="800" height="700"></iframe>`,
			html.EscapeString(r.URL.Query().Get("chart")))
	}))
	t.Cleanup(host.Close)
	s := setupForFrames(t, host.URL)
	s.addMonth()
	browser := startBrowser(t)

	const chart = "/stats?embed=1&chart=risks-informational&lang=en"
	elsewhere := strings.Replace(host.URL, "127.0.0.1", "localhost", 1)
	tests := map[string]struct {
		from, path string
		shown      bool
	}{
		"a chart":              {host.URL, chart, true},
		"a page as it is":      {host.URL, "/stats?lang=en", false},
		"a site without leave": {elsewhere, chart, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := openTab(t, browser, s)
			tab.allow(tt.from)
			tab.prefer("light")
			tab.do(chromedp.EmulateViewport(1000, 800), chromedp.Navigate(tt.from+"/?chart="+url.QueryEscape(s.url+tt.path)))
			if tt.shown {
				for tab.pixels(253, 102, 31) < 100 && t.Context().Err() == nil {
					time.Sleep(50 * time.Millisecond)
				}
				tab.expectPeace()
				return
			}
			tab.untilProblem("frame-ancestors")
			if found := tab.pixels(253, 102, 31); found > 0 {
				t.Error("the frame shows a chart")
			}
		})
	}
}

// allow lets a tab talk to another host too.
func (b *tab) allow(address string) {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.others = append(b.others, u.Host)
}

// pixels counts those of a colour in the window.
func (b *tab) pixels(red, green, blue uint32) int {
	b.t.Helper()
	encoded, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		b.t.Fatal(err)
	}
	found := 0
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if r, g, bl, _ := picture.At(x, y).RGBA(); r>>8 == red && g>>8 == green && bl>>8 == blue {
				found++
			}
		}
	}
	return found
}

// shiftScript notes what moves while a page loads without the reader's doing, in the
// browser's own measure.
const shiftScript = `window.shifts = [];
new PerformanceObserver((list) => list.getEntries().filter((entry) => !entry.hadRecentInput).forEach(({ value, sources }) => {
	window.shifts.push(value + ' ' + sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 80)).join(' | '));
})).observe({ type: 'layout-shift', buffered: true });`

// TestNothingShifts loads every page on a large and a small screen: nothing moves once it
// is painted.
func TestNothingShifts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	tab := openTab(t, startBrowser(t), s)
	tab.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: shiftScript}))
	paths := []string{
		"/stats", "/stats?days=365", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", objectPath,
		"/stats/periods", "/stats/report", "/stats/data", "/stats/search?q=a", "/about", "/help",
	}
	// A slow reader sees the page before its scripts run.
	tab.do(call(emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 6}))
	for _, width := range []int64{1280, 360} {
		tab.do(chromedp.EmulateViewport(width, 900))
		for _, path := range paths {
			tab.load(s.url + path)
			tab.painted()
			if shifts := eval[[]string](tab, `window.shifts`); len(shifts) > 0 {
				t.Errorf("%s, %d pixels: %q", path, width, shifts)
			}
		}
	}
	// What does move is seen.
	eval[bool](tab, `!!document.querySelector('#content').prepend(Object.assign(document.createElement('p'), { textContent: 'late' })) || true`)
	tab.until(`window.shifts.length > 0`)
	tab.expectPeace()
}
