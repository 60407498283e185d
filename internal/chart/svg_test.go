// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTextsHaveTheirPlace draws every chart with names of any kind in every layout, and
// as files: no text reaches out of the drawing, and no two texts touch.
func TestTextsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	names := map[string]string{"short": "Fire", "usual": "Theft of equipment or media", "ideographs": "設備或媒體被盜以及其他很長的名字不會結束"}
	for name, text := range hostile {
		names[name] = text
	}
	for name, text := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, c := range namedCharts(t, text) {
				for _, d := range drawings(t, inline(c)) {
					d.expectOrder(t, kind+" "+d.class)
				}
				for _, width := range []int{MinWidth, DefaultWidth} {
					s := pageOf(c, c)
					s.Title, s.Subtitle, s.Period, s.Footer, s.Width = Label{text}, text, text, []string{text}, width
					for _, d := range drawings(t, string(s.SVG())) {
						d.expectOrder(t, fmt.Sprint(kind, " in a file of ", width))
					}
				}
			}
		})
	}
}

func (d drawing) expectOrder(t *testing.T, where string) {
	t.Helper()
	texts := d.named("text")
	if len(texts) == 0 {
		t.Errorf("%s has no text", where)
	}
	for i, e := range texts {
		if e.x < -0.5 || e.right() > d.width+0.5 || e.y < -1 || e.bottom() > d.height+1 {
			t.Errorf("%s: %.40q is at %.0f to %.0f across, %.0f to %.0f down, in %.0f × %.0f", where, e.text, e.x, e.right(), e.y, e.bottom(), d.width, d.height)
		}
		for _, other := range texts[:i] {
			if e.inset(0.5).touches(other.inset(0.5)) {
				t.Errorf("%s: %.40q touches %.40q", where, e.text, other.text)
			}
		}
	}
	for _, e := range d.elements {
		if !e.clip && (e.x < -2 || e.right() > d.width+2 || e.bottom() > d.height+2) {
			t.Errorf("%s: a %s reaches from %.0f to %.0f", where, e.name, e.x, e.right())
		}
	}
}

// TestMarkupSuitsPages shows what pages rely on: no style attributes, which their policy forbids,
// ids of their own, a title, and names as text.
func TestMarkupSuitsPages(t *testing.T) {
	t.Parallel()
	for kind, c := range namedCharts(t, hostile["markup"]) {
		svg := inline(c)
		if strings.Contains(svg, "style=") || strings.Contains(svg, "<style") || strings.Contains(svg, "<script") {
			t.Errorf("%s has styles or scripts", kind)
		}
		ids := map[string]bool{}
		for _, d := range drawings(t, svg) {
			if got := d.named("title"); len(got) != 1 || got[0].text != "Top 5 threats" || d.named("desc")[0].text != "What it says" {
				t.Errorf("%s has the titles %v", kind, got)
			}
			for _, e := range d.elements {
				if id := e.attr["id"]; id != "" {
					if ids[id] {
						t.Errorf("%s: the id %s is there twice", kind, id)
					}
					ids[id] = true
				}
				for _, value := range e.attr {
					if _, reference, found := strings.Cut(value, "url(#"); found && !strings.Contains(svg, `id="`+strings.TrimSuffix(reference, ")")+`"`) {
						t.Errorf("%s refers to %s", kind, value)
					}
				}
			}
		}
		file := string(pageOf(c).SVG())
		if strings.Contains(file, "var(") || strings.Contains(file, "data-") || strings.Contains(file, "style=") {
			t.Errorf("the file of %s has what only pages understand", kind)
		}
	}
}

