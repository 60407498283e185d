// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"math"
	"slices"
)

// Spark is a small line without axes: where a figure comes from.
type Spark struct {
	Values []*float64 // one a step; nil: nothing is known
}

const sparkHeight = 36.0

func (Spark) widths() []float64 { return []float64{small} }

func (s Spark) draw(c *canvas, area box) float64 {
	low, high := extent(math.Inf(1), math.Inf(-1), s.Values...)
	if high <= low {
		low, high = low-1, high+1
	}
	inside := box{area.x, area.y, area.w, sparkHeight}.inset(4)
	joined := slices.Repeat([]bool{true}, len(s.Values))
	drawn := pieces(s.Values, joined, func(step int, value float64) point {
		return point{inside.x + inside.w*float64(step)/float64(max(len(s.Values)-1, 1)), inside.bottom() - inside.h*(value-low)/(high-low)}
	})
	c.line(style{stroke: rule, width: 1}, point{inside.x, inside.bottom() + 3}, point{inside.right(), inside.bottom() + 3})
	for i, piece := range drawn {
		if len(piece) > 1 {
			c.line(style{stroke: accent, width: 2}, piece...)
		}
		if i == len(drawn)-1 {
			c.circle(piece[len(piece)-1], 3, style{fill: accent})
		}
	}
	return sparkHeight
}
