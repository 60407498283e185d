// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/clip"
	"github.com/paulmach/orb/planar"
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
// name can stand: its largest ring.
type country struct {
	code  string
	rings []ring
	name  ring
}

// ring is a closed line, whose last point is the first one.
type ring struct {
	orb.Ring
	bound  orb.Bound
	center point
	area   float64
}

func ringOf(closed orb.Ring) ring {
	center, area := planar.CentroidArea(closed)
	return ring{closed, closed.Bound(), center, math.Abs(area)}
}

// within cuts a ring at the edges of an area.
func (r ring) within(area orb.Bound) orb.Ring { return clip.Ring(area, slices.Clone(r.Ring)) }

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
			var closed orb.Ring
			var x, y float64
			for i := 0; i+1 < len(steps); i += 2 {
				x, y = x+steps[i], y+steps[i+1]
				closed = append(closed, onGrid(x, y, from.Grid))
			}
			if len(closed) == 0 {
				continue
			}
			r := ringOf(append(closed, closed[0]))
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

// insides returns points within a ring for a name, those nearest to its middle first.
func (r ring) insides() []point {
	const steps = 8
	candidates, size := []point{r.center}, point{r.bound.Right() - r.bound.Left(), r.bound.Top() - r.bound.Bottom()}
	for i := 1.0; i < steps; i++ {
		for j := 1.0; j < steps; j++ {
			candidates = append(candidates, point{r.bound.Left() + size[0]*i/steps, r.bound.Bottom() + size[1]*j/steps})
		}
	}
	inside := slices.DeleteFunc(candidates, func(at point) bool { return !planar.RingContains(r.Ring, at) })
	away := func(at point) float64 { return math.Hypot((at[0]-r.center[0])/size[0], (at[1]-r.center[1])/size[1]) }
	slices.SortStableFunc(inside, func(a, b point) int { return cmp.Compare(away(a), away(b)) })
	return inside
}
