// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "math"

// bar is one of the bars of a row.
type bar struct {
	look
	value  *float64 // nil: nothing is known
	text   string
	bold   bool
	spread *Spread  // nil: not known
	own    *float64 // the reader's own value, which is marked; nil: none
}

// row is a name with its bars, as wide as the chart: all of it is a target.
type row struct {
	name Label
	href string
	bars []bar
}

// scale covers exactly the range of the values, at least from zero to most.
func scaleOfRows(rows []row, most float64) scale {
	s := scale{high: most}
	for _, r := range rows {
		for _, b := range r.bars {
			if b.value != nil {
				s.low, s.high = min(s.low, *b.value), max(s.high, *b.value)
			}
			if b.spread != nil {
				s.low, s.high = min(s.low, b.spread.Low), max(s.high, b.spread.High)
			}
			if b.own != nil {
				s.low, s.high = min(s.low, *b.own), max(s.high, *b.own)
			}
		}
	}
	if s.low == s.high {
		s.high = 1
	}
	return s
}

const (
	rowName = 20.0 // above the bars
	rowBars = 14.0
	rowGap  = 7.0
)

// rows draws names above their bars, which share an axis, and returns the height.
func (c *canvas) rows(area box, rows []row, axis scale) float64 {
	room, count := 0.0, len(rows[0].bars)
	for _, r := range rows {
		for _, b := range r.bars {
			room = max(room, valueFont.width(b.text))
		}
	}
	least := rowName + (rowBars+2)*float64(count) - 2 + rowGap
	high := min(max(area.h/float64(len(rows)), least), 1.5*least)
	track := box{area.x, 0, area.w - room - 8, rowBars + (high-least)/float64(count)/2}
	zero := track.x + track.w*axis.at(0)
	for i, r := range rows {
		whole := box{area.x, area.y + float64(i)*high, area.w, high}
		c.group(place{class: "row", row: i + 1, href: r.href, hit: whole}, func() {
			c.write(nameFont, c.pick(r.name), point{area.x, whole.y + 14}, left, area.w)
			for n, b := range r.bars {
				track.y = whole.y + rowName + float64(n)*(track.h+2)
				c.rect(track, look{fill: faint})
				if b.value != nil {
					end := track.x + track.w*axis.at(*b.value)
					c.rect(box{min(zero, end), track.y, math.Abs(end - zero), track.h}, b.look)
				}
				if b.spread != nil {
					c.spread(b.spread, track, axis)
				}
				if b.own != nil {
					high := track.h/2 + 1
					c.diamond(point{track.x + min(max(track.w*axis.at(*b.own), high), track.w-high), track.y + track.h/2}, high)
				}
				if axis.low < 0 {
					c.line(look{stroke: muted, width: 1}, point{zero, track.y}, point{zero, track.bottom()})
				}
				c.write(font{size: 13, bold: b.bold, ink: foreground}, b.text, point{area.right(), track.y + track.h/2 + 4.5}, right, room+4)
			}
		})
	}
	return high * float64(len(rows))
}

// Bars compares things by one value, each named above its bar: names are long.
type Bars struct {
	Items  []Bar
	Max    float64 // where the scale ends at least, so that charts can share it
	Spread string  // legend of the lines over bars; empty: no lines
	Own    string  // says what the marks on bars are; empty: there are none
}

// Bar is a thing and its value.
type Bar struct {
	Label  Label
	Value  float64
	Href   string   // where the row links to; may be empty
	Few    bool     // too few analyses: the bar is hollow
	Spread *Spread  // of the values behind the mean; nil: unknown
	Own    *float64 // what the reader itself has; nil: nothing
}

// Spread is the middle half of values: from the lower to the upper quartile.
type Spread struct{ Low, Median, High float64 }

// spread draws a line over a bar, with a dot where the median is.
func (c *canvas) spread(s *Spread, track box, axis scale) {
	at := func(value float64) point {
		return point{track.x + track.w*axis.at(value), track.y + track.h/2}
	}
	c.line(look{stroke: card, width: 4}, at(s.Low), at(s.High))
	c.line(look{stroke: foreground, width: 1.6}, at(s.Low), at(s.High))
	c.circle(at(s.Median), 3.4, look{fill: foreground, stroke: card, width: 1})
}

