// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestChartsOfReaders uses charts as readers do.
func TestChartsOfReaders(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	s := setup(t)
	s.addYear()
	tests := map[string]func(*tab, *service){
		"layouts":   readerHasAnyScreen,
		"pointer":   readerPoints,
		"link":      readerFollowsBar,
		"keyboard":  readerReadsAllCharts,
		"switches":  readerHidesLine,
		"zoom":      readerZooms,
		"paper":     readerPrintsCharts,
		"every bar": readerReadsWholeRow,
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := openTab(t, browser, s)
			tab.prefer("light")
			read(tab, s)
			tab.expectPeace()
		})
	}
}

var chartPages = []string{
	"/stats?days=365", "/stats?days=365&top=15&lang=de", "/stats/evolution?days=365", "/stats/evolution?of=risks&days=365&lang=fr",
	"/stats/evolution?days=365&top=15", "/stats/cartography", "/stats/compliance?lang=nl", "/stats/map", "/stats/map?world=1",
	objectPath, "/stats/periods", "/stats/report?days=365",
}

// readerHasAnyScreen looks at charts on phones and walls; screens of 320 and 640 pixels
// are also what magnifying a window of 1280 by 400 and 200 percent leaves.
func readerHasAnyScreen(b *tab, s *service) {
	for _, path := range chartPages {
		b.load(s.url + path)
		for _, width := range []int64{320, 360, 480, 640, 768, 1024, 1280, 1920, 2560} {
			b.do(chromedp.EmulateViewport(width, 900))
			before := len(b.takeProblems())
			expectDrawn(b, chartsOn(b))
			if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width || before > 0 {
				b.t.Errorf("%s is %d pixels wide on a screen of %d", path, got, width)
			}
		}
		// Letters alone can be made larger, too.
		b.do(chromedp.EmulateViewport(1280, 900))
		eval[bool](b, `document.documentElement.style.fontSize = '200%'; true`)
		expectDrawn(b, chartsOn(b))
	}
}

// shownTip is the text of the tooltip that is to be seen, if there is one.
const shownTip = `(document.querySelector('.tip:not([hidden])')?.textContent ?? '')`

// point moves the pointer to what a script finds, in pixels of the window.
func (b *tab) point(at string) {
	b.t.Helper()
	place := eval[[]float64](b, at)
	b.do(call(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: place[0], Y: place[1]}))
}

// inRow is a place in the first row of a chart, at a share of its width.
func inRow(chart string, share float64) string {
	return fmt.Sprintf(`(() => {
		const row = [...document.querySelectorAll('[data-name="%s"] .row')].find((row) => row.checkVisibility());
		row.scrollIntoView({ block: 'center' });
		const box = row.getBoundingClientRect();
		return [box.left + box.width * %v, box.top + box.height / 2];
	})()`, chart, share)
}

