// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/project"
	"github.com/paulmach/orb/simplify"
)

// Map shows places on the outline of the world, with their numbers.
type Map struct {
	World  *World
	Whole  bool                     // shows the whole world, instead of the area around the places
	Name   func(code string) string // of a country
	Levels map[Level]string         // names for the legend of the rings
	Places []Place                  // in the order of their numbers
}

// Place is a point on the map.
type Place struct {
	Latitude, Longitude float64
	Weight              int     // decides the size
	Few                 bool    // too few analyses: the mark is hollow
	Risks               *Shares // decides about the ring; nil: there is none
}

// Shares are the shares of the levels among risks. They add up to 1.
type Shares [High + 1]float64

const (
	ringWidth = 5.0      // of a mark
	fontSlack = 0.2      // by which a browser's font may be wider, as a share
	townRoom  = 16_000.0 // square units of the map for each town with a name
	around    = 0.35     // margin around the places, as a share of their span
	smallSpan = 5.0      // degrees that are shown at least
	// Units that lines may be away from where they should be, unless the outline then
	// has more points, for each unit of width, than a page can carry.
	detail, pointsPerUnit = 0.4, 6.0
)

var (
	countryFont = font{size: 12, bold: true, ink: muted}
	townFont    = font{size: 11, ink: muted}
)

func (Map) widths() []float64 { return []float64{narrow, roomy, wide} }

func (m Map) draw(c *canvas, area box) float64 {
	above := m.legend(c, area)
	frame := box{area.x, area.y + above, area.w, min(max(area.w*0.5, min(area.w, 320)), 480)}
	view := m.view(frame.w / frame.h)
	on := func(at point) point {
		return point{
			frame.x + (at[0]-view.Left())/(view.Right()-view.Left())*frame.w,
			frame.y + (view.Top()-at[1])/(view.Top()-view.Bottom())*frame.h,
		}
	}
	marks, taken := m.marks(frame, on)
	c.group(place{class: "frame", clip: frame}, func() {
		c.rect(frame, style{fill: sea})
		m.countries(c, view, on)
		m.towns(c, frame, on, m.names(c, frame, view, on, taken))
		for n, i := range marks {
			at, shown := on(m.Places[i].at()), taken[n].center()
			if shown != at {
				c.line(style{stroke: foreground, width: 1}, at, shown)
				c.circle(at, 2, style{fill: foreground})
			}
			c.group(place{class: "mark", row: i + 1, at: shown}, func() { m.disc(c, point{}, i) })
		}
	})
	return above + frame.h
}

// legend names the levels of the rings, the highest first, and returns its height.
func (m Map) legend(c *canvas, area box) float64 {
	if !slices.ContainsFunc(m.Places, func(p Place) bool { return p.Risks != nil }) {
		return 0
	}
	var keys []key
	for level := High; level >= Low; level-- {
		keys = append(keys, key{name: m.Levels[level], sample: func(c *canvas, at box) { c.rect(at.inset(3), levelStyle(level, false)) }})
	}
	return c.keys(area, keys) + 4
}

func (p Place) at() point { return point{p.Longitude, p.Latitude} }

func (p Place) radius() float64 { return min(9+2.6*math.Sqrt(float64(max(p.Weight-1, 0))), 34) }

// room is the radius with the ring.
func (p Place) room() float64 {
	if p.Risks == nil {
		return p.radius()
	}
	return p.radius() + ringWidth
}

// marks are the places from the largest to the smallest, and the room that each takes:
// as near to where it is as it can be without touching another.
func (m Map) marks(frame box, on func(point) point) (order []int, taken []box) {
	for i := range m.Places {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Places[b].Weight, m.Places[a].Weight) })
	for _, i := range order {
		r := m.Places[i].room()
		around := func(at point) box { return box{at[0] - r, at[1] - r, 2 * r, 2 * r} }
		b := around(on(m.Places[i].at()))
		for turn := 0; turn < 24*12 && (slices.ContainsFunc(taken, b.touches) || turn > 0 && !frame.holds(b)); turn++ {
			away, angle := 6*float64(turn/24+1), 2*math.Pi*float64(turn%24)/24
			at := on(m.Places[i].at())
			b = around(point{at[0] + away*math.Cos(angle), at[1] + away*math.Sin(angle)})
		}
		taken = append(taken, b)
	}
	return order, taken
}

// disc marks a place with its number, within a ring of its risks by level: clockwise
// from the top, the highest first.
func (m Map) disc(c *canvas, at point, i int) {
	if risks := m.Places[i].Risks; risks != nil {
		c.circle(at, m.Places[i].room(), style{fill: card, stroke: edge, width: 1.5})
		from := 0.0
		for level := High; level >= Low; level-- {
			if risks[level] > 0 {
				c.line(style{stroke: level.ink(), width: ringWidth}, arc(at, m.Places[i].radius()+ringWidth/2, from, from+risks[level])...)
			}
			from += risks[level]
		}
	}
	inside, text := style{fill: secondary, stroke: card, width: 1.5}, card
	if m.Places[i].Few {
		inside, text = style{fill: card, stroke: secondary, width: 1.5}, secondary
	}
	c.circle(at, m.Places[i].radius(), inside)
	c.write(font{size: 11, bold: true, ink: text}, strconv.Itoa(i+1), point{at[0], at[1] + 4}, middle, 60)
}

