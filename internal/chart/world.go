// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// World is the outline of the countries, and their larger towns.
type World struct {
	countries []country
	towns     []town // the largest first
}

type town struct {
	name string
	at   point
}

// country has its ISO code, its rings of longitudes and latitudes, and where its
// name can stand: the middle of its largest ring.
type country struct {
	code  string
	rings []ring
	name  ring
}

// ring is a closed line.
type ring struct {
	points []point
	bounds
	area   float64
	center point
}

// bounds is a part of the world, in degrees.
type bounds struct{ west, south, east, north float64 }

func (b bounds) touches(o bounds) bool {
	return b.west <= o.east && b.east >= o.west && b.south <= o.north && b.north >= o.south
}

// ParseWorld reads an outline that vendored/world.mjs of the dashboard has made.
func ParseWorld(document []byte) (*World, error) {
	var from struct {
		Grid      float64
		Countries []struct {
			Code  string
			Rings [][]float64
		}
		Towns struct {
			Names []string
			At    []float64
		}
	}
	if err := json.Unmarshal(document, &from); err != nil {
		return nil, fmt.Errorf("read the outline of the world: %w", err)
	}
	w := &World{}
	for _, c := range from.Countries {
		one := country{code: c.Code}
		for _, steps := range c.Rings {
			var points []point
			var x, y float64
			for i := 0; i+1 < len(steps); i += 2 {
				x, y = x+steps[i], y+steps[i+1]
				points = append(points, onGrid(x, y, from.Grid))
			}
			r := ringOf(points)
			if one.rings = append(one.rings, r); r.area > one.name.area {
				one.name = r
			}
		}
		w.countries = append(w.countries, one)
	}
	if len(from.Towns.At) != 2*len(from.Towns.Names) {
		return nil, fmt.Errorf("read the outline of the world: %d towns have %d coordinates", len(from.Towns.Names), len(from.Towns.At))
	}
	for i, name := range from.Towns.Names {
		w.towns = append(w.towns, town{name, onGrid(from.Towns.At[2*i], from.Towns.At[2*i+1], from.Grid)})
	}
	return w, nil
}

// onGrid returns the longitude and latitude of a point on a grid with steps steps
// around the world.
func onGrid(x, y, steps float64) point { return point{x/steps*360 - 180, 90 - y/steps*360} }

func ringOf(points []point) ring {
	r := ring{points: points, bounds: bounds{math.Inf(1), 90, math.Inf(-1), -90}}
	sum, x, y := 0.0, 0.0, 0.0
	for i, at := range points {
		r.west, r.east = min(r.west, at[0]), max(r.east, at[0])
		r.south, r.north = min(r.south, at[1]), max(r.north, at[1])
		before := points[(i+len(points)-1)%len(points)]
		cross := before[0]*at[1] - at[0]*before[1]
		sum, x, y = sum+cross, x+(before[0]+at[0])*cross, y+(before[1]+at[1])*cross
	}
	if r.area = math.Abs(sum / 2); sum != 0 {
		r.center = point{x / sum / 3, y / sum / 3}
	}
	return r
}

// insides returns points within a ring for a name, those nearest to its middle first.
func (r ring) insides() []point {
	const steps = 8
	var points []point
	if r.holds(r.center) {
		points = append(points, r.center)
	}
	for i := 1; i < steps; i++ {
		for j := 1; j < steps; j++ {
			at := point{r.west + (r.east-r.west)*float64(i)/steps, r.south + (r.north-r.south)*float64(j)/steps}
			if r.holds(at) {
				points = append(points, at)
			}
		}
	}
	away := func(at point) float64 {
		return math.Hypot((at[0]-r.center[0])/(r.east-r.west), (at[1]-r.center[1])/(r.north-r.south))
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(away(a), away(b)) })
	return points
}

// holds reports whether a point is within a ring: a line from there to the east then
// crosses its edge an odd number of times.
func (r ring) holds(at point) bool {
	inside := false
	for i, to := range r.points {
		from := r.points[(i+len(r.points)-1)%len(r.points)]
		if (from[1] > at[1]) != (to[1] > at[1]) && at[0] < (to[0]-from[0])*(at[1]-from[1])/(to[1]-from[1])+from[0] {
			inside = !inside
		}
	}
	return inside
}

// within cuts a ring at the edges of an area, one edge after the other.
func (r ring) within(b bounds) []point {
	points := r.points
	for _, edge := range []struct {
		axis  int
		sign  float64
		limit float64
	}{{0, 1, b.west}, {0, -1, b.east}, {1, 1, b.south}, {1, -1, b.north}} {
		points = cut(points, edge.axis, edge.sign, edge.limit)
	}
	return points
}

// cut leaves the part of a polygon on one side of a line.
func cut(points []point, axis int, sign, limit float64) (kept []point) {
	inside := func(at point) bool { return (at[axis]-limit)*sign >= 0 }
	for i, at := range points {
		before := points[(i+len(points)-1)%len(points)]
		if inside(at) != inside(before) {
			share := (limit - before[axis]) / (at[axis] - before[axis])
			crossing := point{}
			crossing[axis] = limit
			crossing[1-axis] = before[1-axis] + (at[1-axis]-before[1-axis])*share
			kept = append(kept, crossing)
		}
		if inside(at) {
			kept = append(kept, at)
		}
	}
	return kept
}

// simplified leaves out the points that are no further than a distance from the line
// between those that stay (Ramer, Douglas and Peucker).
func simplified(points []point, distance float64) []point {
	if len(points) < 3 {
		return points
	}
	first, last := points[0], points[len(points)-1]
	farthest, at := 0.0, 0
	length := math.Hypot(last[0]-first[0], last[1]-first[1])
	for i, p := range points {
		away := math.Hypot(p[0]-first[0], p[1]-first[1])
		if length > 0 {
			away = math.Abs((last[0]-first[0])*(p[1]-first[1])-(last[1]-first[1])*(p[0]-first[0])) / length
		}
		if away > farthest {
			farthest, at = away, i
		}
	}
	if farthest <= distance {
		return []point{first, last}
	}
	head := simplified(points[:at+1], distance)
	return append(head[:len(head)-1:len(head)-1], simplified(points[at:], distance)...)
}
