// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMarksDoNotRepeat shows that no two lines of a chart have the same marks.
func TestMarksDoNotRepeat(t *testing.T) {
	t.Parallel()
	l := linesOf("Fire", 30, 2)
	seen := map[string]int{}
	drawn := l.drawn()
	for _, i := range drawn {
		c := &canvas{Format: plainFormat}
		l.mark(c, i, point{10, 10})
		looks := ""
		for _, item := range c.items {
			s := item.(shape)
			looks += fmt.Sprint(s.path(), s.fill == card)
		}
		if other, found := seen[looks]; found {
			t.Errorf("lines %d and %d have the same mark", other, i)
		}
		seen[looks] = i
	}
	if len(drawn) != 24 {
		t.Errorf("%d lines of 30 are drawn", len(drawn))
	}
	if svg := inline(l); !strings.Contains(svg, "and 6 more") {
		t.Error("nothing says that lines are left out")
	}
}

// TestNamesAtEnds shows where lines have their names: beside their ends where there is
// room, below otherwise.
func TestNamesAtEnds(t *testing.T) {
	t.Parallel()
	l := linesOf("Fire", 3, 20)
	l.Series[2].Mean, l.Unit = true, "Probability"
	for _, d := range drawings(t, inline(l)) {
		plot := plotOf(d)
		for _, e := range d.named("text") {
			if e.text != "Fire" {
				continue
			}
			if beside := e.x > plot.right(); beside != (d.class != "narrow") {
				t.Errorf("%s: a name is at %v, the plot at %v", d.class, e.box, plot)
			}
		}
	}
}

// TestLongNamesAreWhole shows that names with no room at the ends of lines are below them,
// and those of bars take two lines, instead of being cut.
func TestLongNamesAreWhole(t *testing.T) {
	t.Parallel()
	const name = "Unintended disclosure of information by employees"
	lines := linesOf(name, 3, 20)
	lines.Unit = "Probability"
	for kind, chart := range map[string]Chart{
		"lines": lines, "bars": Bars{Items: []Item{{Label: Label{name}, Values: one(4)}, {Label: Label{"Fire"}, Values: one(2)}}},
	} {
		for _, d := range drawings(t, inline(chart)) {
			all := ""
			for _, e := range d.named("text") {
				all += e.text + " "
				if strings.HasSuffix(e.text, ellipsis) && d.class != "narrow" {
					t.Errorf("%s, %s: a name is cut: %s", kind, d.class, e.text)
				}
			}
			if kind == "bars" && !strings.Contains(all, name) {
				t.Errorf("%s: the bars are called %s", d.class, all)
			}
		}
	}
}

// plotOf is the area of the lines of a drawing.
func plotOf(d drawing) (plot box) {
	for _, e := range d.named("rect") {
		if e.attr["fill-opacity"] == "0" && e.w > plot.w {
			plot = e.box
		}
	}
	return plot
}

func TestLinesFollowValues(t *testing.T) {
	t.Parallel()
	flat := func(value float64) []*float64 { return []*float64{known(value), known(value), known(value)} }
	l := Lines{Unit: "Probability", More: more}
	l.Steps, l.Axis = weeks(3)
	l.Series = []Line{{Name: Label{"Fire"}, Values: flat(3)}, {Name: Label{"Flood"}, Values: flat(1)}, {Name: Label{"Mean"}, Values: flat(2), Mean: true}}
	for _, d := range drawings(t, inline(l)) {
		var at []float64
		for _, e := range d.named("path") {
			if e.attr["stroke-width"] == "2" && e.w > 60 || e.attr["stroke-width"] == "3" && e.w > 60 {
				at = append(at, e.y)
			}
		}
		if len(at) != 3 || at[0] >= at[1] || math.Abs((at[0]+at[1])/2-at[2]) > 0.2 {
			t.Errorf("3, 1 and their mean are at %v", at)
		}
	}
}

// TestLinesStopWhereNothingIsKnown takes a line of four values, of which something in
// the middle is missing.
func TestLinesStopWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	value := known(2)
	whole := []*float64{value, value, value, value}
	for name, tt := range map[string]struct {
		step   Interval
		steps  []time.Time
		values []*float64
		pieces int
	}{
		"all are known":           {Week, []time.Time{day(0), day(7), day(14), day(21)}, whole, 1},
		"one is not":              {Week, []time.Time{day(0), day(7), day(14), day(21)}, []*float64{value, nil, value, value}, 2},
		"weeks are missing":       {Week, []time.Time{day(0), day(7), day(28), day(35)}, whole, 2},
		"days with weekly values": {Day, []time.Time{day(0), day(7), day(14), day(28)}, whole, 2},
		"months":                  {Month, []time.Time{day(-4), day(27), day(55), day(86)}, whole, 1},
	} {
		axis := TimeAxis{From: tt.steps[0], To: tt.steps[3], Step: tt.step}
		p := plot{box{w: 100, h: 100}, scale{0, 4, 1}, axis, tt.steps}
		if got := len(pieces(tt.values, axis.joined(tt.steps), p.at)); got != tt.pieces {
			t.Errorf("%s: %d pieces, want %d", name, got, tt.pieces)
		}
	}
}

