package chart

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Map shows places on the outline of the world, with their numbers.
type Map struct {
	World  *World
	Whole  bool                     // shows all of it, instead of what is around the places
	Name   func(code string) string // of a country
	Places []Place                  // in the order of their numbers
}

// Place is a point on the map.
type Place struct {
	Latitude, Longitude float64
	Weight              int // decides the size
}

const (
	around    = 0.35 // what is shown around the places, as a share of their span
	smallSpan = 5.0  // degrees that are shown at least
	// Units that lines may be away from where they should be, unless the outline then
	// has more points, for each unit of width, than a page can carry.
	detail, pointsPerUnit = 0.4, 6.0
)

func (Map) widths() []float64 { return []float64{narrow, roomy, wide} }

func (m Map) draw(c *canvas, area box) float64 {
	sheet := box{area.x, area.y, area.w, min(max(area.w*0.5, min(area.w, 320)), 480)}
	view := m.view(sheet.w / sheet.h)
	on := func(at point) point {
		return point{
			sheet.x + (at[0]-view.west)/(view.east-view.west)*sheet.w,
			sheet.y + (view.north-at[1])/(view.north-view.south)*sheet.h,
		}
	}
	marks, taken := m.marks(sheet, on)
	c.group(place{class: "sheet", clip: sheet}, func() {
		c.rect(sheet, look{fill: sea})
		m.countries(c, view, on)
		m.names(c, sheet, on, taken)
		for n, i := range marks {
			at, shown := on(m.Places[i].at()), taken[n].center()
			if shown != at {
				c.line(look{stroke: foreground, width: 1}, at, shown)
				c.circle(at, 2, look{fill: foreground})
			}
			c.group(place{class: "mark", row: i + 1, at: shown}, func() { m.disc(c, point{}, i) })
		}
	})
	return sheet.h
}

func (p Place) at() point { return point{p.Longitude, p.Latitude} }

func (p Place) radius() float64 { return min(9+2.6*math.Sqrt(float64(max(p.Weight-1, 0))), 34) }

// marks are the places from the largest to the smallest, and the room that each takes:
// as near to where it is as it can be without touching another.
func (m Map) marks(sheet box, on func(point) point) (order []int, taken []box) {
	for i := range m.Places {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Places[b].Weight, m.Places[a].Weight) })
	for _, i := range order {
		r := m.Places[i].radius()
		around := func(at point) box { return box{at[0] - r, at[1] - r, 2 * r, 2 * r} }
		b := around(on(m.Places[i].at()))
		for turn := 0; turn < 24*12 && (slices.ContainsFunc(taken, b.touches) || turn > 0 && !sheet.holds(b)); turn++ {
			away, angle := 6*float64(turn/24+1), 2*math.Pi*float64(turn%24)/24
			at := on(m.Places[i].at())
			b = around(point{at[0] + away*math.Cos(angle), at[1] + away*math.Sin(angle)})
		}
		taken = append(taken, b)
	}
	return order, taken
}

// disc marks a place with its number.
func (m Map) disc(c *canvas, at point, i int) {
	c.circle(at, m.Places[i].radius(), look{fill: series + 1, stroke: card, width: 1.5})
	c.write(font{size: 11, bold: true, ink: card}, strconv.Itoa(i+1), point{at[0], at[1] + 4}, middle, 60)
}

func (m Map) countries(c *canvas, view bounds, on func(point) point) {
	more := max(view.east-view.west, view.north-view.south) / 50
	beyond := bounds{view.west - more, view.south - more, view.east + more, view.north + more}
	var whole [][]point
	for _, country := range m.World.countries {
		for _, r := range country.rings {
			if !r.touches(beyond) {
				continue
			}
			shown := r.within(beyond)
			for i := range shown {
				shown[i] = on(shown[i])
			}
			whole = append(whole, shown)
		}
	}
	most := pointsPerUnit * (on(point{view.east, 0})[0] - on(point{view.west, 0})[0])
	for away := detail; ; away *= 1.5 {
		var rings [][]point
		points := 0
		for _, r := range whole {
			if r = simplified(r, away); len(r) > 3 {
				rings, points = append(rings, r), points+len(r)
			}
		}
		if whole = rings; float64(points) <= most {
			break
		}
	}
	c.areas(look{fill: land, stroke: coast, width: 0.8}, whole...)
}

// names writes the countries that have the room, the largest first.
func (m Map) names(c *canvas, sheet box, on func(point) point, taken []box) {
	for _, country := range slices.SortedFunc(slices.Values(m.World.countries), func(a, b country) int {
		return cmp.Compare(b.name.area, a.name.area)
	}) {
		name := m.Name(country.code)
		at, width := on(country.name.center), noteFont.width(name)
		room := on(point{country.name.east, 0})[0] - on(point{country.name.west, 0})[0]
		b := box{at[0] - width/2, at[1] - 11, width, 15}
		if name == "" || !sheet.holds(b) || room < width || slices.ContainsFunc(taken, b.touches) {
			continue
		}
		taken = append(taken, b)
		c.write(noteFont, name, at, middle, width+1)
	}
}

// view is what the sheet shows, in its shape. A degree of longitude is as long as it
// is in the middle.
func (m Map) view(shape float64) bounds {
	v := bounds{-180, -57, 180, 84}
	if !m.Whole && len(m.Places) > 0 {
		v.west, v.east = m.span(0)
		v.south, v.north = m.span(1)
		v.south, v.north = max(v.south, -60), min(v.north, 84)
	}
	squeeze := max(math.Cos((v.south+v.north)/2*math.Pi/180), 0.3)
	wanted := shape / squeeze // degrees of longitude for one of latitude
	across, up := v.east-v.west, v.north-v.south
	if more := (up*wanted - across) / 2; more > 0 {
		v.west, v.east = v.west-more, v.east+more
		return v
	}
	more := (across/wanted - up) / 2
	v.south, v.north = v.south-more, v.north+more
	return v
}

func (m Map) span(axis int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range m.Places {
		low, high = min(low, p.at()[axis]), max(high, p.at()[axis])
	}
	more := max((high-low)*around, (smallSpan-(high-low))/2, 1)
	return low - more, high + more
}
