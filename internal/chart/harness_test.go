// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// outlineOfTwo is a world of two square countries that share a border, and of a
// third one far away.
const outlineOfTwo = `{"grid":360,"countries":[
	{"code":"AA","rings":[[170,40,20,0,0,10,-20,0]]},{"code":"BB","rings":[[190,40,20,0,0,10,-20,0]]},
	{"code":"CC","rings":[[350,110,10,0,0,10,-10,0]]}],
	"towns":{"names":["Largest","Second","Beside the second","Far away"],"at":[180,46,195,47,195,47,350,110]}}`

func worldOfTests(t testing.TB) *World {
	t.Helper()
	w, err := ParseWorld([]byte(outlineOfTwo))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func known(value float64) *float64 { return &value }

func one(value float64) [2]*float64         { return [2]*float64{&value} }
func two(first, second float64) [2]*float64 { return [2]*float64{&first, &second} }

// plainFormat writes figures in a way that tests can tell.
var plainFormat = Format{
	Number:  func(n float64) string { return fmt.Sprintf("%.2f", n) },
	Axis:    func(n float64) string { return fmt.Sprintf("%g", n) },
	Percent: func(n float64) string { return fmt.Sprintf("%.0f%%", 100*n) },
}

func more(n int) string { return fmt.Sprintf("and %d more", n) }

var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// weeks are n weeks from start on, with an axis as long as they are.
func weeks(n int) ([]time.Time, TimeAxis) {
	steps := make([]time.Time, n)
	for i := range steps {
		steps[i] = start.AddDate(0, 0, 7*i)
	}
	return steps, TimeAxis{From: start, To: steps[n-1], Step: Week, Name: func(of Interval, day time.Time) string {
		switch {
		case of == Quarter:
			return fmt.Sprintf("Q%d", (day.Month()+2)/3)
		case of.Months > 0:
			return day.Format("Jan")
		}
		return day.Format("2 Jan")
	}}
}

func linesOf(name string, lines, steps int) Lines {
	l := Lines{Unit: name, More: more, Running: "not over yet"}
	l.Steps, l.Axis = weeks(steps)
	for i := range lines {
		one := Line{Name: Label{name, fmt.Sprint(i)}, Href: "/threats/1?a=1&b=2"}
		for step := range steps {
			one.Values = append(one.Values, known(float64(i)+float64((step*7+i)%5)/5))
		}
		l.Series = append(l.Series, one)
	}
	return l
}

func radarOf(name string, categories int) Radar {
	r := Radar{Names: [2]string{"Current", "Target"}, Own: "Own", Max: 1, Share: true}
	for i := range categories {
		r.Items = append(r.Items, Item{Label: Label{name}, Values: two(float64(i%4+1)/8, 0.9), Own: one(float64(i%3) / 3)})
	}
	return r
}

func heatOf(name string, columns, rows []int) Heat {
	h := Heat{Unit: name, Across: name, Up: name, Columns: columns, Rows: rows, Max: 137, Zones: []int{9, 27}}
	for row := range rows {
		var values []float64
		for column := range columns {
			values = append(values, float64(row*column*column)*137/float64(max((len(rows)-1)*(len(columns)-1)*(len(columns)-1), 1)))
		}
		h.Values = append(h.Values, values)
	}
	return h
}

// likelihoods are products of two scales, so that steps are missing.
var likelihoods = []int{0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20}

// namedCharts has a chart of each kind, in which every name is the one given.
func namedCharts(t testing.TB, name string) map[string]Chart {
	t.Helper()
	return map[string]Chart{
		"bars": Bars{Items: []Item{
			{Label: Label{name}, Values: one(4), Href: "https://example.org/?a=1&b=2"}, {Label: Label{name}, Values: one(2)}, {Label: Label{name}, Values: one(-1)}, {Label: Label{name}, Values: one(0)},
		}},
		"shared": Bars{Max: 5, Items: []Item{{Label: Label{name}, Values: one(4)}, {Label: Label{name}, Values: one(2)}}},
		"spread": Bars{Max: 5, Spread: "Middle half of the analyses, dot: median", Items: []Item{
			{Label: Label{name}, Values: one(4), Spread: &Spread{3, 3.5, 4.5}}, {Label: Label{name}, Values: one(2), Few: [2]bool{true}},
		}},
		"own": Bars{Max: 5, Spread: "Middle half", Own: name, Items: []Item{{Label: Label{name}, Values: one(4), Own: one(4.9)}, {Label: Label{name}, Values: one(2)}}},
		"levels": Bars{Names: [2]string{"Current", "Residual"}, Own: "Own", Items: []Item{
			{Level: High, Label: Label{name}, Values: two(4, 2), Own: one(14)}, {Level: Medium, Label: Label{name}, Values: one(3), Few: [2]bool{true}},
			{Level: Low, Label: Label{name}, Values: two(12, 0), Own: [2]*float64{nil, known(0)}},
		}},
		"lines": linesOf(name, 6, 53), "many lines": linesOf(name, 30, 53), "one step": linesOf(name, 2, 1),
		"heat": heatOf("risks", likelihoods, []int{0, 1, 2, 3, 4}), "small heat": heatOf("risks", []int{0, 1}, []int{0, 4}),
		"pairs": Bars(radarOf(name, 5)), "radar": radarOf(name, 6), "radar of two": radarOf(name, 2), "radar of many": radarOf(name, 20),
		"map": Map{World: worldOfTests(t), Name: strings.ToLower, Levels: map[Level]string{Low: name, Medium: name, High: name}, Places: []Place{
			{Latitude: 45, Longitude: 0, Weight: 1, Risks: &Shares{Low: 0.5, Medium: 0.3, High: 0.2}},
			{Latitude: 45, Longitude: 20, Weight: 900},
		}},
	}
}

// pageOf is a file of charts with all that can be around them.
func pageOf(charts ...Chart) Page {
	s := Page{
		Title: Label{"Top 5 threats"}, Subtitle: "Probability", Period: "15 Dec 2025 to 15 Mar 2026",
		Nothing: "There is nothing to show.", Notes: []Label{{"1 · Paris"}}, Footer: []string{"MONARC Stats", "Figures of fewer than 3 are hidden."},
		Width: DefaultWidth, Format: plainFormat,
	}
	for _, c := range charts {
		s.Panels = append(s.Panels, Panel{Chart: c})
	}
	return s
}

// hostile are names that break out of careless charts.
var hostile = map[string]string{
	"markup":     `<script>document.title = "owned"</script>`,
	"quotes":     `"';--` + "`$(id)`" + `{{.}}`,
	"to left":    "مخاطر أمن المعلومات \u202e תקלה בשרת \u2066",
	"long":       strings.Repeat("Unbreakable", 50),
	"long words": strings.Repeat("words and more ", 40),
	"controls":   "a\x00b\x1b[31m\r\n\t\u2028\u0085c\u200b",
	"no UTF-8":   "broken \xff\xfe\xc0",
	"emoji":      "🔥👩‍💻🇱🇺 中文 ไทย",
	"stacked":    "Z" + strings.Repeat("\u0300\u0301\u0316", 100),
	"nothing":    "",
	"only space": " \t\n ",
	"unknown":    "\U0010fffd\ue000",
}
