// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/sample"
)

//go:embed testdata/axe/axe.min.js
var axe string

var allPages = []string{
	"/stats", "/stats/evolution", "/stats/evolution?of=vulnerabilities&days=365&top=15", "/stats/evolution?of=risks&group=month&days=365",
	"/stats/cartography", "/stats/compliance", "/stats/map", "/stats/data", "/about", "/help", "/stats/search?q=a", "/stats?days=nonsense",
}

// objectPath is the page of a threat that the sample data has.
const objectPath = "/stats/threats/" + theft + "?days=365"

// vulnerabilityPath is the page of a vulnerability that the sample data has.
const vulnerabilityPath = "/stats/vulnerabilities/c6d7f147-c519-49dc-916b-57c773517c55?days=365"

// framedPath is a chart as frames show it.
const framedPath = "/stats?embed=1&chart=top-threats"

// hostilePaths are the pages of objects with hostile names.
func hostilePaths() []string {
	var paths []string
	for i, name := range hostile {
		of := []string{"threats", "vulnerabilities"}[i%2]
		paths = append(paths, "/stats/"+of+"/"+uuid.NewSHA1(uuid.Nil, []byte(name)).String())
	}
	return paths
}

// TestInBrowser looks at the pages in one browser, which takes as long to start
// as a page to check. The tests share what they only read, too.
func TestInBrowser(t *testing.T) {
	t.Parallel()
	browser, year := startBrowser(t), setup(t)
	year.addYear()
	t.Run("pages", func(t *testing.T) { t.Parallel(); testPages(t, browser, year) })
	t.Run("reader", func(t *testing.T) { t.Parallel(); testReader(t, browser, year) })
}

// testPages opens every page with every kind of data in both themes. Pages with
// the same data take turns in one tab: a tab of its own costs each page more
// than all that is looked at.
func testPages(t *testing.T, browser context.Context, year *service) {
	with := func(add func(*service)) func(*testing.T) *service {
		return func(t *testing.T) *service { s := setup(t); add(s); return s }
	}
	data := map[string]struct {
		service func(*testing.T) *service
		charts  map[string]int // drawn charts of a page; pages that are not here have none
	}{
		"a year": {func(*testing.T) *service { return year }, map[string]int{
			"/stats": 4, "/stats/evolution": 1, "/stats/evolution?of=vulnerabilities&days=365&top=15": 1,
			"/stats/evolution?of=risks&group=month&days=365": 1, "/stats/cartography": 4, "/stats/compliance": 2, "/stats/map": 1, objectPath: 2, vulnerabilityPath: 2,
			framedPath: 1, "/stats/periods": 3, "/stats/report?days=365": 7,
		}},
		"nothing": {with(func(*service) {}), nil},
		"one threat": {with((*service).addOneThreat), map[string]int{
			"/stats": 1, "/stats/evolution": 1, "/stats/map": 1, framedPath: 1, "/stats/periods": 1, "/stats/report?days=365": 1,
		}},
		"one analysis": {with(func(s *service) { s.addSample(sample.Options{Clients: 1, Analyses: 1, Days: 1}) }), map[string]int{
			"/stats": 4, "/stats/evolution": 1, "/stats/evolution?of=vulnerabilities&days=365&top=15": 1,
			"/stats/evolution?of=risks&group=month&days=365": 1, "/stats/cartography": 4, "/stats/compliance": 2, "/stats/map": 1, objectPath: 1, vulnerabilityPath: 1,
			framedPath: 1, "/stats/periods": 3, "/stats/report?days=365": 7,
		}},
		"hostile labels": {with((*service).addHostile), map[string]int{
			"/stats": 2, "/stats/evolution": 1, "/stats/evolution?of=vulnerabilities&days=365&top=15": 1,
			"/stats/compliance": len(hostile), "/stats/map": 1, framedPath: 1, "/stats/periods": 2, "/stats/report?days=365": 4,
		}},
	}
	for name, tt := range data {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tt.service(t)
			tab := openTab(t, browser, s)
			for _, path := range append(slices.Clone(allPages), objectPath, vulnerabilityPath, framedPath, "/stats/periods", "/stats/report?days=365") {
				t.Run(path, func(t *testing.T) { checkPage(tab.handTo(t), s, path, tt.charts[path]) })
			}
			if name == "hostile labels" {
				for _, path := range hostilePaths() {
					t.Run(path, func(t *testing.T) { checkPage(tab.handTo(t), s, path, 1) })
				}
			}
		})
	}
}

