package picture

import (
	"image/color"
	"math"
)

// Level is one of the three levels of risk that MONARC knows.
type Level int

// The levels of risk.
const (
	Low Level = iota
	Medium
	High
)

// levelColors are the hues that MONARC users know.
var levelColors = [...]color.RGBA{
	Low: rgb(0xd6f107), Medium: rgb(0xffbc1c), High: rgb(0xfd661f),
}

// hatch paints a colour with a pattern, so that nothing hangs on the colour. It
// is a gg.Pattern.
type hatch struct {
	ground, pattern color.RGBA
	level           Level
	scale           float64
}

// levelHatch is how the bar of a level looks; residual risks at half strength.
func (p *pen) levelHatch(level Level, residual bool) hatch {
	ground, strength := levelColors[level], 0.34
	if residual {
		ground, strength = mix(p.card, ground, 0.5), 0.2
	}
	return hatch{ground: ground, pattern: mix(ground, color.RGBA{A: 0xff}, strength), level: level, scale: p.scale}
}

// ColorAt implements gg.Pattern.
func (h hatch) ColorAt(x, y int) color.Color {
	across, down := (float64(x)+0.5)/h.scale, (float64(y)+0.5)/h.scale
	switch h.level {
	case High:
		return h.stripe((across+down)/math.Sqrt2, 7, 2)
	case Medium:
		return h.stripe((across-down)/math.Sqrt2, 9, 1.2)
	}
	return h.dot(across, down)
}

// stripe is the colour at a distance across stripes.
func (h hatch) stripe(at, period, thick float64) color.Color {
	from := math.Mod(math.Mod(at, period)+period, period)
	return h.covered((thick/2 - math.Abs(from-period/2)) * h.scale)
}

// dot is the colour in a grid of dots, every other row of which is shifted.
func (h hatch) dot(across, down float64) color.Color {
	const period, radius = 7.0, 1.3
	if row := math.Floor(down / period); math.Mod(row, 2) != 0 {
		across += period / 2
	}
	x, y := math.Mod(across, period)-period/2, math.Mod(down, period)-period/2
	return h.covered((radius - math.Hypot(x, y)) * h.scale)
}

// covered mixes the colours for a pixel so many pixels within the pattern.
func (h hatch) covered(inside float64) color.Color {
	return mix(h.ground, h.pattern, min(max(inside+0.5, 0), 1))
}
