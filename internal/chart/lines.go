// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Lines shows how values develop. Each line has its colour, its dashes and its
// marks; the mean has none of the colours.
type Lines struct {
	Unit    string // of the values
	Axis    TimeAxis
	Steps   []time.Time // first days of those of which something is known
	Series  []Line
	Running string             // says that the last step is not over; empty: it is
	More    func(n int) string // says that n lines are left out
	Own     string             // says what the diamonds are; empty: there are none
}

// Line is the development of one thing.
type Line struct {
	Name   Label
	Href   string     // may be empty
	Values []*float64 // one a step; nil: nothing is known
	Own    []*float64 // what the reader itself has, as Values; nil: nothing
	Few    []bool     // the step has too few analyses, so its point is hollow; nil: none has
	Mean   bool       // of the other lines, or of more than those
	Risks  *Risks     // what it counts, which decides how it looks; nil: its position does
}

// Risks are the risks of one level, kind and state.
type Risks struct {
	Level                 Level
	Operational, Residual bool
}

const (
	plotHeight = 300.0
	aboveLines = 26.0 // the name of the values
	belowLines = 42.0 // the names of the steps
	markEvery  = 24.0 // marks closer than that would hide the lines
	mostDirect = 10   // names at the ends of lines
	mostAside  = 0.42 // of the width, for names at the ends
)

func (Lines) widths() []float64 { return []float64{narrow, roomy, wide} }

func (l Lines) draw(c *canvas, area box) float64 {
	drawn := l.drawn()
	keys := l.legend(c, drawn)
	side := 14.0
	for _, k := range keys {
		side = max(side, keyWidth+28+nameFont.width(k.name))
	}
	listed := ownKey(l.Own) // below the plot
	direct := area.w >= medium && side <= area.w*mostAside && len(keys) <= mostDirect && len(drawn) == len(l.Series)
	if !direct {
		side, listed = 14, append(keys, listed...)
	}
	below := 0.0
	if len(listed) > 0 {
		below = (&canvas{Format: c.Format, drawable: c.drawable}).keys(area, listed) // only measured
	}
	frame := box{area.x, area.y + aboveLines, area.w - side, max(area.h-aboveLines-belowLines-below, min(plotHeight, area.w*0.8))}
	p := plot{frame, l.scale(drawn, int(frame.h/55)), l.Axis, l.Steps}
	for _, value := range p.scale.ticks() {
		p.x = max(p.x, area.x+noteFont.width(c.Axis(value))+8)
	}
	p.w = area.right() - side - p.x
	l.grid(c, area, p)
	ends := make([]point, len(drawn))
	for n, i := range drawn {
		ends[n] = l.line(c, p, i)
	}
	steps := make([]float64, len(l.Steps))
	for i, day := range l.Steps {
		steps[i] = p.across(day)
	}
	c.group(place{class: "steps", steps: steps, hit: p.grown(6, 0)}, func() {})
	if direct {
		l.atEnds(c, keys, ends, box{p.right() + 8, p.y - 8, side - 8, p.h + 16})
	}
	if below > 0 {
		c.keys(box{area.x, p.bottom() + belowLines, area.w, 0}, listed)
	}
	return p.bottom() + belowLines + below - area.y
}

// plot is the area of lines, with its axes.
type plot struct {
	box
	scale scale
	time  TimeAxis
	steps []time.Time
}

func (p plot) across(day time.Time) float64 { return p.x + p.w*p.time.at(day) }
func (p plot) up(value float64) float64     { return p.bottom() - p.h*p.scale.at(value) }

func (p plot) at(step int, value float64) point { return point{p.across(p.steps[step]), p.up(value)} }

// drawn returns as many lines as can be distinguished: the first ones and the mean.
func (l Lines) drawn() []int {
	var drawn []int
	for i, series := range l.Series {
		if i < len(marks)*3 || series.Mean {
			drawn = append(drawn, i)
		}
	}
	return drawn
}

func (l Lines) scale(drawn []int, steps int) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, i := range drawn {
		low, high = extent(low, high, slices.Concat(l.Series[i].Values, l.Series[i].Own)...)
	}
	if low > high {
		low, high = 0, 1
	}
	return scaleOf(low, high, min(max(steps, 2), 8))
}

