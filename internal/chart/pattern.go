// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"image/color"
	"math"
)

// pattern distinguishes areas in addition to colour, so that nothing depends on colour
// alone.
type pattern int

const (
	plainFill pattern = iota
	dots
	thinStripes
	stripes
)

// tiles are the patterns as they repeat, along the diagonals but for the dots.
var tiles = map[pattern]struct {
	size, thick float64
	turn        string
}{dots: {6, 1.2, "0"}, thinStripes: {9, 1.2, "-45"}, stripes: {7, 2, "45"}}

// strength of a pattern over its colour.
const strength = 0.3

func (p pattern) svg(w *svgWriter, n int, fill ink) {
	t := tiles[p]
	size, thick := digits(t.size), digits(t.thick)
	b := `<pattern id="` + escaped(w.id) + "-p" + digits(float64(n)) + `" width="` + size + `" height="` + size +
		`" patternUnits="userSpaceOnUse" patternTransform="rotate(` + t.turn + `)"><rect width="` + size + `" height="` + size +
		`" fill="` + w.color(fill) + `"/>`
	if p == dots {
		b += `<circle cx="3" cy="3" r="` + thick + `" fill="#000" fill-opacity="0.3"/>`
	} else {
		b += `<rect width="` + size + `" height="` + thick + `" fill="#000" fill-opacity="0.3"/>`
	}
	w.b.WriteString(b + "</pattern>")
}

// hatch is a pattern on a colour in an image. It is a gg.Pattern.
type hatch struct {
	pattern pattern
	ground  color.RGBA
	scale   float64
}

// ColorAt implements gg.Pattern.
func (h hatch) ColorAt(x, y int) color.Color {
	across, down := (float64(x)+0.5)/h.scale, (float64(y)+0.5)/h.scale
	t, outside := tiles[h.pattern], 0.0 // how far from the pattern, in units
	switch h.pattern {
	case dots:
		outside = math.Hypot(math.Mod(across, t.size)-t.size/2, math.Mod(down, t.size)-t.size/2) - t.thick
	case thinStripes:
		outside = math.Abs(math.Mod((across+down)/math.Sqrt2, t.size)-t.size/2) - t.thick/2
	default:
		outside = math.Abs(math.Mod((down-across)/math.Sqrt2+1e4*t.size, t.size)-t.size/2) - t.thick/2
	}
	return mix(h.ground, color.RGBA{A: 0xff}, strength*min(max(0.5-outside*h.scale, 0), 1))
}
