// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"math"
	"slices"
)

// Radar compares current and target values by category, clockwise: a Bars on axes.
// Fewer than three categories make no radar, many none that can be read, and what is not
// known has no place in one: they become bars.
type Radar Bars

const (
	fewestAxes, mostAxes = 3, 8
	rings                = 4
	narrowest            = 420.0 // of a radar with its names
)

var (
	targetStyle  = style{stroke: secondary, width: 2.4, dash: []float64{6, 4}}
	currentStyle = style{stroke: primary, width: 2.4}
)

func (Radar) widths() []float64 { return []float64{narrow, medium} }

func (r Radar) draw(c *canvas, area box) float64 {
	if !r.isRound(area.w) {
		return Bars(r).draw(c, area)
	}
	above := 6 + c.keys(area, append([]key{
		{name: r.Names[0], sample: func(c *canvas, at box) { r.sample(c, at, currentStyle) }},
		{name: r.Names[1], sample: func(c *canvas, at box) { r.sample(c, at, targetStyle) }},
	}, ownKey(r.Own)...))
	return above + r.radar(c, box{area.x, area.y + above, area.w, area.h - above})
}

func (r Radar) isRound(width float64) bool {
	unknown := slices.ContainsFunc(r.Items, func(i Item) bool { return i.Values[0] == nil || i.Values[1] == nil })
	return len(r.Items) >= fewestAxes && len(r.Items) <= mostAxes && width >= narrowest && !unknown
}

func (r Radar) sample(c *canvas, at box, l style) {
	y := at.y + at.h/2
	c.line(l, point{at.x, y}, point{at.right(), y})
	r.dot(c, l, point{at.x + at.w/2, y}, false)
}

// dot is round for current values and square for targets, and may be hollow.
func (r Radar) dot(c *canvas, l style, at point, hollow bool) {
	inside := style{fill: l.stroke}
	if hollow {
		inside = inside.hollow(1.6)
	}
	if l.dash == nil {
		c.circle(at, 3.6, inside)
		return
	}
	c.rect(box{at[0] - 3.2, at[1] - 3.2, 6.4, 6.4}, inside)
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
		lines, values := wrap(nameFont, c.pick(item.Label), room, 2), Bars(r).text(c, item.Values[0])+" → "+Bars(r).text(c, item.Values[1])
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
		c.line(style{stroke: rule, width: 1}, center, r.spoke(center, i, radius))
	}
	for ring := 1; ring <= rings; ring++ {
		c.areas(style{stroke: rule, width: 1}, r.around(center, func(int) float64 { return radius * float64(ring) / rings }))
	}
	highest := Bars(r).scale().high
	values := func(n int) []point {
		return r.around(center, func(i int) float64 { return radius * max(*r.Items[i].Values[n], 0) / highest })
	}
	current, target := values(0), values(1)
	c.areas(style{fill: primary, opacity: 0.16}, current)
	c.areas(currentStyle, current)
	c.areas(targetStyle, target)
	for i, item := range r.Items {
		r.dot(c, currentStyle, current[i], item.Few[0])
		r.dot(c, targetStyle, target[i], item.Few[1])
		if own := item.Own[0]; own != nil {
			c.diamond(r.spoke(center, i, radius*max(*own, 0)/highest), 6)
		}
	}
	for ring := 1; ring <= rings; ring++ {
		value := highest * float64(ring) / rings
		at := point{center[0] + 6, center[1] - radius*float64(ring)/rings + 12}
		c.add(label{font: font{size: 11, ink: muted}, text: Bars(r).text(c, &value), at: at, halo: true})
	}
}
