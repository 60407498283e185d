// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"math"
	"slices"
)

// Bars compares things by one value or by two, named above their bars: names are long.
type Bars struct {
	Names  [2]string // of the first and the second bar of each item; empty: there is one
	Items  []Item
	Max    float64 // where the scale ends at least, so that charts can share it
	Share  bool    // values are shares of 1
	Spread string  // legend of the lines over bars; empty: no lines
	Own    string  // legend of the marks on bars; empty: no marks
}

// Item is a thing and its values; nil ones are unknown.
type Item struct {
	Label  Label
	Href   string // where its row links to; may be empty
	Values [2]*float64
	Own    [2]*float64 // what the reader itself has
	Few    [2]bool     // too few analyses have the value: its mark is hollow
	Spread *Spread     // of the values behind the first one
	Level  Level       // of risk, whose style the bars have; 0: none
}

// Spread is the middle half of values: from the lower to the upper quartile.
type Spread struct{ Low, Median, High float64 }

// Level is one of the three levels of risk that MONARC knows.
type Level int

// The levels of risk.
const (
	Low Level = iota + 1
	Medium
	High
)

const (
	rowName = 20.0 // above the bars
	rowBars = 14.0
	rowGap  = 7.0

	hatchOpacity = 0.3
)

func (Bars) widths() []float64 { return []float64{narrow, medium} }

func (b Bars) draw(c *canvas, area box) float64 {
	y, keys, axis := area.y, b.legend(), b.scale()
	if b.count() == 2 {
		y += c.keys(area, keys)
		return y + b.rows(c, box{area.x, y, area.w, area.bottom() - y}, axis) - area.y
	}
	y += b.rows(c, area, axis)
	if b.Max > 0 {
		c.write(noteFont, c.Axis(axis.low)+" – "+c.Axis(axis.high), point{area.x, y + 10}, left, area.w)
		y += 16
	}
	if len(keys) > 0 {
		y += c.keys(box{area.x, y, area.w, 0}, keys)
	}
	return y - area.y
}

// count is how many bars an item has.
func (b Bars) count() int {
	if b.Names[1] == "" {
		return 1
	}
	return 2
}

func (b Bars) legend() (keys []key) {
	for n, name := range b.Names {
		if name != "" {
			keys = append(keys, key{name: name, sample: func(c *canvas, at box) { c.rect(at.inset(3), b.style(Item{Level: b.Items[0].Level}, n)) }})
		}
	}
	if b.Spread != "" {
		keys = append(keys, key{name: b.Spread, sample: func(c *canvas, at box) {
			c.spread(&Spread{0, 0.4, 1}, box{at.x + 2, at.y, at.w - 4, at.h}, scale{high: 1})
		}})
	}
	return append(keys, ownKey(b.Own)...)
}

// style is that of the first or the second bar of an item.
func (b Bars) style(item Item, n int) style {
	l := style{fill: accent}
	switch {
	case item.Level != 0:
		l = levelStyle(item.Level, n == 1)
	case n == 1:
		l = style{fill: secondary + "-soft", stroke: secondary, width: 1.5, dash: targetStyle.dash}
	case b.count() == 2:
		l.fill = primary
	}
	if item.Few[n] {
		return l.hollow(1.5)
	}
	return l
}

// scale covers exactly the range of the values, at least from zero to Max.
func (b Bars) scale() scale {
	s := scale{high: b.Max}
	for _, item := range b.Items {
		s.low, s.high = extent(s.low, s.high, slices.Concat(item.Values[:], item.Own[:])...)
		if item.Spread != nil {
			s.low, s.high = extent(s.low, s.high, &item.Spread.Low, &item.Spread.High)
		}
	}
	if s.low == s.high {
		s.high = 1
	}
	return s
}

// Highest returns the value at which the scale of the bars ends without a Max.
func (b Bars) Highest() float64 {
	b.Max = 0
	return b.scale().high
}

// text writes a value, or that it is not known.
func (b Bars) text(c *canvas, value *float64) string {
	switch {
	case value == nil:
		return "–"
	case b.Share:
		return c.Percent(*value)
	}
	return c.Number(*value)
}

