package picture

import "math"

// Radar compares current and target compliance by category. Fewer than three
// categories make no radar, and very many none that can be read: they become
// bars.
type Radar struct {
	Current, Target string // names of both
	Items           []Category
	Max             float64            // of the axes; 0: from the values
	Share           bool               // values are shares of 1
	More            func(n int) string // says that the bars leave out so many categories
}

// Category is what is compared; nil: nothing is known.
type Category struct {
	Label           string
	Current, Target *float64
}

const (
	fewest, mostAxes = 3, 16
	rings            = 4
	narrowest        = 340.0
	axisRoom         = 45.0  // of the width, for each axis
	radius           = 145.0 // unless there is more room, or less
	labelLines       = 3
	barsRow          = 58.0
	mostBars         = 40
)

var (
	categoryText  = style{size: 12.5}
	categoryValue = style{size: 12, bold: true}
	ringText      = style{size: 10}
)

// isRound tells whether a radar of a width can be read: each axis has its name
// outside of it.
func (r Radar) isRound(width float64) bool {
	return len(r.Items) >= fewest && len(r.Items) <= mostAxes && width >= max(narrowest, axisRoom*float64(len(r.Items)))
}

func (r Radar) height(p *pen, width float64) float64 {
	if !r.isRound(width) {
		shown, untold := r.barred()
		return legendRow + 10 + float64(len(shown))*p.least(barsRow, 0.9) + float64(min(untold, 1))*legendRow
	}
	size := min(p.least(radius, 0.6), r.widest(width))
	top, bottom := extent(r.labels(p, box{0, 0, size, size}, width))
	return legendRow + 10 + bottom - top
}

// widest is the radius that leaves room for the names at both sides.
func (r Radar) widest(width float64) float64 {
	return max(width/2-max(width*0.22, 98), 40)
}

func (r Radar) draw(p *pen, area box) {
	legendOf(p, r.entries(), area.w).draw(p, area)
	area.y, area.h = area.y+legendRow+10, area.h-legendRow-10
	if !r.isRound(area.w) {
		r.bars(p, area)
		return
	}
	center, labels := r.fit(p, area)
	r.web(p, center)
	r.outline(p, center, false)
	r.outline(p, center, true)
	r.ringNames(p, center)
	for i, l := range labels {
		l.draw(p, r.values(p, r.Items[i]))
	}
}

// fit finds the largest radar that has room with its names. The size of the box
// is its radius.
func (r Radar) fit(p *pen, area box) (box, []label) {
	for size := min(r.widest(area.w), 260); ; size -= 6 {
		center := box{area.x + area.w/2, 0, size, size}
		labels := r.labels(p, center, area.w)
		top, bottom := extent(labels)
		if bottom-top > area.h && size > 30 {
			continue
		}
		down := area.y + (area.h-(bottom-top))/2 - top
		center.y += down
		for i := range labels {
			labels[i].y += down
		}
		return center, labels
	}
}

func (r Radar) entries() []entry {
	return []entry{
		{r.Current, func(p *pen, at box) { r.swatch(p, at, false) }},
		{r.Target, func(p *pen, at box) { r.swatch(p, at, true) }},
	}
}

// strokeOf is solid for current and dashed for target values.
func (r Radar) strokeOf(p *pen, target bool) stroke {
	if target {
		return stroke{color: p.series[1], width: 2.4, dash: []float64{6, 4}}
	}
	return stroke{color: p.series[0], width: 2.4}
}

func (r Radar) swatch(p *pen, at box, target bool) {
	y, s := at.y+at.h/2, r.strokeOf(p, target)
	p.moveTo(at.x, y)
	p.lineTo(at.x+at.w, y)
	p.stroke(s)
	r.mark(p, at.x+at.w/2, y, target)
	p.fillPath(s.color)
}

func (r Radar) mark(p *pen, x, y float64, target bool) {
	if target {
		markers[1](p, x, y)
		return
	}
	markers[0](p, x, y)
}

func (r Radar) highest() float64 {
	highest := r.Max
	for _, item := range r.Items {
		for _, value := range []*float64{item.Current, item.Target} {
			if value != nil {
				highest = max(highest, *value)
			}
		}
	}
	if highest == 0 {
		return 1
	}
	return highest
}

// spoke is the point at a share of the way to the edge; center has the radius as
// its size.
func (r Radar) spoke(center box, i int, share float64) (x, y float64) {
	angle := 2*math.Pi*float64(i)/float64(len(r.Items)) - math.Pi/2
	return center.x + math.Cos(angle)*share*center.w, center.y + math.Sin(angle)*share*center.h
}