func (Bars) widths() []float64 { return []float64{narrow, medium} }

func (b Bars) draw(c *canvas, area box) float64 {
	rows := make([]row, len(b.Items))
	for i, item := range b.Items {
		one := bar{look{fill: accent}, &item.Value, c.Number(item.Value), true, item.Spread, item.Own}
		if item.Few {
			one.look = look{fill: card, stroke: accent, width: 1.5}
		}
		rows[i] = row{item.Label, item.Href, []bar{one}}
	}
	axis := scaleOfRows(rows, b.Max)
	high := c.rows(area, rows, axis)
	if b.Max > 0 {
		c.write(noteFont, c.Axis(axis.low)+" – "+c.Axis(axis.high), point{area.x, area.y + high + 10}, left, area.w)
		high += 16
	}
	var keys []key
	if b.Spread != "" {
		keys = append(keys, key{name: b.Spread, sample: func(c *canvas, at box) {
			c.spread(&Spread{0, 0.4, 1}, box{at.x + 2, at.y, at.w - 4, at.h}, scale{high: 1})
		}})
	}
	if keys = append(keys, ownKey(b.Own)...); len(keys) > 0 {
		high += c.keys(box{area.x, area.y + high, area.w, 0}, keys)
	}
	return high
}

// ownKey is the legend of the reader's own values, if they are marked.
func ownKey(name string) []key {
	if name == "" {
		return nil
	}
	return []key{{name: name, sample: func(c *canvas, at box) { c.diamond(at.center(), 7) }}}
}

// diamond marks the reader's own value. Its edge sets it off from the background.
func (c *canvas) diamond(at point, radius float64) {
	corners := []point{{at[0], at[1] - radius}, {at[0] + radius, at[1]}, {at[0], at[1] + radius}, {at[0] - radius, at[1]}}
	c.areas(look{fill: foreground, stroke: card, width: 2}, corners)
}

// Level is one of the three levels of risk that MONARC knows.
type Level int

// The levels of risk.
const (
	Low Level = iota
	Medium
	High
)

// Levels compares risks by level, before and after treatment.
type Levels struct {
	Current, Residual string // names of both
	Own               string // says what the marks on bars are; empty: there are none
	Items             []LevelBars
}

// LevelBars are the risks of a level; nil: nothing is known.
type LevelBars struct {
	Level             Level
	Label             Label
	Current, Residual *float64
	Few               bool // too few analyses: the bars are hollow
	// OwnCurrent and OwnResidual are the own values of the reader; nil: none.
	OwnCurrent, OwnResidual *float64
}

func (Levels) widths() []float64 { return []float64{narrow, medium} }

func (l Levels) draw(c *canvas, area box) float64 {
	var rows []row
	for _, item := range l.Items {
		now, after := levelLook(item.Level, false), levelLook(item.Level, true)
		if item.Few {
			now, after = look{fill: card, stroke: edge, width: 1.5}, look{fill: card, stroke: edge, width: 1.5, dash: after.dash}
		}
		rows = append(rows, row{item.Label, "", []bar{
			{look: now, value: item.Current, text: c.number(item.Current), bold: true, own: item.OwnCurrent},
			{look: after, value: item.Residual, text: c.number(item.Residual), own: item.OwnResidual},
		}})
	}
	above := c.keys(area, append(c.pair(l.Current, levelLook(High, false), l.Residual, levelLook(High, true)), ownKey(l.Own)...))
	return above + c.rows(box{area.x, area.y + above, area.w, area.h - above}, rows, scaleOfRows(rows, 0))
}

// pair is the legend of two kinds of bars.
func (c *canvas) pair(first string, a look, second string, b look) []key {
	return []key{
		{name: first, sample: func(c *canvas, at box) { c.rect(at.inset(3), a) }},
		{name: second, sample: func(c *canvas, at box) { c.rect(at.inset(3), b) }},
	}
}

// levelLook returns the look of a level: the hue that MONARC users know and a pattern,
// paler for residual risks.
func levelLook(level Level, residual bool) look {
	l := look{fill: lowInk + ink(level), pattern: dots + pattern(level), stroke: edge, width: 1}
	if residual {
		l.fill, l.dash = lowSoft+ink(level), []float64{4, 3}
	}
	return l
}