// checkPage opens a page on a light device, which then turns dark.
func checkPage(tab *tab, s *service, path string, charts int) {
	tab.prefer("light")
	tab.load(s.url + path)
	if path == "/stats?days=nonsense" || (path == objectPath || path == vulnerabilityPath) && charts == 0 {
		forgetStatus(tab)
	}
	for _, theme := range []string{"light", "dark"} {
		tab.prefer(theme)
		tab.until(`document.documentElement.dataset.theme === '` + theme + `'`)
		expectDrawn(tab, charts)
		expectAccessible(tab, theme)
	}
	if title := eval[string](tab, `document.title`); title == "owned" {
		tab.t.Error("a label ran as a script")
	}
	expectNoOverflow(tab)
	tab.expectPeace()
}

// forgetStatus drops the browser's own note about a page with status 400 or 404.
func forgetStatus(b *tab) {
	for _, problem := range b.takeProblems() {
		if !strings.Contains(problem, "status of 40") {
			b.t.Error(problem)
		}
	}
}

// violation is what axe has found.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  string `json:"nodes"`
}

const axeScript = `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
	.then(({ violations }) => violations.map(({ id, impact, help, nodes }) => ({
		id, impact, help, nodes: nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + ' ' + n.failureSummary).join('\n'),
	})))`

func expectAccessible(b *tab, theme string) {
	b.t.Helper()
	if !eval[bool](b, `'axe' in window`) {
		eval[bool](b, axe+"; true")
	}
	for _, v := range eval[[]violation](b, axeScript) {
		b.t.Errorf("axe, %s: %s (%s): %s\n%s", theme, v.ID, v.Impact, v.Help, v.Nodes)
	}
}

func expectNoOverflow(b *tab) {
	b.t.Helper()
	for _, width := range []int64{320, 2560} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.painted()
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width {
			b.t.Errorf("the page is %d pixels wide on a screen of %d", got, width)
		}
	}
	b.do(chromedp.EmulateViewport(1280, 900))
}

// testReader does what readers do, each in a tab that knows nothing of others.
func testReader(t *testing.T, browser context.Context, s *service) {
	tests := map[string]func(*tab, *service){
		"theme":              readerChoosesTheme,
		"language":           readerChoosesLanguage,
		"table":              readerOpensTable,
		"picture":            readerTakesPicture,
		"selection":          readerSelectsLines,
		"skip link":          readerSkips,
		"paper":              readerPrints,
		"weight":             readerComesBack,
		"link of a choice":   readerFollowsPeriod,
		"place":              readerKeepsPlace,
		"report":             readerPrintsReport,
		"compare":            readerCompares,
		"compare, no script": readerComparesWithoutScript,
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := openTab(t, browser, s)
			read(tab, s)
			tab.expectPeace()
		})
	}
}

func readerChoosesTheme(b *tab, s *service) {
	b.prefer("light")
	b.load(s.url + "/stats")
	before := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	colors := eval[[]string](b, colorsScript)
	b.do(chromedp.Click(chromedp.CSS(".theme")), chromedp.Click(chromedp.CSS(".theme"))) // as the device, light, dark
	if got := eval[string](b, `document.documentElement.dataset.theme`); got != "dark" {
		b.t.Fatalf("the theme is %s", got)
	}
	if after := eval[string](b, `getComputedStyle(document.body).backgroundColor`); after == before {
		b.t.Error("the background stays as it was")
	}
	b.painted()
	if after := eval[[]string](b, colorsScript); slices.Equal(after, colors) {
		b.t.Error("the charts stay as they were")
	}
	b.load(s.url + "/stats/map")
	if got := eval[string](b, `document.documentElement.dataset.theme`); got != "dark" {
		b.t.Errorf("the next page is %s", got)
	}
	if cookies := eval[string](b, `document.cookie`); cookies != "" {
		b.t.Errorf("the page set cookies: %s", cookies)
	}
}

func readerChoosesLanguage(b *tab, s *service) {
	for code, title := range map[string]string{
		"fr": "L’état des risques", "de": "Die Lage der Risiken", "nl": "De stand van de risico’s", "en": "The state of risks",
	} {
		b.load(s.url + "/stats?days=30")
		b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`.languages a[lang=%s]`, code))))
		b.until(fmt.Sprintf(`document.documentElement.lang === %q && document.querySelector('.kicker')?.textContent === %q`, code, title))
		if got := eval[string](b, `location.search`); !strings.Contains(got, "days=30") {
			b.t.Errorf("%s: the period is lost: %s", code, got)
		}
	}
}

