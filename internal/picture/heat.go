package picture

import (
	"image/color"
	"math"
)

// Heat is a map of risks: likelihood to the right, impact upwards, how many
// there are as number and colour.
type Heat struct {
	Unit          string   // of the values
	Across, Up    string   // names of the axes
	Columns, Rows []string // values of the axes, the lowest first
	Cells         []Cell
	Max           float64 // of the colours
}

// Cell is a value at a column and a row.
type Cell struct {
	Column, Row int
	Value       float64
}

const (
	heatRow   = 40.0
	heatSteps = 6
	heatLeft  = 56.0 // the name and the values of the vertical axis
	heatBelow = 44.0
	heatKey   = 26.0 // the legend, above
)

func (h Heat) height(p *pen, _ float64) float64 {
	return heatKey + 8 + p.least(min(max(heatRow*float64(len(h.Rows)), 150), 480), 0.6) + heatBelow
}

func (h Heat) draw(p *pen, area box) {
	h.legend(p, area)
	plot := box{area.x + heatLeft, area.y + heatKey + 8, area.w - heatLeft, area.h - heatKey - 8 - heatBelow}
	w, ht := plot.w/float64(len(h.Columns)), plot.h/float64(len(h.Rows))
	for _, cell := range h.Cells {
		at := box{plot.x + float64(cell.Column)*w, plot.bottom() - float64(cell.Row+1)*ht, w, ht}
		h.cell(p, at, cell.Value)
	}
	h.rows(p, plot, ht)
	h.columns(p, plot, w)
}

// cell leaves a little space around it, and its number out where it has no room.
func (h Heat) cell(p *pen, at box, value float64) {
	fill := h.color(p, value)
	p.fill(box{at.x + 1, at.y + 1, at.w - 2, at.h - 2}, fill)
	if value < 0.05 {
		return
	}
	number := math.Round(value)
	if value < 10 {
		number = math.Round(value*10) / 10
	}
	s := style{size: min(13, at.h*0.62), bold: true, color: contrast(fill)}
	text := p.format.Axis(number)
	if s.size >= 7 && p.width(s, text) <= at.w-4 {
		p.write(s, text, at.x+at.w/2, at.y+at.h/2+s.size*0.36, middle, at.w)
	}
}

func (h Heat) color(p *pen, value float64) color.RGBA {
	if value <= 0 || h.Max <= 0 {
		return p.faint
	}
	step := min(math.Floor(value/h.Max*heatSteps), heatSteps-1)
	return mix(p.heat[0], p.heat[1], step/(heatSteps-1))
}

// rows names the values as far as they have room.
func (h Heat) rows(p *pen, plot box, row float64) {
	s := axisText.in(p.ink)
	every := max(int(math.Ceil(s.lineHeight()/row)), 1)
	for i := 0; i < len(h.Rows); i += every {
		p.write(s, h.Rows[i], plot.x-9, plot.bottom()-(float64(i)+0.5)*row+s.size*0.36, right, 30)
	}
	p.writeUp(axisText.in(p.muted), h.Up, plot.x-heatLeft+12, plot.y+plot.h/2, plot.h)
}

// columns names the values as far as they have room.
func (h Heat) columns(p *pen, plot box, column float64) {
	widest := 0.0
	for _, name := range h.Columns {
		widest = max(widest, p.width(axisText, name))
	}
	every := max(int(math.Ceil((widest+4)/column)), 1)
	for i := 0; i < len(h.Columns); i += every {
		p.write(axisText.in(p.ink), h.Columns[i], plot.x+(float64(i)+0.5)*column, plot.bottom()+17, middle, widest+4)
	}
	p.write(axisText.in(p.muted), h.Across, plot.x+plot.w/2, plot.bottom()+36, middle, plot.w)
}

// legend shows the colours from none to the most.
func (h Heat) legend(p *pen, area box) {
	const high = 13.0
	x, each := area.x, min(area.w/20, 24)
	put := func(text string) {
		p.write(legendText.in(p.ink), text, x, area.y+12.5, left, area.right()-x)
		x += p.width(legendText, text) + 8
	}
	put("0")
	for step := range heatSteps {
		at := box{x, area.y + 1, each, high}
		p.fill(at, mix(p.heat[0], p.heat[1], float64(step)/(heatSteps-1)))
		p.frame(at, stroke{color: p.look.rule, width: 1})
		x += each
	}
	x += 8
	put(p.format.Number(h.Max))
	x += 4
	p.write(legendText.in(p.muted), h.Unit, x, area.y+12.5, left, area.right()-x)
}

// writeUp draws a text upwards, about y.
func (p *pen) writeUp(s style, text string, x, y, width float64) {
	p.dc.Push()
	p.dc.RotateAbout(-math.Pi/2, x*p.scale, y*p.scale)
	p.write(s, text, x, y, middle, width)
	p.dc.Pop()
}
