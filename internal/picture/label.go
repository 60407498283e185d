package picture

import (
	"cmp"
	"math"
	"slices"
)

// label is the name of a category, outside of its axis, above both values.
type label struct {
	box
	names  []line
	anchor float64
	at     float64 // what the anchor is about
}

func (l label) draw(p *pen, values string) {
	y := p.paragraph(categoryText.in(p.ink), l.names, l.at, l.y, l.anchor)
	p.write(categoryValue.in(p.muted), values, l.at, y+categoryValue.size, l.anchor, max(l.w, 90))
}

func (b box) touches(other box) bool {
	return b.x < other.right() && other.x < b.right() && b.y < other.bottom() && other.y < b.bottom()
}

// labels puts the names around a radar in a sheet of a width, in whose middle it
// is. Those at the sides come first; others that would touch them move away, up
// or down.
func (r Radar) labels(p *pen, center box, width float64) []label {
	labels := make([]label, len(r.Items))
	order := make([]int, len(r.Items))
	for i := range order {
		order[i] = i
		labels[i] = r.label(p, center, width, i)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(math.Abs(labels[a].y+labels[a].h/2-center.y), math.Abs(labels[b].y+labels[b].h/2-center.y))
	})
	for n, i := range order {
		step := 2.0
		if labels[i].y+labels[i].h/2 < center.y {
			step = -2
		}
		for slices.ContainsFunc(order[:n], func(placed int) bool { return labels[i].touches(labels[placed].box) }) {
			labels[i].y += step
		}
	}
	return labels
}

func (r Radar) label(p *pen, center box, width float64, i int) label {
	x, y := r.spoke(center, i, 1+12/center.w)
	dx, dy := (x-center.x)/center.w, (y-center.y)/center.h
	l := label{anchor: middle, at: x}
	room := width * 0.5
	switch {
	case dx > 0.15:
		l.anchor, room = left, width/2-(x-center.x)
	case dx < -0.15:
		l.anchor, room = right, width/2-(center.x-x)
	}
	l.names = p.wrap(categoryText, r.Items[i].Label, room, labelLines)
	l.w = p.width(categoryValue, r.values(p, r.Items[i]))
	for _, name := range l.names {
		l.w = max(l.w, name.width/p.scale)
	}
	l.h = float64(len(l.names))*categoryText.lineHeight() + categoryValue.lineHeight()
	l.x, l.y = x-l.anchor*l.w, y-l.h/2+dy*l.h/2
	return l
}

// extent is how far labels reach up and down.
func extent(labels []label) (top, bottom float64) {
	top, bottom = math.Inf(1), math.Inf(-1)
	for _, l := range labels {
		top, bottom = min(top, l.y), max(bottom, l.bottom())
	}
	return top, bottom
}