func TestBarsFollowValues(t *testing.T) {
	t.Parallel()
	for _, d := range drawings(t, inline(Bars{Items: []Item{{Label: Label{"Fire"}, Values: one(4), Href: "/fire"}, {Label: Label{"Flood"}, Values: one(2)}, {Label: Label{"Theft"}, Values: one(-1)}}})) {
		got := d.filled(accent)
		if len(got) != 3 || math.Abs(got[0].w/2-got[1].w) > 0.1 || math.Abs(got[0].w/4-got[2].w) > 0.1 || math.Abs(got[2].right()-got[0].x) > 0.1 {
			t.Errorf("bars of 4, 2 and -1 are %v", got)
		}
		if links := d.named("a"); len(links) != 1 || links[0].attr["href"] != "/fire" || links[0].attr["data-row"] != "1" {
			t.Errorf("the links are %v", links)
		}
		if row := d.named("rect")[0]; row.w != d.width || row.attr["fill-opacity"] != "0" {
			t.Errorf("of %v, the row to point at has %v", d.width, row.w)
		}
	}
	longest := func(b Bars) float64 { return drawings(t, inline(b))[0].filled(accent)[0].w }
	item := []Item{{Label: Label{"Fire"}, Values: one(2)}}
	if alone, shared := longest(Bars{Items: item}), longest(Bars{Items: item, Max: 4}); math.Abs(alone/2-shared) > 0.1 {
		t.Errorf("2 is %v long alone, %v on a scale to 4", alone, shared)
	}
}

// TestLittleIsHollow shows that what too little stands behind differs from the rest, and
// how far apart values are.
func TestLittleIsHollow(t *testing.T) {
	t.Parallel()
	bars := Bars{Max: 4, Spread: "Middle half", Items: []Item{
		{Label: Label{"Fire"}, Values: one(3), Spread: &Spread{1, 2, 4}}, {Label: Label{"Flood"}, Values: one(2), Few: [2]bool{true}},
	}}
	for _, d := range drawings(t, inline(bars)) {
		hollow, circles := 0, d.named("circle")
		for _, e := range d.named("rect") {
			if e.attr["stroke"] == "var(--accent)" && e.attr["fill"] == "var(--card)" {
				hollow++
			}
		}
		if full := d.filled(accent); len(full) != 1 || hollow != 1 || len(circles) != 2 { // one of them in the legend
			t.Errorf("%d full bars, %d hollow ones, %d medians", len(full), hollow, len(circles))
		} else if want := full[0].x + full[0].w*2/3; math.Abs(circles[0].center()[0]-want) > 0.2 {
			t.Errorf("the median is at %v, want %v", circles[0].center()[0], want)
		}
	}
	radar := radarOf("Policies", 6)
	radar.Items[2].Few = [2]bool{true, true}
	for name, chart := range map[string]Chart{"radar": radar, "pairs": Bars(radar)} {
		for _, d := range drawings(t, inline(chart)) {
			hollow := map[string]int{}
			for _, e := range append(d.named("circle"), d.named("rect")...) {
				if e.attr["fill"] == "var(--card)" {
					hollow[e.attr["stroke"]]++
				}
			}
			if hollow["var(--series-1)"] != 1 || hollow["var(--series-2)"] != 1 {
				t.Errorf("%s: hollow marks by their edges: %v", name, hollow)
			}
		}
	}
	heatMap, places := heatOf("risks", []int{0, 1}, []int{0, 4}), Map{World: worldOfTests(t), Name: strings.ToLower, Places: []Place{{Weight: 1}, {Latitude: 40, Longitude: 20, Weight: 9, Few: true}}}
	heatMap.Few = true
	for name, tt := range map[string]struct {
		chart  Chart
		stroke ink
	}{"heat": {heatMap, heatInk(heatSteps - 1)}, "map": {places, secondary}} {
		for _, d := range drawings(t, inline(tt.chart)) {
			hollow := 0
			for _, e := range d.elements {
				if e.attr["fill"] == "var(--card)" && e.attr["stroke"] == "var(--"+string(tt.stroke)+")" {
					hollow++
				}
			}
			if hollow != 1 {
				t.Errorf("%s: %d hollow areas", name, hollow)
			}
		}
	}
	lines := linesOf("Line", 1, 3)
	lines.Series[0].Few = []bool{false, true, false}
	for _, d := range drawings(t, inline(lines)) {
		if rings := len(d.named("circle")); rings != 1 {
			t.Errorf("%d hollow points", rings)
		}
	}
}

