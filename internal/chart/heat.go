// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "math"

// Heat is a map of risks: likelihood to the right, impact upwards, how many there
// are as number and colour.
type Heat struct {
	Unit          string      // of the values
	Across, Up    string      // names of the axes
	Columns, Rows []int       // values of the axes, the lowest first
	Values        [][]float64 // by row and column
	Max           float64     // of the colours
	Few           bool        // too few analyses: the cells are hollow
	// Zones are products of both axes. A line divides the cells up to one from those
	// above it.
	Zones []int
}

func (Heat) widths() []float64 { return []float64{narrow, medium} }

const (
	heatRow  = 34.0
	decimals = 26.0 // the width of a cell from which on its number has one
)

func (h Heat) draw(c *canvas, area box) float64 {
	y := area.y + h.legend(c, area)
	c.write(noteFont, h.Up+" ↑", point{area.x, y + 12}, left, area.w)
	y += 20
	sides := 0.0
	for _, value := range h.Rows {
		sides = max(sides, nameFont.width(c.Axis(float64(value))))
	}
	const below = 40
	rows := float64(len(h.Rows))
	cell := box{w: (area.w - sides - 8) / float64(len(h.Columns)), h: max(min(heatRow, 400/rows), min((area.h-(y-area.y)-below)/rows, 70))}
	plot := box{area.x + sides + 8, y, area.w - sides - 8, cell.h * rows}
	at := func(column, row int) box {
		return box{plot.x + float64(column)*cell.w, plot.bottom() - float64(row+1)*cell.h, cell.w, cell.h}
	}
	for row, values := range h.Values {
		for column, value := range values {
			// As the table has them: the highest impact first, its name before the values.
			c.group(place{row: len(h.Rows) - row, col: column + 2}, func() { h.cell(c, at(column, row), value) })
		}
	}
	h.axes(c, plot, cell)
	for n, zone := range h.Zones {
		h.zone(c, zone, zoneStyle(n), at)
	}
	c.write(noteFont, h.Across+" →", point{plot.right(), plot.bottom() + 34}, right, plot.w)
	return plot.bottom() + below - area.y
}

// cell leaves a little space around it. Its number is as small as it has to be.
func (h Heat) cell(c *canvas, at box, value float64) {
	area, on := h.color(value)
	c.rect(at.inset(0.75+area.width/2), area)
	if value <= 0 {
		return
	}
	number, least := math.Round(value*10)/10, 0.1
	if value >= 10 || at.w < decimals {
		number, least = math.Round(value), 1
	}
	text := c.Axis(number)
	if number == 0 {
		text = "<" + c.Axis(least)
	}
	f := font{size: 12, bold: true, ink: on}
	for f.size > 7 && f.width(text) > at.w-1 {
		f.size -= 0.5
		f.bold = f.size > 9
	}
	c.write(f, text, point{at.x + at.w/2, at.y + at.h/2 + f.size*0.36}, middle, at.w+1)
}

// color is one of the steps, and the text that can be read on it.
func (h Heat) color(value float64) (area style, text ink) {
	if value <= 0 || h.Max <= 0 {
		return style{fill: faint}, foreground
	}
	step := int(min(value/h.Max*heatSteps, heatSteps-1))
	area = style{fill: heatInk(step)}
	if h.Few {
		return area.hollow(2), foreground
	}
	return area, heatTextInk(step)
}

// axes names the values as far as they have room, and marks where the steps of an
// axis skip some: cells are all of one size.
func (h Heat) axes(c *canvas, plot, cell box) {
	every, across := func(size, needed float64) int { return max(int(math.Ceil(needed/size)), 1) }, 0.0
	f := font{size: min(12, max(cell.w*0.62, 8)), ink: foreground}
	for _, value := range h.Columns {
		across = max(across, f.width(c.Axis(float64(value))))
	}
	for i := 0; i < len(h.Columns); i += every(cell.w, across+1) {
		c.write(f, c.Axis(float64(h.Columns[i])), point{plot.x + (float64(i)+0.5)*cell.w, plot.bottom() + 15}, middle, across+4)
	}
	for i := 0; i < len(h.Rows); i += every(cell.h, nameFont.leading()) {
		c.write(nameFont, c.Axis(float64(h.Rows[i])), point{plot.x - 6, plot.bottom() - (float64(i)+0.5)*cell.h + 4.5}, right, 60)
	}
	broken := style{stroke: foreground, width: 1}
	for _, i := range skips(h.Columns) {
		x := plot.x + i*cell.w
		c.line(broken, point{x - 2.5, plot.bottom() + 6}, point{x + 0.5, plot.bottom() - 1})
		c.line(broken, point{x - 0.5, plot.bottom() + 6}, point{x + 2.5, plot.bottom() - 1})
	}
	for _, i := range skips(h.Rows) {
		y := plot.bottom() - i*cell.h
		c.line(broken, point{plot.x - 6, y + 2.5}, point{plot.x + 1, y - 0.5})
		c.line(broken, point{plot.x - 6, y + 0.5}, point{plot.x + 1, y - 2.5})
	}
}

// Uneven reports whether the steps of an axis skip values.
func (h Heat) Uneven() bool { return len(skips(h.Columns))+len(skips(h.Rows)) > 0 }

// skips are the steps before which values are skipped.
func skips(axis []int) (at []float64) {
	for i := 1; i < len(axis); i++ {
		if axis[i] != axis[i-1]+1 {
			at = append(at, float64(i))
		}
	}
	return at
}

func zoneStyle(n int) style {
	l := style{stroke: foreground, width: 2.5}
	if n == 0 {
		l = style{stroke: foreground, width: 1.5, dash: []float64{5, 3}}
	}
	return l
}

// zone draws the line between the cells up to a product and those above it.
func (h Heat) zone(c *canvas, zone int, l style, at func(column, row int) box) {
	above := func(column, row int) bool { return h.Columns[column]*h.Rows[row] > zone }
	var sides [][]point
	for row := range h.Rows {
		for column := range h.Columns {
			b := at(column, row)
			if column > 0 && above(column, row) != above(column-1, row) {
				sides = append(sides, []point{{b.x, b.y}, {b.x, b.bottom()}})
			}
			if row > 0 && above(column, row) != above(column, row-1) {
				sides = append(sides, []point{{b.x, b.bottom()}, {b.right(), b.bottom()}})
			}
		}
	}
	if len(sides) > 0 {
		c.add(shape{style: l, lines: sides})
	}
}

// legend shows the colours from none to the most, and the zones.
func (h Heat) legend(c *canvas, area box) float64 {
	keys := []key{{name: h.Unit + " · 0 – " + c.Number(h.Max), sample: func(c *canvas, at box) {
		for step := range heatSteps {
			c.rect(box{at.x + float64(step)*at.w/heatSteps, at.y + 3, at.w / heatSteps, at.h - 6}, style{fill: heatInk(step)})
		}
	}}}
	for n, zone := range h.Zones {
		keys = append(keys, key{name: "> " + c.Axis(float64(zone)), sample: func(c *canvas, at box) {
			c.line(zoneStyle(n), point{at.x, at.y + at.h/2}, point{at.right(), at.y + at.h/2})
		}})
	}
	return c.keys(area, keys)
}
