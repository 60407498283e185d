package picture

import "math"

// legendRow is the height of a line of a legend, in units.
const legendRow = 20.0

var legendText = style{size: 12.5}

// entry is a line of a legend.
type entry struct {
	name   string
	swatch func(p *pen, area box)
}

// swatchWidth is the room for the sample before a name.
const swatchWidth = 38.0

// legend arranges entries in columns of the same width.
type legend struct {
	entries []entry
	column  float64 // width
	rows    int
}

// legendOf gives each name the room that it needs, as far as there is room.
func legendOf(p *pen, entries []entry, width float64) legend {
	longestName := 0.0
	for _, e := range entries {
		longestName = max(longestName, p.width(legendText, e.name))
	}
	each := longestName + swatchWidth + 22
	if each > width/2 && width >= wide {
		each = width / 2
	}
	columns := max(1, min(int(width/each), len(entries)))
	return legend{entries, min(each, width), (len(entries) + columns - 1) / columns}
}

func (l legend) height() float64 { return float64(l.rows) * legendRow }

// draw fills the columns one after the other, so that the order is easy to follow.
func (l legend) draw(p *pen, area box) {
	for i, e := range l.entries {
		x := area.x + math.Floor(float64(i)/float64(l.rows))*l.column
		y := area.y + float64(i%l.rows)*legendRow
		if e.swatch != nil {
			e.swatch(p, box{x, y, swatchWidth - 8, legendRow})
		}
		p.write(legendText.in(p.ink), e.name, x+swatchWidth, y+14, left, l.column-swatchWidth-10)
	}
}