func (r Radar) web(p *pen, center box) {
	for ring := 1; ring <= rings; ring++ {
		for i := range r.Items {
			x, y := r.spoke(center, i, float64(ring)/rings)
			if i == 0 {
				p.moveTo(x, y)
				continue
			}
			p.lineTo(x, y)
		}
		p.dc.ClosePath()
		p.stroke(stroke{color: p.look.rule, width: 1})
	}
	for i := range r.Items {
		x, y := r.spoke(center, i, 1)
		p.moveTo(center.x, center.y)
		p.lineTo(x, y)
		p.stroke(stroke{color: p.look.rule, width: 1})
	}
}

// ringNames are written beside the first axis, over what is there.
func (r Radar) ringNames(p *pen, center box) {
	for ring := 1; ring <= rings; ring++ {
		text := r.write(p, r.highest()*float64(ring)/rings)
		y := center.y - center.h*float64(ring)/rings
		p.writeOver(ringText.in(p.muted), text, center.x+6, y+ringText.size+1)
	}
}

func (r Radar) write(p *pen, value float64) string {
	if r.Share {
		return p.format.Percent(value)
	}
	return p.format.Number(value)
}

func (r Radar) writeOrNone(p *pen, value *float64) string {
	if value == nil {
		return "–"
	}
	return r.write(p, *value)
}

// outline joins what is known.
func (r Radar) outline(p *pen, center box, target bool) {
	var points [][2]float64
	for i, item := range r.Items {
		value := item.Current
		if target {
			value = item.Target
		}
		if value != nil {
			x, y := r.spoke(center, i, max(*value, 0)/r.highest())
			points = append(points, [2]float64{x, y})
		}
	}
	s := r.strokeOf(p, target)
	if !target {
		p.path(points)
		p.fillPath(fade(p.series[0], 0.16))
	}
	p.path(points)
	p.stroke(s)
	for _, at := range points {
		r.mark(p, at[0], at[1], target)
	}
	p.fillPath(s.color)
}

// path is closed through points.
func (p *pen) path(points [][2]float64) {
	for i, at := range points {
		if i == 0 {
			p.moveTo(at[0], at[1])
			continue
		}
		p.lineTo(at[0], at[1])
	}
	p.dc.ClosePath()
}

// values are both values of a category in words.
func (r Radar) values(p *pen, item Category) string {
	return r.writeOrNone(p, item.Current) + " → " + r.writeOrNone(p, item.Target)
}

// barred are the categories that have bars, and how many have not.
func (r Radar) barred() (shown []Category, untold int) {
	n := min(len(r.Items), mostBars)
	return r.Items[:n], len(r.Items) - n
}

// bars shows the same as bars, current above target.
func (r Radar) bars(p *pen, area box) {
	shown, untold := r.barred()
	if untold > 0 {
		area.h -= legendRow
		p.write(legendText.in(p.muted), r.More(untold), area.x, area.bottom()+legendText.size, left, area.w)
	}
	row := min(area.h/float64(len(shown)), 1.6*barsRow)
	room := 0.0
	for _, item := range shown {
		room = max(room, p.width(levelValue, r.writeOrNone(p, item.Current)), p.width(levelValue, r.writeOrNone(p, item.Target)))
	}
	thick := max((row-barLabel.size-16)/2, 3)
	for i, item := range shown {
		y := area.y + float64(i)*row
		p.write(barLabel.in(p.ink), item.Label, area.x, y+barLabel.size, left, area.w)
		for n, value := range []*float64{item.Current, item.Target} {
			bar := box{area.x, y + barLabel.size + 6 + float64(n)*(thick+2), area.w - room - 12, thick}
			r.bar(p, bar, value, n == 1)
			p.write(axisText.in(p.ink), r.writeOrNone(p, value), area.right(), bar.y+bar.h/2+4.3, right, room+10)
		}
	}
}

// bar is full for current values and an outline for target values.
func (r Radar) bar(p *pen, bar box, value *float64, target bool) {
	p.fill(bar, p.faint)
	if value == nil {
		return
	}
	bar.w *= max(*value, 0) / r.highest()
	s := r.strokeOf(p, target)
	if !target {
		p.fill(bar, s.color)
		return
	}
	p.fill(bar, mix(p.card, p.series[1], 0.25))
	p.frame(bar, stroke{color: s.color, width: 1.5, dash: []float64{6, 4}})
}
