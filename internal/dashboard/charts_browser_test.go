//go:build browser

package dashboard_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// chartScript makes a promise of what a function tells of the first chart.
func chartScript(function string) string {
	return `(async () => {
		const { getInstanceByDom } = await import(document.documentElement.dataset.static + 'echarts.js');
		return (` + function + `)(getInstanceByDom(document.querySelector('.canvas')));
	})()`
}

// TestChartsOfReaders looks at charts as readers do.
func TestChartsOfReaders(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	s := setup(t)
	s.addYear()
	tests := map[string]func(*tab, *service){
		"levels keep their hues": readerKnowsHues,
		"the world is whole":     readerLooksAtWorld,
		"labels of time":         readerReadsTime,
		"compliance on a phone":  readerComparesOnPhone,
		"tooltips can be closed": readerClosesTooltip,
		"keyboard on all charts": readerReadsAllCharts,
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

// readerKnowsHues looks for the colours of high, medium and low risks.
func readerKnowsHues(b *tab, s *service) {
	const states = "/stats/evolution?of=risks&days=365"
	for _, path := range []string{"/stats", states} {
		b.load(s.url + path)
		expectDrawn(b, chartsOn(b))
		for i, found := range eval[[]int](b, paintedScript+`([[253, 102, 31], [255, 188, 28], [214, 241, 7]])`) {
			if found < 100 {
				b.t.Errorf("%s: only %d pixels have the colour of %s risks", path, found, []string{"high", "medium", "low"}[i])
			}
		}
	}
	b.load(s.url + states + "&object=residual-informational-high&object=current-operational-high&object=current-informational-high")
	expectDrawn(b, 1)
	if found := eval[[]int](b, paintedScript+`([[254, 179, 143]])`); found[0] < 100 {
		b.t.Errorf("only %d pixels have the colour of residual high risks", found[0])
	}
	looks := eval[[]string](b, chartScript(`(chart) => chart.getOption().series.filter(({ id }) => !String(id).startsWith('casing')).slice(0, 3)
		.map(({ lineStyle, symbol }) => lineStyle.color + ' ' + lineStyle.type + ' ' + symbol)`))
	if len(slices.Compact(slices.Sorted(slices.Values(looks)))) != 3 {
		b.t.Errorf("lines of one level look the same: %v", looks)
	}
}

// readerLooksAtWorld finds sea where there is sea, also between the ends of what
// reaches over the 180th meridian.
func readerLooksAtWorld(b *tab, s *service) {
	b.load(s.url + "/stats/map")
	before := eval[[]string](b, picturesScript)
	b.do(chromedp.Click(chromedp.CSS(`.mapbuttons button:last-child`)))
	expectDrawn(b, 1)
	if slices.Equal(eval[[]string](b, picturesScript), before) {
		b.t.Error("the whole world looks as the places did")
	}
	const land, sea = "#fbfaf6", "#dce8ef"
	want := map[string]string{
		"-5,70": sea, "-150,73.5": sea, "-168,70": sea, "-120,-16": sea, "-25,-16": sea, "0,-16": sea, "80,-16": sea, "-40,55": sea,
		"130,66": land, "178,67": land, "-176,67": land, "-100,42": land, "25,-25": land,
	}
	got := map[string]string{}
	for place := range want {
		got[place] = eval[string](b, chartScript(`(chart) => {
			const [x, y] = chart.convertToPixel('geo', [`+place+`]);
			const canvas = document.querySelector('.chart canvas');
			const ratio = canvas.width / chart.getWidth();
			const data = `+readScript+`(canvas, Math.round(x * ratio), Math.round(y * ratio), 1, 1);
			return '#' + [...data].slice(0, 3).map((part) => part.toString(16).padStart(2, '0')).join('');
		}`))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("colours by longitude and latitude (-want +got)\n%s", diff)
	}
}

const labelsScript = `(chart) => chart.getModel().getComponent('xAxis').axis.getViewLabels().map(({ formattedLabel }) => formattedLabel)`

// readerReadsTime reads the labels below lines, which follow the steps.
func readerReadsTime(b *tab, s *service) {
	tests := map[string][]string{
		"group=quarter&lang=fr":         {"T1\n2025", "T2", "T3", "T4", "T1\n2026"},
		"group=quarter&lang=nl":         {"K1\n2025", "K2", "K3", "K4", "K1\n2026"},
		"group=year&lang=en":            {"2025", "2026"},
		"group=month&lang=de":           {"Mär\n2025", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez", "Jan\n2026", "Feb", "Mär"},
		"group=week&lang=en":            {"Apr\n2025", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec", "Jan\n2026", "Feb", "Mar"},
		"group=week&lang=en&from=days":  {"8 Dec\n2025", "15 Dec", "22 Dec", "29 Dec", "5 Jan\n2026", "12 Jan", "19 Jan"},
		"group=quarter&lang=en&phone=1": {"Q1\n2025", "Q2", "Q3", "Q4", "Q1\n2026"},
	}
	for query, want := range tests {
		width, query := int64(1280), strings.Replace(query, "from=days", "from=2025-12-08&to=2026-01-22", 1)
		if strings.Contains(query, "&phone=1") {
			width, query = 320, strings.Replace(query, "&phone=1", "", 1)
		}
		b.do(chromedp.EmulateViewport(width, 900))
		if !strings.Contains(query, "from=") {
			query += "&days=365"
		}
		b.load(s.url + "/stats/evolution?" + query)
		if diff := cmp.Diff(want, eval[[]string](b, chartScript(labelsScript))); diff != "" {
			b.t.Errorf("%s (-want +got)\n%s", query, diff)
		}
	}
}

const shapesScript = `(async () => {
	const { getInstanceByDom } = await import(document.documentElement.dataset.static + 'echarts.js');
	return [...document.querySelectorAll('.canvas')].map((canvas) => getInstanceByDom(canvas).getModel().getSeries()[0].subType);
})()`

func readerComparesOnPhone(b *tab, s *service) {
	for width, want := range map[int64]string{320: "bar", 1280: "radar", 2560: "radar"} {
		b.do(chromedp.EmulateViewport(width, 900))
		b.load(s.url + "/stats/compliance?lang=de")
		expectDrawn(b, 2)
		if shapes := eval[[]string](b, shapesScript); !slices.Equal(shapes, []string{want, want}) {
			b.t.Errorf("%d pixels: the charts are %v, want %s", width, shapes, want)
		}
	}
}

// shownTip is the text of the tooltip that is to be seen, if there is one.
const shownTip = `([...document.querySelectorAll('.tip')].find((tip) => getComputedStyle(tip).visibility === 'visible' && getComputedStyle(tip.parentElement).opacity !== '0')?.textContent ?? '')`

// point moves the pointer to the middle of what a script finds, in pixels of the window.
func (b *tab) point(at string) {
	b.t.Helper()
	place := eval[[]float64](b, at)
	b.do(call(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: "mouseMoved", X: place[0], Y: place[1]}))
}

func readerClosesTooltip(b *tab, s *service) {
	b.load(s.url + "/stats")
	firstBar := chartScript(`(chart) => {
		document.querySelector('.canvas').scrollIntoView({ block: 'center' });
		const box = document.querySelector('.canvas').getBoundingClientRect();
		const { x, y, width, height } = chart.getModel().getSeries()[0].getData().getItemLayout(0);
		return [box.left + x + width / 2, box.top + y + height / 2];
	}`)
	b.point(firstBar)
	b.until(shownTip + ` !== ''`)
	b.point(`(() => {
		const box = [...document.querySelectorAll('.tip')].find((tip) => getComputedStyle(tip).visibility === 'visible').getBoundingClientRect();
		return [box.left + box.width / 2, box.top + box.height / 2];
	})()`)
	time.Sleep(500 * time.Millisecond) // several times as long as a tooltip stays that nobody points at
	if eval[string](b, shownTip) == "" {
		b.t.Error("the tooltip goes away under the pointer")
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until(shownTip + ` === ''`)
}

// readerReadsAllCharts goes through the values of every chart of every page.
func readerReadsAllCharts(b *tab, s *service) {
	for _, path := range []string{"/stats", "/stats/evolution?days=365", "/stats/cartography", "/stats/compliance", "/stats/map"} {
		b.load(s.url + path)
		for i := range chartsOn(b) {
			b.readChart(path, i)
		}
	}
}

// readChart reads the first and the last value of a chart with the keyboard.
func (b *tab) readChart(path string, i int) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(document.querySelectorAll('.canvas')[%d].focus(), true)`, i))
	spoken := fmt.Sprintf(`[...document.querySelectorAll('.chart')].filter((f) => f.querySelector('.canvas'))[%d].querySelector('.spoken').textContent`, i)
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

// TestGaps shows that a line stops where nothing is known, and that the axis is
// as long as the period that was asked for.
func TestGaps(t *testing.T) {
	t.Parallel()
	s := setup(t)
	client := s.client("One", 49.6, 6.1, true)
	analysis := uuid.New()
	for i, monday := range []string{"2025-12-01", "2025-12-08", "2025-12-15", "2026-02-02", "2026-02-09", "2026-02-23"} {
		date, err := time.Parse(time.DateOnly, monday)
		if err != nil {
			t.Fatal(err)
		}
		s.add(client, analysis, stats.Threat, date, objectOf(fire, "Fire", 3, 12, 4+float64(i)/10))
		s.add(client, uuid.New(), stats.Threat, date, objectOf(flood, "Flood", 3, 12, 1)) // keeps the mean away from the line
	}
	tab := openTab(t, startBrowser(t), s)
	tab.prefer("light")
	const period = "/stats/evolution?from=2025-11-03&to=2026-03-08&group="
	tab.load(s.url + period + "week")
	expectDrawn(tab, 1)
	if ends := eval[[]string](tab, chartScript(`(chart) => chart.getModel().getComponent('xAxis').axis.scale.getExtent().map((at) => new Date(at).toISOString().slice(0, 10))`)); !slices.Equal(ends, []string{"2025-11-03", "2026-03-02"}) {
		t.Errorf("the axis goes from %s to %s", ends[0], ends[1])
	}
	for day, want := range map[string]bool{"2025-12-04": true, "2026-02-05": true, "2025-11-20": false, "2026-01-10": false, "2026-02-16": false} {
		if got := tab.lineAt(day); got != want {
			t.Errorf("%s: there is a line: %t, want %t", day, got, want)
		}
	}
	tab.load(s.url + period + "day") // weekly figures make a line also day by day
	expectDrawn(tab, 1)
	for day, want := range map[string]bool{"2025-12-04": true, "2026-01-10": false} {
		if got := tab.lineAt(day); got != want {
			t.Errorf("day by day, %s: there is a line: %t, want %t", day, got, want)
		}
	}
	tab.expectPeace()
}

// lineAt tells whether there is anything of the colour of the first line above a day.
func (b *tab) lineAt(day string) bool {
	b.t.Helper()
	return eval[bool](b, chartScript(`(chart) => {
		const [x] = chart.convertToPixel({ seriesIndex: 0 }, [Date.parse('`+day+`'), 2]);
		const canvas = document.querySelector('.chart canvas');
		const ratio = canvas.width / chart.getWidth();
		const data = `+readScript+`(canvas, Math.round(x * ratio) - 3, 0, 7, canvas.height);
		for (let i = 0; i < data.length; i += 4) {
			if (data[i] === 10 && data[i + 1] === 106 && data[i + 2] === 161) {
				return true;
			}
		}
		return false;
	}`))
}

// TestUnknownCompliance shows that a category without a current value is not
// drawn as one with none at all.
func TestUnknownCompliance(t *testing.T) {
	t.Parallel()
	s := setup(t)
	category := func(n int, value string) string {
		return fmt.Sprintf(`{"label1":"Category %[1]d","label2":"Category %[1]d","label3":"","label4":"","value":%[2]s,"controls":[]}`, n, value)
	}
	s.add(s.client("One", 49.6, 6.1, true), uuid.New(), stats.Compliance, today, fmt.Sprintf(
		`[{"referential":%q,"label1":"Some","label2":"Some","label3":"Some","label4":"Some","current":[%s],"target":[%s]}]`,
		fire, category(1, "0.3")+","+category(2, "0.4"), category(1, "0.5")+","+category(2, "0.6")+","+category(3, "0.7")))
	tab := openTab(t, startBrowser(t), s)
	tab.load(s.url + "/stats/compliance")
	charts := expectDrawn(tab, 1)
	if shapes := eval[[]string](tab, shapesScript); !slices.Equal(shapes, []string{"bar"}) {
		t.Errorf("the chart is a %v", shapes)
	}
	if current := charts[0].Series[0].Values; len(current) != 3 || current[2][0] != nil {
		t.Errorf("the unknown value is drawn: %v", current)
	}
	names := eval[[]string](tab, chartScript(`(chart) => chart.getOption().yAxis[0].data`))
	if !strings.Contains(names[2], "Current: –") {
		t.Errorf("nothing says that it is unknown: %v", names)
	}
	tab.expectPeace()
}

// TestHostileCharts opens everything that names are shown in.
func TestHostileCharts(t *testing.T) {
	t.Parallel()
	s := setupForFrames(t, "http://127.0.0.1:1")
	s.addHostile()
	browser := startBrowser(t)
	for _, path := range []string{
		"/stats?top=10", "/stats/evolution?top=10", "/stats/compliance", "/stats/map",
		"/stats?embed=1&chart=top-threats&top=10", "/stats/evolution?embed=1&chart=evolution&top=10", "/stats/map?embed=1&chart=map",
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
	charts := expectDrawn(tab, chartsOn(tab))
	eval[bool](tab, `(document.querySelectorAll('details').forEach((details) => { details.open = true; }), true)`)
	shown := ""
	for i := range charts {
		eval[bool](tab, fmt.Sprintf(`(document.querySelectorAll('.canvas')[%d].focus(), true)`, i))
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
	made := eval[[]string](tab, `[...document.querySelectorAll('.chart :is(img, b, iframe, object, script:not([type="application/json"])), .tip :not(strong, dl, dt, dd, p)')].map((node) => node.outerHTML)`)
	if len(made) > 0 {
		t.Errorf("names made elements: %v", made)
	}
	if title := eval[string](tab, `document.title`); strings.Contains(title, "owned") {
		t.Error("a name ran as a script")
	}
	expectNoOverflow(tab)
	tab.expectPeace()
}
