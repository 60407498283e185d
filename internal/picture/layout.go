package picture

import (
	"image/color"
	"math"
)

// All of these are in units, of which a picture of 800 pixels has one a pixel.
// Wider pictures show the same in more detail; narrower ones have less room.
const (
	unitsAcross = 800
	padding     = 22.0
	gap         = 20.0 // between panels
	wide        = 640  // from here on panels stand side by side
)

// tallest is how many pixels a picture may be high that no height is asked of.
const tallest = 4800

// smallest is the least scale at which letters can still be told apart. What
// does not fit then makes the picture higher than it was asked for.
const smallest = 0.5

// layout is where the parts of a picture go.
type layout struct {
	pen           *pen
	width, height int // in pixels

	title, subtitle, period []line
	nothingLines            []line
	foot                    [][]line

	panels   []box // with their titles
	footerAt float64
}

var (
	titleSize    = style{size: 19, bold: true}
	subtitleSize = style{size: 13}
	panelSize    = style{size: 15, bold: true}
	nothingSize  = style{size: 16}
	footSize     = style{size: 11.5}
)

// layout finds the largest scale at which everything has room.
func (p Picture) layout(t *typesetter) *layout {
	colors := light
	if p.Dark {
		colors = dark
	}
	allowed := p.Height
	if allowed == 0 {
		allowed = tallest
	}
	scale := max(float64(p.Width)/unitsAcross, 1)
	for {
		l := &layout{pen: &pen{look: colors, format: p.Format, scale: scale, text: t, tight: p.Height > 0}, width: p.Width}
		needed := l.arrange(p)
		if needed*scale <= float64(allowed) || scale <= smallest {
			l.height = max(p.Height, min(int(math.Ceil(needed*scale)), 2*tallest))
			l.fill(float64(l.height)/scale - needed)
			return l
		}
		scale = max(scale*0.94, smallest)
	}
}

// inner is the width between the edges.
func (l *layout) inner() float64 { return float64(l.width)/l.pen.scale - 2*padding }

// arrange puts the parts below each other and returns the height that they need.
func (l *layout) arrange(p Picture) float64 {
	l.title = l.pen.wrap(titleSize, p.Title, l.inner(), 2)
	l.subtitle = l.pen.wrap(subtitleSize, p.Subtitle, l.inner(), 3)
	l.period = l.pen.wrap(subtitleSize, p.Period, l.inner(), 2)
	y := padding + float64(len(l.title))*titleSize.lineHeight() +
		float64(len(l.subtitle)+len(l.period))*subtitleSize.lineHeight() + 16
	if len(p.Panels) == 0 {
		l.nothingLines = l.pen.wrap(nothingSize, p.Nothing, min(l.inner(), 520), 6)
		y += max(float64(len(l.nothingLines))*nothingSize.lineHeight()+80, 160)
	}
	y = l.arrangePanels(p.Panels, y)
	l.footerAt = y
	for _, text := range p.Footer {
		lines := l.pen.wrap(footSize, text, l.inner(), 3)
		l.foot = append(l.foot, lines)
		y += float64(len(lines)) * footSize.lineHeight()
	}
	return y + 12 + padding*0.7
}

func (l *layout) arrangePanels(panels []Panel, y float64) float64 {
	columns := 1
	if len(panels) > 1 && l.inner() >= wide {
		columns = 2
	}
	width := (l.inner() - float64(columns-1)*gap) / float64(columns)
	for at := 0; at < len(panels); at += columns {
		row := panels[at:min(at+columns, len(panels))]
		height := 0.0
		for _, panel := range row {
			height = max(height, panel.Chart.height(l.pen, width)+panel.titleHeight())
		}
		for i := range row {
			l.panels = append(l.panels, box{padding + float64(i)*(width+gap), y, width, height})
		}
		y += height + gap
	}
	return y
}

func (p Panel) titleHeight() float64 {
	if p.Title == "" {
		return 0
	}
	return panelSize.lineHeight() + 8
}

// fill gives what height is left over to the panels, row by row.
func (l *layout) fill(extra float64) {
	l.footerAt += extra
	if len(l.panels) == 0 || extra <= 0 {
		return
	}
	rows := 1
	for i := 1; i < len(l.panels); i++ {
		if l.panels[i].y > l.panels[i-1].y {
			rows++
		}
	}
	each, row, last := extra/float64(rows), 0, l.panels[0].y
	for i := range l.panels {
		if l.panels[i].y > last {
			row, last = row+1, l.panels[i].y
		}
		l.panels[i].y += float64(row) * each
		l.panels[i].h += each
	}
}

func (l *layout) header() {
	y := padding
	pen := l.pen
	y = pen.paragraph(titleSize.in(pen.ink), l.title, padding, y, left)
	y = pen.paragraph(subtitleSize.in(pen.muted), l.subtitle, padding, y+3, left)
	pen.paragraph(subtitleSize.in(pen.ink), l.period, padding, y, left)
}

func (l *layout) panel(p Picture, i int) {
	panel, area := p.Panels[i], l.panels[i]
	if above := panel.titleHeight(); above > 0 {
		l.pen.write(panelSize.in(l.pen.ink), panel.Title, area.x, area.y+panelSize.size, left, area.w)
		area.y, area.h = area.y+above, area.h-above
	}
	panel.Chart.draw(l.pen, area)
}

// nothing says in the middle of an empty picture why it is empty.
func (l *layout) nothing(p Picture) {
	if len(p.Panels) > 0 {
		return
	}
	above := padding + float64(len(l.title)+1)*titleSize.lineHeight() + float64(len(l.subtitle)+len(l.period))*subtitleSize.lineHeight()
	area := box{padding, above, l.inner(), l.footerAt - above - gap}
	l.pen.fill(area, l.pen.faint)
	y := area.y + (area.h-float64(len(l.nothingLines))*nothingSize.lineHeight())/2
	l.pen.paragraph(nothingSize.in(l.pen.muted), l.nothingLines, area.x+area.w/2, y, middle)
}

func (l *layout) footer() {
	pen, y := l.pen, l.footerAt
	pen.rule(padding, y-4, padding+l.inner(), y-4, pen.look.rule)
	y += 5
	for _, lines := range l.foot {
		y = pen.paragraph(footSize.in(pen.muted), lines, padding, y, left)
	}
}

// in is the style in a colour.
func (s style) in(c color.RGBA) style {
	s.color = c
	return s
}