// rows draws the items below each other, each as wide as the chart: all of it is a
// target. It returns the height.
func (b Bars) rows(c *canvas, area box, axis scale) float64 {
	room, count, more := 0.0, b.count(), 0.0
	names := make([][]string, len(b.Items))
	for i, item := range b.Items {
		names[i] = wrap(nameFont, c.pick(item.Label), area.w, 2)
		more += float64(len(names[i])-1) * nameFont.leading()
		for n := range count {
			room = max(room, valueFont.width(b.text(c, item.Values[n])))
		}
	}
	least := rowName + (rowBars+2)*float64(count) - 2 + rowGap
	high := min(max((area.h-more)/float64(len(b.Items)), least), 1.5*least)
	track, y := box{area.x, 0, area.w - room - 8, rowBars + (high-least)/float64(count)/2}, area.y
	for i, item := range b.Items {
		above := rowName + float64(len(names[i])-1)*nameFont.leading()
		whole := box{area.x, y, area.w, high + above - rowName}
		y = whole.bottom()
		c.group(place{class: "row", row: i + 1, href: item.Href, hit: whole}, func() {
			c.paragraph(nameFont, names[i], point{area.x, whole.y + 1}, left)
			for n := range count {
				track.y = whole.y + above + float64(n)*(track.h+2)
				b.bar(c, item, n, track, axis)
				f := font{size: 13, bold: n == 0, ink: foreground}
				c.write(f, b.text(c, item.Values[n]), point{area.right(), track.y + track.h/2 + 4.5}, right, room+4)
			}
		})
	}
	return y - area.y
}

func (b Bars) bar(c *canvas, item Item, n int, track box, axis scale) {
	c.rect(track, style{fill: faint})
	zero := track.x + track.w*axis.at(0)
	if value := item.Values[n]; value != nil {
		end := track.x + track.w*axis.at(*value)
		c.rect(box{min(zero, end), track.y, math.Abs(end - zero), track.h}, b.style(item, n))
	}
	if n == 0 && item.Spread != nil {
		c.spread(item.Spread, track, axis)
	}
	if own := item.Own[n]; own != nil {
		high := track.h/2 + 1
		c.diamond(point{track.x + min(max(track.w*axis.at(*own), high), track.w-high), track.y + track.h/2}, high)
	}
	if axis.low < 0 {
		c.line(style{stroke: muted, width: 1}, point{zero, track.y}, point{zero, track.bottom()})
	}
}

// spread draws a line over a bar, with a dot where the median is.
func (c *canvas) spread(s *Spread, track box, axis scale) {
	at := func(value float64) point {
		return point{track.x + track.w*axis.at(value), track.y + track.h/2}
	}
	c.line(style{stroke: card, width: 4}, at(s.Low), at(s.High))
	c.line(style{stroke: foreground, width: 1.6}, at(s.Low), at(s.High))
	c.circle(at(s.Median), 3.4, style{fill: foreground, stroke: card, width: 1})
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
	c.areas(style{fill: foreground, stroke: card, width: 2}, corners)
}

// hollow is the style of what too few analyses stand behind.
func (l style) hollow(width float64) style {
	return style{fill: card, stroke: cmp.Or(l.stroke, l.fill), width: width, dash: l.dash}
}

// levelStyle returns the style of a level: the hue that MONARC users know and a pattern,
// paler for residual risks.
func levelStyle(level Level, residual bool) style {
	l := style{fill: level.ink(), hatching: level, stroke: edge, width: 1}
	if residual {
		l.fill, l.dash = level.ink()+"-soft", []float64{4, 3}
	}
	return l
}

// hatch draws the pattern of a level over a rectangle, so that nothing depends on colour
// alone: dots for low, lines that rise for medium, and thick ones that fall for high.
func (c *canvas) hatch(level Level, b box) {
	var lines [][]point
	if level == Low {
		for y := b.y + 2; y < b.bottom(); y += 6 {
			lines = append(lines, []point{{b.x + 1, y}, {b.right(), y}})
		}
		c.add(shape{style: style{stroke: hatch, opacity: hatchOpacity, width: 2.4, dash: []float64{2.4, 3.6}}, lines: lines})
		return
	}
	width, spacing := 1.2, 12.7 // of the lines; of their ends
	if level == High {
		width, spacing = 2, 9.9
	}
	for along := spacing / 2; along < b.w+b.h; along += spacing {
		from, to := point{b.x + max(along-b.h, 0), b.y + min(along, b.h)}, point{b.x + min(along, b.w), b.y + max(along-b.w, 0)}
		if level == High { // the mirror image
			from[1], to[1] = b.y+b.bottom()-from[1], b.y+b.bottom()-to[1]
		}
		lines = append(lines, []point{from, to})
	}
	c.add(shape{style: style{stroke: hatch, opacity: hatchOpacity, width: width}, lines: lines})
}