func (l Lines) grid(c *canvas, area box, p plot) {
	c.write(noteFont, l.Unit, point{area.x, area.y + 14}, left, p.right()-area.x-noteFont.width(l.Running)-14)
	if n := len(l.Steps); l.Running != "" && n > 0 {
		x := min(p.across(l.Steps[n-1]), p.right()-6)
		c.rect(box{x, p.y, p.right() - x + 2, p.h}, style{fill: faint})
		c.write(noteFont, l.Running, point{p.right(), area.y + 14}, right, area.w)
	}
	for _, value := range p.scale.ticks() {
		c.line(style{stroke: rule, width: 1}, point{p.x, p.up(value)}, point{p.right(), p.up(value)})
		c.write(noteFont, c.Axis(value), point{p.x - 8, p.up(value) + 4}, right, p.x)
	}
	c.line(style{stroke: muted, width: 1}, point{p.x, p.bottom()}, point{p.right(), p.bottom()})
	for _, one := range l.Axis.ticks(noteFont, p.w) {
		x := p.x + p.w*one.at
		c.line(style{stroke: muted, width: 1}, point{x, p.bottom()}, point{x, p.bottom() + 5})
		for row, text := range one.rows {
			half := noteFont.width(text) / 2
			c.write(noteFont, text, point{max(x, area.x+half), p.bottom() + 18 + 15*float64(row)}, middle, 2*half+1)
		}
	}
}

// dashes distinguish lines once the colours repeat.
var dashes = [][]float64{nil, {7, 4}, {2, 3}}

// kindDashes distinguish lines that share the colour of their level.
var kindDashes = map[Risks][]float64{
	{Operational: true}: {9, 5}, {Residual: true}: {2, 4}, {Operational: true, Residual: true}: {9, 4, 2, 4},
}

// looks are those of a line and of what keeps it apart from the ground.
func (l Lines) looks(i int) (line, casing style) {
	risks := l.Series[i].Risks
	switch {
	case l.Series[i].Mean:
		return style{stroke: foreground, width: 3, dash: []float64{2, 4}}, style{}
	case risks == nil:
		return style{stroke: seriesInk(i), width: 2, dash: dashes[i/seriesInks%len(dashes)]}, style{}
	}
	dash := kindDashes[Risks{Operational: risks.Operational, Residual: risks.Residual}]
	line = style{stroke: levelStyle(risks.Level, risks.Residual).fill, width: 2.5, dash: dash}
	if risks.Level == High {
		line.width = 3.5
	}
	return line, style{stroke: edge, width: line.width + 1.6, dash: dash}
}

// marks are outlines around 0, 0. With three ways to fill them, no two lines that are
// drawn have the same.
var marks = [][]point{
	{{3.6, 0}, {2.9, 2.1}, {1.1, 3.4}, {-1.1, 3.4}, {-2.9, 2.1}, {-3.6, 0}, {-2.9, -2.1}, {-1.1, -3.4}, {1.1, -3.4}, {2.9, -2.1}},
	{{-3.2, -3.2}, {3.2, -3.2}, {3.2, 3.2}, {-3.2, 3.2}},
	{{0, -4.4}, {4.2, 3.2}, {-4.2, 3.2}},
	{{0, -4.8}, {4.8, 0}, {0, 4.8}, {-4.8, 0}},
	{{0, 4.4}, {4.2, -3.2}, {-4.2, -3.2}},
	{{-1.5, -4.2}, {1.5, -4.2}, {1.5, -1.5}, {4.2, -1.5}, {4.2, 1.5}, {1.5, 1.5}, {1.5, 4.2}, {-1.5, 4.2}, {-1.5, 1.5}, {-4.2, 1.5}, {-4.2, -1.5}, {-1.5, -1.5}},
	{{-4, -4}, {4, -4}, {0, 0}, {4, 4}, {-4, 4}, {0, 0}},
	{{-4, -4}, {0, 0}, {4, -4}, {4, 4}, {0, 0}, {-4, 4}},
}

// mark draws the marks of a line at points: full, empty, or with a dot in them.
func (l Lines) mark(c *canvas, i int, at ...point) {
	around := func(outline []point) (outlines [][]point) {
		for _, center := range at {
			moved := make([]point, len(outline))
			for n, corner := range outline {
				moved[n] = point{center[0] + corner[0], center[1] + corner[1]}
			}
			outlines = append(outlines, moved)
		}
		return outlines
	}
	line, casing := l.looks(i)
	way, inside := i/len(marks), style{fill: line.stroke, stroke: casing.stroke, width: 0.8}
	if way > 0 && !l.Series[i].Mean {
		inside = style{fill: card, stroke: line.stroke, width: 1.5}
	}
	c.areas(inside, around(marks[i%len(marks)])...)
	if way > 1 && !l.Series[i].Mean {
		c.areas(style{fill: line.stroke}, around([]point{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}})...)
	}
}