func readerOpensTable(b *tab, s *service) {
	b.load(s.url + "/stats")
	b.do(chromedp.Click(chromedp.CSS(`[data-name="top-threats"] .figures summary`)))
	rows := eval[int](b, `document.querySelectorAll('[data-name="top-threats"] tbody tr').length`)
	visible := eval[bool](b, `document.querySelector('[data-name="top-threats"] table').getBoundingClientRect().height > 50`)
	if rows != 5 || !visible {
		b.t.Errorf("the table has %d rows, visible: %t", rows, visible)
	}
	link := eval[string](b, `document.querySelector('[data-name="top-threats"] tbody a').href`)
	if !strings.HasPrefix(link, s.url+"/stats/threats/") {
		b.t.Errorf("the object links to %s", link)
	}
}

func readerTakesPicture(b *tab, s *service) {
	b.load(s.url + "/stats")
	size := eval[[]int](b, `fetch(document.querySelector('[data-name="risks-operational"] .exports a').href)
		.then((answer) => answer.blob()).then(createImageBitmap).then((picture) => [picture.width, picture.height])`)
	if size[0] < 600 || size[1] < 300 {
		b.t.Errorf("the picture is %d × %d", size[0], size[1])
	}
}

func readerSelectsLines(b *tab, s *service) {
	b.load(s.url + "/stats/evolution?days=365")
	b.do(
		chromedp.Click(chromedp.CSS(`.selection summary`)),
		chromedp.Click(chromedp.CSS(`.lines li:nth-child(1) input`)),
		chromedp.Click(chromedp.CSS(`.lines li:nth-child(9) input`)),
		chromedp.Click(chromedp.CSS(`.selection button`)),
	)
	b.until(`location.search.includes('object=') && document.documentElement.dataset.ready === 'true'`)
	if got := lineCount(b); got != 5 {
		b.t.Errorf("%d lines are shown, want 5", got)
	}
	all := eval[int](b, `document.querySelectorAll('.lines li').length`)
	b.do(chromedp.Click(chromedp.CSS(`.actions a`))) // the selection stays open
	b.until(`location.search.includes('invert=1') && document.documentElement.dataset.ready === 'true'`)
	if got := lineCount(b); got != min(all-5, 24) { // more could not be distinguished
		b.t.Errorf("the inverse shows %d lines of %d", got, all)
	}
}

// lineCount counts the lines without that of the mean.
func lineCount(b *tab) int {
	return eval[int](b, `[...document.querySelectorAll('.line')].filter((line) => line.checkVisibility()).length - 1`)
}