func readerPoints(b *tab, s *service) {
	b.load(s.url + "/stats")
	b.point(inRow("top-threats", 0.3))
	b.until(shownTip + ` !== ''`)
	b.point(`(() => {
		const box = document.querySelector('.tip:not([hidden])').getBoundingClientRect();
		return [box.left + box.width / 2, box.top + box.height / 2];
	})()`)
	b.painted()
	if eval[string](b, shownTip) == "" {
		b.t.Error("the tooltip goes away under the pointer")
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(shownTip + ` === ''`)
	b.load(s.url + "/stats/evolution?days=365")
	b.point(`(() => {
		const steps = [...document.querySelectorAll('.steps')].find((steps) => steps.checkVisibility());
		steps.scrollIntoView({ block: 'center' });
		const box = steps.getBoundingClientRect();
		return [box.right - 8, box.top + 20];
	})()`)
	b.until(shownTip + `.includes('Week of 9 Mar 2026')`)
}

// readerReadsWholeRow finds a value beside a bar, not only on it.
func readerReadsWholeRow(b *tab, s *service) {
	b.load(s.url + "/stats")
	want := eval[string](b, `document.querySelector('[data-name="top-threats"] tbody th').textContent`)
	for _, share := range []float64{0.02, 0.5, 0.99} {
		b.do(chromedp.KeyEvent(kb.Escape))
		b.point(inRow("top-threats", share))
		b.until(shownTip + fmt.Sprintf(`.startsWith(%q)`, want))
	}
}

func readerFollowsBar(b *tab, s *service) {
	b.load(s.url + "/stats")
	eval[bool](b, `(document.addEventListener('click', (event) => {
		window.followed = new URL(event.target.closest('a').href.baseVal, location).href;
		event.preventDefault();
	}), true)`)
	at := eval[[]float64](b, inRow("top-threats", 0.9))
	b.do(chromedp.MouseClickXY(at[0], at[1]))
	want := eval[string](b, `document.querySelector('[data-name="top-threats"] tbody a').href`)
	if got := eval[string](b, `window.followed`); got != want {
		b.t.Errorf("the bar leads to %q, its name to %q", got, want)
	}
}

// readerReadsAllCharts goes through the values of every chart of every page.
func readerReadsAllCharts(b *tab, s *service) {
	for _, path := range []string{"/stats", "/stats/evolution?days=365", "/stats/cartography", "/stats/compliance", "/stats/map", objectPath, "/stats/periods"} {
		b.load(s.url + path)
		for i := range chartsOn(b) {
			b.readChart(path, i)
		}
	}
}

// readChart reads the first and the last value of a chart with the keyboard.
func (b *tab) readChart(path string, i int) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(document.querySelectorAll('.plot')[%d].focus(), true)`, i))
	spoken := fmt.Sprintf(`document.querySelectorAll('.plot')[%d].closest('.chart').querySelector('.spoken').textContent`, i)
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	b.until(spoken + ` !== ''`)
	b.until(shownTip + ` !== ''`)
	first := eval[string](b, spoken)
	b.do(chromedp.KeyEvent(kb.End))
	if last := eval[string](b, spoken); last == first {
		b.t.Errorf("%s, chart %d: the last value reads as the first: %s", path, i, last)
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(spoken + ` === ''`)
}

func readerHidesLine(b *tab, s *service) {
	b.load(s.url + "/stats/evolution?days=365")
	const lines = `[...document.querySelectorAll('.line')].filter((line) => line.checkVisibility()).length`
	all := eval[int](b, lines)
	name := `[...document.querySelectorAll('.key')].find((key) => key.checkVisibility())`
	eval[bool](b, `(`+name+`.focus(), true)`)
	b.do(chromedp.KeyEvent(" "))
	if got, pressed := eval[int](b, lines), eval[string](b, name+`.getAttribute('aria-pressed')`); got != all-1 || pressed != "false" {
		b.t.Errorf("%d of %d lines are left, pressed: %s", got, all, pressed)
	}
	hidden := eval[string](b, `document.querySelector('.figures tbody th').textContent`)
	eval[bool](b, `(document.querySelector('.plot').focus(), true)`)
	b.do(chromedp.KeyEvent(kb.End))
	if tip := eval[string](b, shownTip); tip == "" || strings.Contains(tip, hidden) {
		b.t.Errorf("the tooltip has a line that is hidden: %s", tip)
	}
	eval[bool](b, `(`+name+`.dispatchEvent(new MouseEvent('click', { bubbles: true })), true)`)
	if got := eval[int](b, lines); got != all {
		b.t.Errorf("%d of %d lines are back", got, all)
	}
}

func readerZooms(b *tab, s *service) {
	b.load(s.url + "/stats/map")
	const view = `[...document.querySelectorAll('.plot svg')].find((svg) => svg.checkVisibility()).viewBox.baseVal.width`
	const size = `[...document.querySelectorAll('.mark')].find((mark) => mark.checkVisibility()).getBoundingClientRect().width`
	whole, mark := eval[float64](b, view), eval[float64](b, size)
	b.do(chromedp.Click(chromedp.CSS(`.mapbuttons button:first-child`)))
	if zoomed := eval[float64](b, view); zoomed >= whole {
		b.t.Errorf("the map shows %v units of %v", zoomed, whole)
	}
	if zoomed := eval[float64](b, size); zoomed > mark*1.05 || zoomed < mark*0.95 {
		b.t.Errorf("marks are %v pixels wide, then %v", mark, zoomed)
	}
	b.do(chromedp.Click(chromedp.CSS(`.mapbuttons button:nth-child(2)`)))
	if back := eval[float64](b, view); back != whole {
		b.t.Errorf("the map shows %v units of %v again", back, whole)
	}
	b.do(chromedp.Click(chromedp.CSS(`.mapbuttons a`)))
	b.until(`location.search.includes('world=1') && document.documentElement.dataset.ready === 'true'`)
	expectDrawn(b, 1)
}

// readerPrintsCharts lays pages out as on A4 between margins, from a dark screen.
func readerPrintsCharts(b *tab, s *service) {
	b.prefer("dark")
	for _, path := range chartPages {
		b.do(chromedp.EmulateViewport(1280, 900))
		b.load(s.url + path)
		dark := eval[[]string](b, `[document.body, document.querySelector('.colophon')].map((node) => getComputedStyle(node).color)`) // of text
		if colors := eval[[]string](b, colorsScript); !containsAny(colors, dark) {
			b.t.Fatalf("%s has no text in %v on the dark screen", path, dark)
		}
		b.do(chromedp.EmulateViewport(680, 900), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
		expectDrawn(b, chartsOn(b))
		if colors := eval[[]string](b, colorsScript); containsAny(colors, dark) {
			b.t.Errorf("%s is printed with text in one of %v, as on the dark screen", path, dark)
		}
		if got := eval[int](b, `document.documentElement.scrollWidth`); got > 680 {
			b.t.Errorf("%s is %d pixels wide on paper of 680", path, got)
		}
		b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}))
		b.prefer("dark")
	}
}

func containsAny(all, some []string) bool {
	return slices.ContainsFunc(some, func(one string) bool { return slices.Contains(all, one) })
}

// TestHostileCharts opens everything that names are shown in.
func TestHostileCharts(t *testing.T) {
	t.Parallel()
	s := setupForFrames(t, "http://127.0.0.1:1")
	s.addHostile()
	browser := startBrowser(t)
	for _, path := range []string{
		"/stats?top=10", "/stats/evolution?top=10", "/stats/compliance", "/stats/map",
		hostilePaths()[0], "/stats?embed=1&chart=top-threats&top=10", "/stats/evolution?embed=1&chart=evolution&top=10", "/stats/map?embed=1&chart=map",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			checkHostile(t, browser, s, path)
		})
	}
}

// checkHostile opens the tables and goes through the tooltips.
func checkHostile(t *testing.T, browser context.Context, s *service, path string) {
	tab := openTab(t, browser, s)
	tab.load(s.url + path)
	charts := chartsOn(tab)
	expectDrawn(tab, charts)
	eval[bool](tab, `(document.querySelectorAll('details').forEach((details) => { details.open = true; }), true)`)
	shown := ""
	for i := range charts {
		eval[bool](tab, fmt.Sprintf(`(document.querySelectorAll('.plot')[%d].focus(), true)`, i))
		for range hostile {
			tab.do(chromedp.KeyEvent(kb.ArrowRight))
			tab.until(shownTip + ` !== ''`)
			shown += eval[string](tab, shownTip)
		}
		tab.do(chromedp.KeyEvent(kb.Escape))
	}
	if !strings.Contains(shown, "<script>document.title") {
		t.Errorf("no tooltip shows the name that is a script:\n%s", shown)
	}
	made := eval[[]string](tab, `[...document.querySelectorAll('.chart :is(img, b, iframe:not(.embedding > iframe), object, script), .tip :not(strong, dl, dt, dd)')].map((node) => node.outerHTML)`)
	if len(made) > 0 {
		t.Errorf("names made elements: %v", made)
	}
	if title := eval[string](tab, `document.title`); title == "owned" {
		t.Error("a name ran as a script")
	}
	expectNoOverflow(tab)
	tab.expectPeace()
}