// line draws one line, in pieces where something is missing, and returns its end.
func (l Lines) line(c *canvas, p plot, i int) (end point) {
	one := l.Series[i]
	line, casing := l.looks(i)
	drawn := pieces(one.Values, l.Axis.joined(l.Steps), p.at)
	draw := func(l style, piece []point) {
		if l.stroke != none && len(piece) > 1 {
			c.line(l, thinned(piece, 0.7)...)
		}
	}
	c.group(place{class: "line", series: i + 1, href: one.Href, name: c.pick(one.Name)}, func() {
		for _, s := range []style{casing, line} {
			for _, piece := range drawn {
				draw(s, piece)
			}
		}
		few := l.few(p, i)
		var marked []point
		for _, piece := range drawn {
			end = piece[len(piece)-1]
			// A value without neighbours has a mark in any case: nothing else shows it.
			if len(piece) == 1 || !one.Mean {
				marked = append(marked, apart(slices.DeleteFunc(piece, func(at point) bool { return slices.Contains(few, at) }), markEvery)...)
			}
		}
		l.mark(c, i, marked...)
		for _, at := range few {
			c.circle(at, 4, style{fill: card, stroke: line.stroke, width: 1.6})
		}
		// What the reader itself has is a thin line in the colour of the other one.
		for _, piece := range pieces(one.Own, l.Axis.joined(l.Steps), p.at) {
			draw(style{stroke: line.stroke, width: 1}, piece)
			for _, at := range apart(piece, markEvery) {
				c.diamond(at, 5)
			}
		}
	})
	return end
}

// few returns the places of values with too few analyses, without those that would
// cover each other.
func (l Lines) few(p plot, i int) (places []point) {
	for step, few := range l.Series[i].Few {
		if value := l.Series[i].Values[step]; few && value != nil {
			places = append(places, p.at(step, *value))
		}
	}
	return apart(places, 8)
}

// pieces are the places of values that belong together: nothing is missing between
// them.
func pieces(values []*float64, joined []bool, place func(step int, value float64) point) (all [][]point) {
	for step, value := range values {
		if value == nil {
			continue
		}
		if len(all) == 0 || values[step-1] == nil || !joined[step] {
			all = append(all, nil)
		}
		last := len(all) - 1
		all[last] = append(all[last], place(step, *value))
	}
	return all
}

// apart leaves out the points that are too close to the one before.
func apart(points []point, distance float64) (kept []point) {
	for _, at := range points {
		if len(kept) == 0 || at[0]-kept[len(kept)-1][0] >= distance {
			kept = append(kept, at)
		}
	}
	return kept
}

// thinned leaves the lowest and the highest of the points that share a column.
func thinned(points []point, column float64) (kept []point) {
	for at := 0; at < len(points); {
		low, high, next := at, at, at
		for ; next < len(points) && points[next][0] < points[at][0]+column; next++ {
			if points[next][1] < points[low][1] {
				low = next
			}
			if points[next][1] > points[high][1] {
				high = next
			}
		}
		kept = append(kept, points[min(low, high)])
		if low != high {
			kept = append(kept, points[max(low, high)])
		}
		at = next
	}
	return kept
}

func (l Lines) legend(c *canvas, drawn []int) (keys []key) {
	for _, i := range drawn {
		line, casing := l.looks(i)
		keys = append(keys, key{name: c.pick(l.Series[i].Name), series: i + 1, sample: func(c *canvas, at box) {
			from, to := point{at.x, at.y + at.h/2}, point{at.right(), at.y + at.h/2}
			if casing.stroke != none {
				c.line(casing, from, to)
			}
			c.line(line, from, to)
			if !l.Series[i].Mean {
				l.mark(c, i, point{at.x + at.w/2, from[1]})
			}
		}})
	}
	if untold := len(l.Series) - len(drawn); untold > 0 {
		keys = append(keys, key{name: l.More(untold)})
	}
	return keys
}

// atEnds names lines where they end, as near as they have room.
func (l Lines) atEnds(c *canvas, keys []key, ends []point, area box) {
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ends[a][1], ends[b][1]) })
	at := make([]float64, len(keys)) // of the upper edges, in order
	for n, i := range order {
		at[n] = max(ends[i][1]-keyRow/2, area.y)
		if n > 0 {
			at[n] = max(at[n], at[n-1]+keyRow)
		}
	}
	for n := len(at) - 1; n >= 0; n-- { // those that went too far down push the others up
		lowest := area.bottom() - keyRow
		if n < len(at)-1 {
			lowest = at[n+1] - keyRow
		}
		at[n] = min(at[n], lowest)
	}
	for n, i := range order {
		if ends[i] != (point{}) {
			c.line(style{stroke: muted, width: 0.7}, point{ends[i][0] + 5, ends[i][1]}, point{area.x + 8, at[n] + keyRow/2})
		}
		c.key(keys[i], box{area.x + 10, at[n], area.w - 10, keyRow})
	}
}
