package picture

import "math"

// Bars compares things by one value, each named above its bar: names are long.
type Bars struct {
	Items []Bar
}

// Bar is a thing and its value.
type Bar struct {
	Label string
	Value float64
}

const (
	barRow    = 42.0 // height of a name with its bar
	barHeight = 14.0
)

var (
	barLabel = style{size: 14}
	barValue = style{size: 13, bold: true}
)

func (b Bars) height(p *pen, _ float64) float64 { return float64(len(b.Items)) * p.least(barRow, 0.88) }

func (b Bars) draw(p *pen, area box) {
	row := min(area.h/float64(len(b.Items)), 1.8*barRow)
	axis, room := b.scale(), b.roomForValues(p)
	bars := box{area.x, area.y, area.w - room, area.h}
	zero := bars.x + bars.w*axis.at(0)
	thick := barHeight * math.Sqrt(row/barRow)
	for i, item := range b.Items {
		y := area.y + float64(i)*row
		p.write(barLabel.in(p.ink), item.Label, area.x, y+barLabel.size, left, area.w)
		bar := box{bars.x, y + barLabel.size + 7, bars.w, thick}
		p.fill(bar, p.faint)
		end := bars.x + bars.w*axis.at(item.Value)
		p.fill(box{min(zero, end), bar.y, math.Abs(end - zero), bar.h}, p.accent)
		p.write(barValue.in(p.ink), p.format.Number(item.Value), bars.right()+room, bar.y+bar.h/2+4.5, right, room)
	}
	if axis.low < 0 {
		p.rule(zero, area.y, zero, area.y+row*float64(len(b.Items)), p.muted)
	}
}

// scale goes exactly to the longest bar.
func (b Bars) scale() scale {
	s := scale{}
	for _, item := range b.Items {
		s.low, s.high = min(s.low, item.Value), max(s.high, item.Value)
	}
	if s.low == s.high {
		s.high = 1
	}
	return s
}

func (b Bars) roomForValues(p *pen) float64 {
	room := 0.0
	for _, item := range b.Items {
		room = max(room, p.width(barValue, p.format.Number(item.Value)))
	}
	return room + 10
}