// TestOwnIsMarked shows where the reader's own value is.
func TestOwnIsMarked(t *testing.T) {
	t.Parallel()
	bars := Bars{Own: "Yours", Max: 8, Items: []Item{{Label: Label{"Fire"}, Values: one(4)}, {Label: Label{"Flood"}, Values: one(2), Own: one(6)}}}
	for _, d := range drawings(t, inline(bars)) {
		full, marks := d.filled(accent), d.named("path")
		if len(full) != 2 || len(marks) != 2 || math.Abs(marks[0].center()[0]-full[0].x-1.5*full[0].w) > 0.2 { // one of them in the legend
			t.Errorf("bars %v, marks %v", full, marks)
		}
	}
	lines := linesOf("Fire", 2, 3)
	lines.Own, lines.Series[1].Own = "Yours", []*float64{known(1), known(9), nil}
	for name, chart := range map[string]Chart{"radar": radarOf("Policies", 6), "pairs": Bars(radarOf("Policies", 2)), "lines": lines} {
		for _, d := range drawings(t, inline(chart)) {
			marks := 0
			for _, e := range d.named("path") {
				if e.attr["stroke"] == "var(--card)" && e.attr["fill"] == "" {
					marks++
				}
			}
			if want := map[string]int{"radar": 7, "pairs": 3, "lines": 3}[name]; marks != want {
				t.Errorf("%s: %d marks, want %d", name, marks, want)
			}
		}
	}
}

// TestSparkEndsAtNewestValue shows that a small line ends where the newest value is.
func TestSparkEndsAtNewestValue(t *testing.T) {
	t.Parallel()
	d := drawings(t, inline(Spark{Values: []*float64{known(4), nil, known(2), known(1)}}))[0]
	end := d.named("circle")
	if len(end) != 1 || end[0].right() < d.width-5 || end[0].center()[1] < d.height/2 {
		t.Errorf("the end is at %v of %v × %v", end, d.width, d.height)
	}
}

// TestLinksOfFiles shows that a file links to what can be reached from anywhere.
func TestLinksOfFiles(t *testing.T) {
	t.Parallel()
	page := pageOf(Bars{Items: []Item{{Label: Label{"Fire"}, Values: one(1), Href: "/fire"}}})
	if file := string(page.SVG()); strings.Contains(file, "<a ") {
		t.Error("a file links to a path of a site that it does not know")
	}
	page.Site = "https://example.org"
	if file := string(page.SVG()); !strings.Contains(file, `href="https://example.org/fire"`) {
		t.Error("a file of a known site has no link")
	}
}

// TestLevelsStartWithHigh shows the order of levels, and that they differ without their
// colours, too.
func TestLevelsStartWithHigh(t *testing.T) {
	t.Parallel()
	levels := Bars{Names: [2]string{"Current", "Residual"}, Items: []Item{
		{Level: High, Label: Label{"High"}, Values: two(40, 10)}, {Level: Medium, Label: Label{"Medium"}, Values: two(20, 10)},
		{Level: Low, Label: Label{"Low"}, Values: one(10)},
	}}
	for _, d := range drawings(t, inline(levels)) {
		high, low := d.filled("high"), d.filled("low")
		if len(high) != 2 || len(low) != 1 || math.Abs(high[1].w/4-low[0].w) > 0.1 || high[1].y >= low[0].y { // one of them in the legend
			t.Errorf("40 high risks are at %v, 10 low ones at %v", high, low)
		}
		patterns := map[string]int{}
		for _, e := range d.named("path") {
			patterns[e.attr["stroke-width"]+" "+e.attr["stroke-dasharray"]]++
			if inside := slices.ContainsFunc(d.named("rect"), func(r element) bool { return r.attr["stroke"] != "" && r.holds(e.box) }); !inside {
				t.Errorf("a pattern at %v is not within a bar", e.box)
			}
		}
		if diff := cmp.Diff(map[string]int{"2 ": 4, "1.2 ": 2, "2.4 2.4 3.6": 1}, patterns); diff != "" {
			t.Errorf("patterns by level (-want +got)\n%s", diff)
		}
	}
}

