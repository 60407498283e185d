// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"math"
	"slices"
)

// Radar compares current and target compliance by category, clockwise. Fewer than
// three categories make no radar, many none that can be read, and what is not known
// has no place in one: they become bars.
type Radar struct {
	Current, Target string // names of both
	Own             string // legend of the marks; empty: no marks
	Items           []Category
	Max             float64 // of the axes; 0: from the values
	Share           bool    // values are shares of 1
}

// Category is one axis; nil values are unknown.
type Category struct {
	Label           Label
	Href            string // where the row of bars links to; may be empty
	Current, Target *float64
	Own             *float64 // the reader's own value; nil: none
	Few             bool     // too few analyses: points and bars are hollow
}

const (
	fewestAxes, mostAxes = 3, 8
	rings                = 4
	narrowest            = 420.0 // of a radar with its names
)

var (
	targetLook  = look{stroke: series + 1, width: 2.4, dash: []float64{6, 4}}
	currentLook = look{stroke: series, width: 2.4}
)

func (Radar) widths() []float64 { return []float64{narrow, medium} }

func (r Radar) draw(c *canvas, area box) float64 {
	if r.isRound(area.w) {
		above := 6 + c.keys(area, append([]key{
			{name: r.Current, sample: func(c *canvas, at box) { r.sample(c, at, currentLook) }},
			{name: r.Target, sample: func(c *canvas, at box) { r.sample(c, at, targetLook) }},
		}, ownKey(r.Own)...))
		return above + r.radar(c, box{area.x, area.y + above, area.w, area.h - above})
	}
	return Pairs(r).draw(c, area)
}

// Pairs compares two values of each thing as bars, the first one full. It has what
// a Radar has: Current and Target name the values.
type Pairs Radar

func (Pairs) widths() []float64 { return []float64{narrow, medium} }

func (p Pairs) draw(c *canvas, area box) float64 {
	r := Radar(p)
	current, target := look{fill: series}, look{fill: card, stroke: series + 1, width: 1.5, dash: targetLook.dash}
	var rows []row
	for _, item := range p.Items {
		current := current
		if item.Few {
			current = look{fill: card, stroke: series, width: 1.5}
		}
		rows = append(rows, row{item.Label, item.Href, []bar{
			{look: current, value: item.Current, text: r.write(c, item.Current), bold: true, own: item.Own},
			{look: target, value: item.Target, text: r.write(c, item.Target)},
		}})
	}
	above := c.keys(area, append(c.pair(p.Current, current, p.Target, target), ownKey(p.Own)...))
	return above + c.rows(box{area.x, area.y + above, area.w, area.h - above}, rows, scaleOfRows(rows, p.Max))
}

func (r Radar) isRound(width float64) bool {
	unknown := slices.ContainsFunc(r.Items, func(i Category) bool { return i.Current == nil || i.Target == nil })
	return len(r.Items) >= fewestAxes && len(r.Items) <= mostAxes && width >= narrowest && !unknown
}

func (r Radar) sample(c *canvas, at box, l look) {
	y := at.y + at.h/2
	c.line(l, point{at.x, y}, point{at.right(), y})
	r.dot(c, l, point{at.x + at.w/2, y}, false)
}

// dot is round for current values and square for targets, and may be hollow.
func (r Radar) dot(c *canvas, l look, at point, hollow bool) {
	inside := look{fill: l.stroke}
	if hollow {
		inside = look{fill: card, stroke: l.stroke, width: 1.6}
	}
	if l.dash == nil {
		c.circle(at, 3.6, inside)
		return
	}
	c.rect(box{at[0] - 3.2, at[1] - 3.2, 6.4, 6.4}, inside)
}

func (r Radar) highest() float64 {
	highest := r.Max
	for _, item := range r.Items {
		for _, value := range []*float64{item.Current, item.Target, item.Own} {
			if value != nil {
				highest = max(highest, *value)
			}
		}
	}
	if highest == 0 {
		return 1
	}
	return highest
}

// write writes a value, or that it is not known.
func (r Radar) write(c *canvas, value *float64) string {
	if value != nil && r.Share {
		return c.Percent(*value)
	}
	return c.number(value)
}

// spoke is the point at a share of the way out; the first is at the top.
func (r Radar) spoke(center point, i int, length float64) point {
	angle := 2*math.Pi*float64(i)/float64(len(r.Items)) - math.Pi/2
	return point{center[0] + math.Cos(angle)*length, center[1] + math.Sin(angle)*length}
}

func (r Radar) around(center point, length func(i int) float64) []point {
	points := make([]point, len(r.Items))
	for i := range points {
		points[i] = r.spoke(center, i, length(i))
	}
	return points
}

func (r Radar) radar(c *canvas, area box) float64 {
	const above = 2*16.9 + 29 // a name of two lines and the values
	radius := min(area.w*0.26, 150+max(area.h-380, 0)/3)
	center := point{area.x + area.w/2, area.y + above + radius}
	r.web(c, center, radius)
	for i, item := range r.Items {
		at := r.spoke(center, i, radius+10)
		across, down := (at[0]-center[0])/radius, (at[1]-center[1])/radius
		// Names at the sides are aligned to their axes, those at the top and the bottom
		// are no wider than what these leave.
		anchor, room := middle, 1.3*radius
		switch {
		case across > 0.15:
			anchor, room = left, area.right()-at[0]
		case across < -0.15:
			anchor, room = right, at[0]-area.x
		}
		lines, values := wrap(nameFont, c.pick(item.Label), room, 2), r.write(c, item.Current)+" → "+r.write(c, item.Target)
		high := float64(len(lines))*nameFont.leading() + 17
		y := at[1] - high/2 + down*high/2
		c.group(place{row: i + 1, hit: box{at[0] - anchor*room, y, room, high}}, func() {
			y = c.paragraph(nameFont, lines, point{at[0], y}, anchor)
			c.write(valueFont.in(muted), values, point{at[0], y + valueFont.size}, anchor, room)
		})
	}
	return 2*(above+radius) + 4
}

func (r Radar) web(c *canvas, center point, radius float64) {
	for i := range r.Items {
		c.line(look{stroke: rule, width: 1}, center, r.spoke(center, i, radius))
	}
	for ring := 1; ring <= rings; ring++ {
		c.areas(look{stroke: rule, width: 1}, r.around(center, func(int) float64 { return radius * float64(ring) / rings }))
	}
	highest := r.highest()
	current := r.around(center, func(i int) float64 { return radius * max(*r.Items[i].Current, 0) / highest })
	target := r.around(center, func(i int) float64 { return radius * max(*r.Items[i].Target, 0) / highest })
	c.areas(look{fill: series, opacity: 0.16, stroke: series, width: currentLook.width}, current)
	c.areas(targetLook, target)
	for i := range r.Items {
		r.dot(c, currentLook, current[i], r.Items[i].Few)
		r.dot(c, targetLook, target[i], r.Items[i].Few)
		if own := r.Items[i].Own; own != nil {
			c.diamond(r.spoke(center, i, radius*max(*own, 0)/highest), 6)
		}
	}
	for ring := 1; ring <= rings; ring++ {
		value := highest * float64(ring) / rings
		at := point{center[0] + 6, center[1] - radius*float64(ring)/rings + 12}
		c.add(label{font: font{size: 11, ink: muted}, text: r.write(c, &value), at: at, halo: true})
	}
}
