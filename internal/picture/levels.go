package picture

// Levels compares the risks of each level, current above residual.
type Levels struct {
	Unit              string // of the values
	Current, Residual string // names of the states
	Items             []LevelBars
}

// LevelBars are the figures of one level; nil: nothing is known.
type LevelBars struct {
	Level             Level
	Label             string
	Current, Residual *float64
}

const (
	levelRow  = 74.0 // height of both bars of a level
	levelBar  = 26.0
	axisBelow = 44.0 // height of the numbers and the name of an axis
)

var (
	levelLabel = style{size: 15, bold: true}
	levelValue = style{size: 13, bold: true}
	axisText   = style{size: 12}
)

func (l Levels) height(p *pen, _ float64) float64 {
	return legendRow + 8 + float64(len(l.Items))*p.least(levelRow, 0.7) + axisBelow
}

func (l Levels) draw(p *pen, area box) {
	l.legend(p, area)
	bars := l.plot(p, area)
	axis := l.scale(int(bars.w / 110))
	p.axisBelow(bars, axis, l.Unit, p.format.Axis)
	row := bars.h / float64(len(l.Items))
	thick := min(levelBar*row/levelRow, 44)
	for i, item := range l.Items {
		y := bars.y + float64(i)*row + (row-2*thick-4)/2
		p.write(levelLabel.in(p.ink), item.Label, bars.x-12, y+thick+7, right, bars.x-12-area.x)
		l.bar(p, box{bars.x, y, bars.w, thick}, axis, item, false)
		l.bar(p, box{bars.x, y + thick + 4, bars.w, thick}, axis, item, true)
	}
	p.rule(bars.x, bars.y, bars.x, bars.bottom(), p.muted)
}

// plot is the area of the bars.
func (l Levels) plot(p *pen, area box) box {
	labels, values := 0.0, 0.0
	for _, item := range l.Items {
		labels = max(labels, p.width(levelLabel, item.Label))
		for _, value := range []*float64{item.Current, item.Residual} {
			values = max(values, p.width(levelValue, p.number(value)))
		}
	}
	labels = min(labels, area.w*0.4) + 12
	above := legendRow + 8
	return box{area.x + labels, area.y + above, area.w - labels - values - 14, area.h - above - axisBelow}
}

func (l Levels) scale(steps int) scale {
	highest := 0.0
	for _, item := range l.Items {
		for _, value := range []*float64{item.Current, item.Residual} {
			if value != nil {
				highest = max(highest, *value)
			}
		}
	}
	return scaleFromZero(0, highest, min(steps, 6))
}

func (l Levels) bar(p *pen, row box, axis scale, item LevelBars, residual bool) {
	value, text := item.Current, levelValue.in(p.ink)
	if residual {
		value, text.bold = item.Residual, false
	}
	end := row.x
	if value != nil {
		end += row.w * axis.at(*value)
		p.levelBox(box{row.x, row.y, end - row.x, row.h}, item.Level, residual)
	}
	p.write(text, p.number(value), end+7, row.y+row.h/2+4.5, left, 200)
}

// levelBox draws a bar in the colour and pattern of a level.
func (p *pen) levelBox(b box, level Level, residual bool) {
	if b.w <= 0 {
		return
	}
	p.rectangle(b)
	p.dc.SetFillStyle(p.levelHatch(level, residual))
	p.dc.Fill()
	edge := stroke{color: p.edge, width: 1}
	if residual {
		edge.dash = []float64{4, 3}
	}
	p.frame(b, edge)
}

// legend shows both states with the look of the first level.
func (l Levels) legend(p *pen, area box) {
	x := area.x
	const swatch, after = 31.0, 24.0
	room := area.w/2 - swatch - after
	for i, name := range []string{l.Current, l.Residual} {
		p.levelBox(box{x, area.y + 1, 24, 14}, High, i == 1)
		p.write(legendText.in(p.ink), name, x+swatch, area.y+12.5, left, room)
		x += swatch + min(p.width(legendText, name), room) + after
	}
}

// number writes a figure that may not be known.
func (p *pen) number(value *float64) string {
	if value == nil {
		return "–"
	}
	return p.format.Number(*value)
}

// axisBelow draws the lines, numbers and name of an axis below a plot.
func (p *pen) axisBelow(plot box, axis scale, name string, write func(float64) string) {
	for _, tick := range axis.ticks() {
		x := plot.x + plot.w*axis.at(tick)
		p.rule(x, plot.y, x, plot.bottom(), p.faint)
		p.write(axisText.in(p.muted), write(tick), x, plot.bottom()+16, middle, 80)
	}
	p.write(axisText.in(p.muted), name, plot.x+plot.w/2, plot.bottom()+35, middle, plot.w)
}