func TestHeatMapHasNumbers(t *testing.T) {
	t.Parallel()
	h := heatOf("risks", likelihoods, []int{0, 1, 2, 3, 4})
	for _, d := range drawings(t, inline(h)) {
		numbers := 0
		for _, e := range d.named("text") {
			if len(e.rows) > 0 && e.text != "" {
				numbers++
			}
		}
		if want := 4 * 13; numbers != want {
			t.Errorf("%s: %d of %d cells have their number", d.class, numbers, want)
		}
		if zones := len(d.named("path")); zones < 2+2*4+2 { // two lines, four breaks, two keys
			t.Errorf("%s: %d lines", d.class, zones)
		}
		most := d.filled(heatInk(heatSteps - 1))
		if top := most[len(most)-1]; top.right() < d.width-2 {
			t.Errorf("%s: the most risks are at %v", d.class, top)
		}
	}
	if !h.Uneven() || heatOf("", []int{0, 1, 2}, []int{1, 2}).Uneven() {
		t.Error("uneven steps are not told from even ones")
	}
}

// TestContrastSuffices computes the contrast of everything that is read or distinguished.
func TestContrastSuffices(t *testing.T) {
	t.Parallel()
	if got := contrast(rgb("#777777"), rgb("#ffffff")); math.Abs(got-4.48) > 0.005 {
		t.Errorf("#777 on white has %.3f, WCAG has 4.48", got)
	}
	for name, theme := range map[string]palette{"light": light, "dark": dark} {
		least := func(want float64, a, b ink) {
			if got := contrast(theme[a], theme[b]); got < want {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", name, a, b, got, want)
			}
		}
		for i := range heatSteps {
			least(4.5, heatTextInk(i), heatInk(i))
		}
		for _, on := range []ink{card, faint, land} {
			least(4.5, foreground, on)
			least(4.5, muted, on)
		}
		for i := range seriesInks {
			least(3, seriesInk(i), card)
		}
		least(4.5, card, secondary) // the numbers of marks
		least(3, accent, card)
		least(3, edge, card)
		least(4.5, foreground, sea)
	}
}

// contrast is the contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21.
func contrast(a, b color.RGBA) float64 {
	high, low := luminance(a), luminance(b)
	return (max(high, low) + 0.05) / (min(high, low) + 0.05)
}

func luminance(c color.RGBA) float64 {
	linear := func(part uint8) float64 {
		s := float64(part) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// TestColoursSuitBothThemes shows that every colour of a chart is there for both themes.
func TestColoursSuitBothThemes(t *testing.T) {
	t.Parallel()
	used := []ink{card, foreground, muted, rule, faint, accent, edge, hatch, sea, land, coast, primary, secondary, secondary + "-soft"}
	for level := Low; level <= High; level++ {
		used = append(used, level.ink(), level.ink()+"-soft")
	}
	for i := range seriesInks {
		used = append(used, seriesInk(i))
	}
	for i := range heatSteps {
		used = append(used, heatInk(i), heatTextInk(i))
	}
	for _, i := range used {
		if want := fmt.Sprintf("--%s: light-dark(%s, %s);", i, hexOf(light[i]), hexOf(dark[i])); strings.Count(Stylesheet, want) != 1 {
			t.Errorf("no %s", want)
		}
	}
	if colors := strings.Count(Stylesheet, "light-dark("); colors != len(light) || colors != len(dark) {
		t.Errorf("%d colours are defined, %d and %d are read", colors, len(light), len(dark))
	}
}
