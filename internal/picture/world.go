package picture

import (
	"encoding/json"
	"fmt"
	"math"
)

// World is the outline of the countries.
type World struct {
	rings []ring
}

// ring is a closed line of longitudes and latitudes.
type ring struct {
	points                   [][2]float64
	west, south, east, north float64
}

// topology is TopoJSON as far as an outline needs it.
type topology struct {
	Transform struct {
		Scale, Translate [2]float64
	}
	Objects map[string]struct {
		Geometries []geometry
	}
	Arcs [][][2]float64
}

type geometry struct {
	Type string
	Arcs json.RawMessage
}

// ParseWorld reads the countries of a TopoJSON document, whose coordinates are
// quantized. The error says what is wrong with the document.
func ParseWorld(document []byte) (*World, error) {
	var t topology
	if err := json.Unmarshal(document, &t); err != nil {
		return nil, fmt.Errorf("read the outline of the world: %w", err)
	}
	arcs := t.positions()
	w := &World{}
	for _, country := range t.Objects["countries"].Geometries {
		polygons, err := country.polygons()
		if err != nil {
			return nil, fmt.Errorf("read the outline of the world: %w", err)
		}
		for _, polygon := range polygons {
			for _, indexes := range polygon {
				joined, err := join(arcs, indexes)
				if err != nil {
					return nil, err
				}
				w.add(ringOf(unwound(joined)))
			}
		}
	}
	return w, nil
}

// positions undoes the quantization of the arcs.
func (t topology) positions() [][][2]float64 {
	arcs := make([][][2]float64, len(t.Arcs))
	for i, arc := range t.Arcs {
		var x, y float64
		for _, step := range arc {
			x, y = x+step[0], y+step[1]
			arcs[i] = append(arcs[i], [2]float64{
				x*t.Transform.Scale[0] + t.Transform.Translate[0], y*t.Transform.Scale[1] + t.Transform.Translate[1],
			})
		}
	}
	return arcs
}

// polygons are lists of rings, which are lists of arcs.
func (g geometry) polygons() (polygons [][][]int, err error) {
	switch g.Type {
	case "Polygon":
		polygons = make([][][]int, 1)
		err = json.Unmarshal(g.Arcs, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(g.Arcs, &polygons)
	}
	return polygons, err
}

// join puts arcs one after the other; a negative index means backwards.
func join(arcs [][][2]float64, indexes []int) ([][2]float64, error) {
	var points [][2]float64
	for _, index := range indexes {
		backwards := index < 0
		if backwards {
			index = ^index
		}
		if index >= len(arcs) {
			return nil, fmt.Errorf("read the outline of the world: there is no arc %d", index)
		}
		arc := arcs[index]
		for i := range arc {
			if backwards {
				i = len(arc) - 1 - i
			}
			points = append(points, arc[i])
		}
	}
	return points, nil
}

// unwound keeps a ring in one piece that crosses the line where longitudes jump
// from 180 to -180: it then goes beyond one of them.
func unwound(points [][2]float64) [][2]float64 {
	turn := 0.0
	for i := range points {
		points[i][0] += turn
		if i == 0 {
			continue
		}
		switch jump := points[i][0] - points[i-1][0]; {
		case jump > 180:
			turn -= 360
			points[i][0] -= 360
		case jump < -180:
			turn += 360
			points[i][0] += 360
		}
	}
	return points
}

// add keeps a ring, and again on the other side what goes beyond one.
func (w *World) add(r ring) {
	w.rings = append(w.rings, r)
	if r.east > 180 {
		w.rings = append(w.rings, r.shifted(-360))
	}
	if r.west < -180 {
		w.rings = append(w.rings, r.shifted(360))
	}
}

func (r ring) shifted(degrees float64) ring {
	points := make([][2]float64, len(r.points))
	for i, at := range r.points {
		points[i] = [2]float64{at[0] + degrees, at[1]}
	}
	return ringOf(points)
}

func ringOf(points [][2]float64) ring {
	r := ring{points: points, west: math.Inf(1), south: 90, east: math.Inf(-1), north: -90}
	for _, at := range points {
		r.west, r.east = min(r.west, at[0]), max(r.east, at[0])
		r.south, r.north = min(r.south, at[1]), max(r.north, at[1])
	}
	return r
}

// bounds is an area of the world, in degrees.
type bounds struct{ west, south, east, north float64 }

func (r ring) touches(b bounds) bool {
	return r.west <= b.east && r.east >= b.west && r.south <= b.north && r.north >= b.south
}

// within cuts a ring at the edges of an area, one edge after the other.
func (r ring) within(b bounds) [][2]float64 {
	points := r.points
	for _, edge := range []struct {
		axis, sign int
		limit      float64
	}{{0, 1, b.west}, {0, -1, b.east}, {1, 1, b.south}, {1, -1, b.north}} {
		points = cut(points, edge.axis, float64(edge.sign), edge.limit)
	}
	return points
}

// cut leaves the part of a polygon on one side of a line.
func cut(points [][2]float64, axis int, sign, limit float64) [][2]float64 {
	inside := func(at [2]float64) bool { return (at[axis]-limit)*sign >= 0 }
	var kept [][2]float64
	for i, at := range points {
		before := points[(i+len(points)-1)%len(points)]
		if inside(at) != inside(before) {
			share := (limit - before[axis]) / (at[axis] - before[axis])
			var crossing [2]float64
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