func (m Map) countries(c *canvas, view orb.Bound, on func(point) point) {
	beyond := view.Pad(max(view.Right()-view.Left(), view.Top()-view.Bottom()) / 50)
	var whole []orb.Ring
	for _, country := range m.World.countries {
		for _, r := range country.rings {
			if r.bound.Intersects(beyond) {
				whole = append(whole, project.Ring(r.within(beyond), on))
			}
		}
	}
	most := pointsPerUnit * (on(view.Max)[0] - on(view.Min)[0])
	var shown [][]point
	for away, points := detail, most+1; points > most; away *= 1.5 {
		shown, points = nil, 0
		for i := range whole {
			if whole[i] = simplify.DouglasPeucker(away).Ring(whole[i]); len(whole[i]) > 4 {
				open := whole[i][:len(whole[i])-1]
				shown, points = append(shown, open), points+float64(len(open))
			}
		}
	}
	c.areas(style{fill: land, stroke: coast, width: 0.8}, shown...)
}

// arc is a part of a circle, from and to as shares of the way around, clockwise from
// the top.
func arc(middle point, radius, from, to float64) []point {
	steps := int(math.Ceil((to - from) * 40))
	points := make([]point, steps+1)
	for i := range points {
		angle := 2 * math.Pi * (from + (to-from)*float64(i)/float64(steps))
		points[i] = point{middle[0] + radius*math.Sin(angle), middle[1] - radius*math.Cos(angle)}
	}
	return points
}

// names writes the names of countries where there is room, most visible country first,
// and returns the occupied areas.
func (m Map) names(c *canvas, frame box, view orb.Bound, on func(point) point, taken []box) []box {
	type shown struct {
		ring
		name string
	}
	var all []shown
	for _, country := range m.World.countries {
		if name := m.Name(country.code); name != "" && country.name.bound.Intersects(view) {
			all = append(all, shown{ringOf(country.name.within(view)), name})
		}
	}
	slices.SortStableFunc(all, func(a, b shown) int { return cmp.Compare(b.area, a.area) })
	for _, country := range all {
		width := countryFont.width(country.name)
		if room := on(country.bound.Max)[0] - on(country.bound.Min)[0]; room < width {
			continue
		}
		for _, candidate := range country.insides() {
			at := on(candidate)
			b := box{at[0] - width/2, at[1] - 11, width, 15}.grown(width*fontSlack/2, 2)
			if frame.holds(b) && !slices.ContainsFunc(taken, b.touches) {
				taken = append(taken, b)
				c.add(label{font: countryFont, text: plain(country.name), at: at, anchor: middle, halo: true})
				break
			}
		}
	}
	return taken
}

// towns writes the names of the largest towns with room next to their dots.
func (m Map) towns(c *canvas, frame box, on func(point) point, taken []box) {
	most := int(frame.w * frame.h / townRoom)
	for _, town := range m.World.towns {
		if most == 0 {
			break
		}
		at := on(town.at)
		dot := box{at[0] - 3, at[1] - 3, 6, 6}
		if !frame.holds(dot) {
			continue
		}
		width := townFont.width(town.name)
		for _, name := range []struct{ x, anchor float64 }{{5, left}, {-5, right}} {
			b := box{at[0] + name.x - width*name.anchor, at[1] - 7, width, 14}.grown(width*fontSlack/2, 2)
			if !frame.holds(b) || slices.ContainsFunc(taken, func(other box) bool { return b.touches(other) || dot.touches(other) }) {
				continue
			}
			taken, most = append(taken, b, dot), most-1
			c.group(place{class: "town", at: at}, func() {
				c.circle(point{}, 2, style{fill: muted})
				c.add(label{font: townFont, text: town.name, at: point{name.x, 4}, anchor: name.anchor, halo: true})
			})
			break
		}
	}
}

// view returns the visible area in the shape of the frame. A degree of longitude has
// its length at the middle latitude everywhere.
func (m Map) view(shape float64) orb.Bound {
	v := orb.Bound{Min: point{-180, -57}, Max: point{180, 84}}
	if !m.Whole && len(m.Places) > 0 {
		var places orb.MultiPoint
		for _, p := range m.Places {
			places = append(places, p.at())
		}
		v = places.Bound()
		for axis := range v.Min {
			span := v.Max[axis] - v.Min[axis]
			more := max(span*around, (smallSpan-span)/2, 1)
			v.Min[axis], v.Max[axis] = v.Min[axis]-more, v.Max[axis]+more
		}
		v.Min[1], v.Max[1] = max(v.Min[1], -60), min(v.Max[1], 84)
	}
	squeeze := max(math.Cos(v.Center()[1]*math.Pi/180), 0.3)
	wanted := shape / squeeze // degrees of longitude for one of latitude
	across, up := v.Max[0]-v.Min[0], v.Max[1]-v.Min[1]
	axis, more := 0, (up*wanted-across)/2
	if more <= 0 {
		axis, more = 1, (across/wanted-up)/2
	}
	v.Min[axis], v.Max[axis] = v.Min[axis]-more, v.Max[axis]+more
	return v
}