// TestTimeAxis reads the labels, which begin where the period does.
func TestTimeAxis(t *testing.T) {
	t.Parallel()
	date := func(text string) time.Time {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return day
	}
	_, named := weeks(1)
	for _, tt := range []struct {
		step     Interval
		from, to string
		width    float64
		want     string
		first    float64
	}{
		{Quarter, "2025-03-15", "2026-03-15", 900, "Q1/2025 Q2 Q3 Q4 Q1/2026", 0},
		{Year, "2024-03-15", "2026-03-15", 900, "2024 2025 2026", 0},
		{Month, "2025-10-15", "2026-03-15", 900, "Oct/2025 Nov Dec Jan/2026 Feb Mar", 0},
		{Week, "2025-12-17", "2026-01-22", 900, "22 Dec/2025 29 Dec 5 Jan/2026 12 Jan 19 Jan", 5.0 / 36},
		{Week, "2025-03-15", "2026-03-15", 900, "Apr/2025 May Jun Jul Aug Sep Oct Nov Dec Jan/2026 Feb Mar", 17.0 / 365},
		{Week, "2025-03-15", "2026-03-15", 200, "Q2/2025 Q3 Q4 Q1/2026", 17.0 / 365},
		{Day, "2026-03-15", "2026-03-15", 900, "15 Mar/2026", 0.5},
	} {
		axis := TimeAxis{From: date(tt.from), To: date(tt.to), Step: tt.step, Name: named.Name}
		var got []string
		ticks := axis.ticks(noteFont, tt.width)
		for _, one := range ticks {
			got = append(got, strings.Join(one.rows, "/"))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s to %s (-want +got)\n%s", tt.from, tt.to, diff)
		}
		if math.Abs(ticks[0].at-tt.first) > 1e-9 {
			t.Errorf("%s to %s: the first label is at %v, want %v", tt.from, tt.to, ticks[0].at, tt.first)
		}
	}
	axis := TimeAxis{From: date("2026-03-04"), To: date("2026-03-15"), Step: Week}
	if axis.at(date("2026-03-02")) != 0 || axis.at(date("2026-03-15")) != 1 {
		t.Error("the axis is not as long as the period")
	}
}

// TestRunningStep marks the step that is not over.
func TestRunningStep(t *testing.T) {
	t.Parallel()
	l := linesOf("Fire", 1, 5)
	running := inline(l)
	l.Running = ""
	if over := inline(l); !strings.Contains(running, "not over yet") || len(over) >= len(running) {
		t.Error("nothing marks the running step")
	}
}

// TestRisksOverTimeHaveTheirHues finds the colour of each level, High the widest.
func TestRisksOverTimeHaveTheirHues(t *testing.T) {
	t.Parallel()
	l := linesOf("Risks", 3, 5)
	for i, level := range []Level{Low, Medium, High} {
		l.Series[i].Risks = &Risks{Level: level}
	}
	svg := inline(l)
	for _, want := range []string{`stroke="var(--low)" stroke-width="2.5"`, `stroke="var(--medium)" stroke-width="2.5"`, `stroke="var(--high)" stroke-width="3.5"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestLongLines shows that ten years of days make no more points than a chart can show,
// and that the highest and the lowest of them stay.
func TestLongLines(t *testing.T) {
	t.Parallel()
	l := Lines{Unit: "Probability", More: more, Axis: TimeAxis{From: start, To: start.AddDate(0, 0, 3649), Step: Day, Name: linesOf("", 0, 1).Axis.Name}}
	one := Line{Name: Label{"Fire"}, Mean: true}
	for day := range 3650 {
		l.Steps = append(l.Steps, start.AddDate(0, 0, day))
		one.Values = append(one.Values, known(2+float64(day*7%10)/10))
	}
	one.Values[1200], one.Values[2400] = known(1), known(5)
	l.Series = []Line{one}
	for _, d := range drawings(t, inline(l)) {
		for _, e := range d.named("path") {
			if e.attr["stroke-width"] != "3" || e.w < 60 {
				continue
			}
			if points := len(pathPoints(t, e.attr["d"])); float64(points) > 3*e.w || math.Abs(e.h-plotOf(d).h) > 1 {
				t.Errorf("%s: %d points on %.0f × %.0f", d.class, points, e.w, e.h)
			}
		}
	}
}