func readerSkips(b *tab, s *service) {
	b.load(s.url + "/stats")
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.id === 'content'`)
}

func readerPrints(b *tab, s *service) {
	b.prefer("dark")
	b.load(s.url + "/stats")
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	if err != nil {
		b.t.Fatal(err)
	}
	if len(pdf) < 10_000 {
		b.t.Errorf("the print has %d bytes", len(pdf))
	}
	b.until(`document.documentElement.dataset.theme === 'dark'`)
}

const (
	firstWeight = 60 << 10
	laterWeight = 40 << 10
)

// readerComesBack weighs the first visit, with what it fetches for later ones, and
// all those later ones.
func readerComesBack(b *tab, s *service) {
	const allLines = "/stats/evolution?of=vulnerabilities&days=365&invert=1&object=00000000-0000-0000-0000-000000000000"
	for _, path := range []string{"/stats", "/stats/map"} {
		fresh := openTabLike(b, s)
		fresh.load(s.url + path)
		if got := fresh.bytes(); got < firstWeight/4 || got > firstWeight {
			b.t.Errorf("%s: the first visit takes %d bytes", path, got)
		}
		for _, next := range append(allPages[:len(allPages)-1:len(allPages)-1], allLines) {
			fresh.load(s.url + next)
			most := laterWeight
			if next == allLines {
				most += laterWeight / 10
			}
			if got := fresh.bytes(); got == 0 && next != path || got > most {
				b.t.Errorf("%s: a later visit takes %d bytes", next, got)
			}
		}
		fresh.expectPeace()
	}
}

// openTabLike opens another tab with nothing in its cache.
func openTabLike(b *tab, s *service) *tab { return openTab(b.t, b.ctx, s) }

func (b *tab) bytes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int(b.received)
}

func readerFollowsPeriod(b *tab, s *service) {
	b.load(s.url + "/stats?days=365&top=10&by=occurrence&order=lowest&local_stats_only=1")
	b.do(chromedp.Click(chromedp.CSS(`.pages li:nth-child(2) a`)))
	b.until(`location.pathname === '/stats/evolution' && document.documentElement.dataset.ready === 'true'`)
	if got := eval[string](b, `location.search`); got != "?days=365&local_stats_only=1" {
		b.t.Errorf("the next page is asked for %s", got)
	}
	if got := eval[string](b, `document.querySelector('.toggle').getAttribute('aria-checked')`); got != "true" {
		b.t.Errorf("the switch of local organisations is %s", got)
	}
}

// readerKeepsPlace chooses without losing what was scrolled to, opened and focused.
func readerKeepsPlace(b *tab, s *service) {
	b.load(s.url + "/stats?days=365")
	eval[bool](b, `(window.marker = 1) && (document.querySelector('[data-name="top-threats"] details').open = true)`)
	const choice = `[...document.querySelectorAll('.choices .switch a')].find((a) => a.textContent === 'Occurrence')`
	eval[bool](b, `scrollTo(0, 500), `+choice+`.focus({ preventScroll: true }), true`)
	top := eval[float64](b, choice+`.getBoundingClientRect().top`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`location.search.includes('by=occurrence') && document.documentElement.dataset.ready === 'true'`)
	type seen struct {
		Marker  int     `json:"marker"`
		Focus   string  `json:"focus"`
		Current string  `json:"current"`
		Top     float64 `json:"top"`
		Open    bool    `json:"open"`
		Status  string  `json:"status"`
	}
	got := eval[seen](b, `({
		marker: window.marker, focus: document.activeElement.textContent, current: document.activeElement.getAttribute('aria-current'),
		top: document.activeElement.getBoundingClientRect().top, open: document.querySelector('[data-name="top-threats"] details').open,
		status: document.getElementById('status').textContent,
	})`)
	if got.Marker != 1 || got.Focus != "Occurrence" || got.Current != "true" || math.Abs(got.Top-top) > 1 || !got.Open || !strings.Contains(got.Status, "risk analyses") {
		b.t.Errorf("after the choice, which was at %v: %+v", top, got)
	}
	if charts := eval[int](b, `document.querySelectorAll('.plot[role=application]').length`); charts != 4 {
		b.t.Errorf("%d charts answer to the reader", charts)
	}
	eval[bool](b, `history.back(), true`)
	b.until(`!location.search.includes('by=') && document.documentElement.dataset.ready === 'true' && document.querySelector('.choices [aria-current]')`)
	if marker, y := eval[int](b, `window.marker`), eval[float64](b, `scrollY`); marker != 1 || math.Abs(y-500) > 1 {
		b.t.Errorf("back at %v, loaded again: %t", y, marker != 1)
	}
	b.do(chromedp.Focus(chromedp.CSS(".toggle")), chromedp.KeyEvent(" "))
	b.until(`location.search.includes('local_stats_only=1') && document.documentElement.dataset.ready === 'true'`)
	if on := eval[string](b, `document.activeElement.getAttribute('aria-checked')`); on != "true" || eval[int](b, `window.marker`) != 1 {
		b.t.Errorf("the switch is %s", on)
	}
}

// readerPrintsReport counts the printed pages that the report takes in each language,
// also where figures are suppressed and the report says so.
func readerPrintsReport(b *tab, s *service) {
	few := setup(b.t, minClients(3), minAnalyses(3))
	few.addSample(sample.Options{Clients: 12, Analyses: 1, Days: 190})
	shielded := openTabLike(b, few)
	for _, lang := range []string{"en", "fr", "de", "nl"} {
		expectPages(b, s.url+"/stats/report?days=365&lang="+lang)
		expectPages(shielded, few.url+"/stats/report?days=90&lang="+lang)
	}
	shielded.expectPeace()
}

var printedPages = regexp.MustCompile(`/Type\s*/Page\b`)

func expectPages(b *tab, url string) {
	b.t.Helper()
	b.load(url)
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if err != nil {
		b.t.Fatal(err)
	}
	if n := len(printedPages.FindAll(pdf, -1)); n < 2 || n > 3 {
		b.t.Errorf("%s takes %d pages", url, n)
	}
}
