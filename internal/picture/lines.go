package picture

import (
	"math"
)

// Lines shows how values develop. Each line has its colour, its dashes and its
// marks; the mean has none of the colours.
type Lines struct {
	Unit   string   // of the values
	Steps  []string // names of the steps, as short as an axis needs them
	Series []Line
	// At is where each step is, from 0 to 1 in order; nil: at the same distances.
	At []float64
	// Gap is the distance, as At counts, from which on two steps are not joined:
	// nothing is known of the time between them; 0: never.
	Gap  float64
	More func(n int) string // says that so many lines are left out
}

// Line is the development of one thing.
type Line struct {
	Name   string
	Values []*float64 // one a step; nil: nothing is known
	Mean   bool       // of the other lines, or of more than those
	Risks  *Risks     // what it counts, which decides how it looks; nil: its position does
}

// Risks are the risks of one level, kind and state.
type Risks struct {
	Level                 Level
	Operational, Residual bool
}

const (
	plotHeight = 300.0
	aboveLines = 24.0 // the name of the values
	belowLines = 40.0 // the names of the steps
	markEvery  = 14.0 // marks closer than that would hide the lines
	mostLines  = 24   // beside the mean
)

// dashes and marks take turns so that lines of one colour differ.
var dashes = [][]float64{nil, {7, 4}, {2, 3}, {9, 3, 2, 3}}

var markers = []func(p *pen, x, y float64){
	func(p *pen, x, y float64) { p.circle(x, y, 3.4) },
	func(p *pen, x, y float64) { p.polygon(x, y, [][2]float64{{-3, -3}, {3, -3}, {3, 3}, {-3, 3}}) },
	func(p *pen, x, y float64) { p.polygon(x, y, [][2]float64{{0, -4}, {4, 3}, {-4, 3}}) },
	func(p *pen, x, y float64) { p.polygon(x, y, [][2]float64{{0, -4.3}, {4.3, 0}, {0, 4.3}, {-4.3, 0}}) },
}

func (p *pen) polygon(x, y float64, corners [][2]float64) {
	p.moveTo(x+corners[0][0], y+corners[0][1])
	for _, corner := range corners[1:] {
		p.lineTo(x+corner[0], y+corner[1])
	}
	p.dc.ClosePath()
}

// Risks have a mark for each level, and dashes for each state and kind.
var (
	levelMarkers = [...]func(p *pen, x, y float64){Low: markers[0], Medium: markers[3], High: markers[2]}
	kindDashes   = map[Risks][]float64{
		{}: nil, {Operational: true}: {9, 5}, {Residual: true}: {2, 5}, {Operational: true, Residual: true}: {9, 5, 2, 5},
	}
)

// lineLook is how one line is drawn.
type lineLook struct {
	stroke
	casing stroke // below the line; of no width: none
	mark   func(p *pen, x, y float64)
}

func (l Lines) look(p *pen, i int) lineLook {
	if l.Series[i].Mean {
		return lineLook{stroke: stroke{color: p.ink, width: 3, dash: []float64{2, 4}}}
	}
	if risks := l.Series[i].Risks; risks != nil {
		return p.risksLook(*risks)
	}
	n := len(p.series)
	return lineLook{
		stroke: stroke{color: p.series[i%n], width: 2, dash: dashes[i/n%len(dashes)]},
		mark:   markers[i%len(markers)],
	}
}

// risksLook has the hue of the level, which a casing keeps apart from the ground.
func (p *pen) risksLook(r Risks) lineLook {
	dash := kindDashes[Risks{Operational: r.Operational, Residual: r.Residual}]
	return lineLook{
		stroke: stroke{color: p.levelHatch(r.Level, r.Residual).ground, width: 2.5, dash: dash},
		casing: stroke{color: mix(p.card, p.ink, 0.6), width: 4.5, dash: dash},
		mark:   levelMarkers[r.Level],
	}
}

func (l Lines) height(p *pen, width float64) float64 {
	return aboveLines + p.least(plotHeight, 0.55) + belowLines + l.legend(p, width).height()
}

func (l Lines) draw(p *pen, area box) {
	below := l.legend(p, area.w)
	axis := l.scale(int((area.h - aboveLines - belowLines - below.height()) / 55))
	room := 0.0
	for _, tick := range axis.ticks() {
		room = max(room, p.width(axisText, p.format.Axis(tick)))
	}
	plot := box{area.x + room + 10, area.y + aboveLines, area.w - room - 18, area.h - aboveLines - belowLines - below.height()}
	p.write(axisText.in(p.muted), l.Unit, area.x, area.y+12, left, area.w)
	for _, tick := range axis.ticks() {
		y := plot.bottom() - plot.h*axis.at(tick)
		p.rule(plot.x, y, plot.right(), y, p.faint)
		p.write(axisText.in(p.muted), p.format.Axis(tick), plot.x-8, y+4, right, room+4)
	}
	p.rule(plot.x, plot.bottom(), plot.right(), plot.bottom(), p.muted)
	l.steps(p, plot)
	for _, i := range l.drawn() {
		if p.stopped() {
			return
		}
		l.line(p, plot, axis, i)
	}
	below.draw(p, box{area.x, plot.bottom() + belowLines, area.w, below.height()})
}

func (l Lines) scale(steps int) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, i := range l.drawn() {
		for _, value := range l.Series[i].Values {
			if value != nil {
				low, high = min(low, *value), max(high, *value)
			}
		}
	}
	if low > high {
		low, high = 0, 1
	}
	return scaleOf(low, high, min(max(steps, 2), 8))
}

// at is where a step is: a single one is in the middle.
func (l Lines) at(plot box, step int) float64 {
	if len(l.Steps) == 1 {
		return plot.x + plot.w/2
	}
	const aside = 6
	share := float64(step) / float64(len(l.Steps)-1)
	if l.At != nil {
		share = l.At[step]
	}
	return plot.x + aside + (plot.w-2*aside)*share
}

// joined tells whether nothing is missing between two steps.
func (l Lines) joined(step, next int) bool {
	return l.At == nil || l.Gap == 0 || l.At[next]-l.At[step] <= l.Gap
}

// steps names as many steps as have room.
func (l Lines) steps(p *pen, plot box) {
	longest := "" // which stands for all: there may be thousands
	for _, name := range l.Steps {
		if len(name) > len(longest) {
			longest = name
		}
	}
	widest := min(p.width(axisText, longest)+4, plot.w/2)
	free := math.Inf(-1) // where the last name and the room behind it end
	for i, name := range l.Steps {
		x := l.at(plot, i)
		half := min(p.width(axisText, name), widest) / 2
		center := min(max(x, plot.x+half-8), plot.right()+8-half)
		if center-half < free {
			continue
		}
		p.rule(x, plot.bottom(), x, plot.bottom()+5, p.muted)
		p.write(axisText.in(p.muted), name, center, plot.bottom()+20, middle, widest+4)
		free = max(center+half, x+widest/2) + 18
	}
}

// line draws one line, in pieces where values are missing.
func (l Lines) line(p *pen, plot box, axis scale, i int) {
	look := l.look(p, i)
	pieces := l.pieces(plot, axis, l.Series[i].Values)
	for _, s := range []stroke{look.casing, look.stroke} {
		for _, piece := range pieces {
			if s.width > 0 {
				p.polyline(s, thinned(piece, 1/p.scale))
			}
		}
	}
	every := int(math.Ceil(markEvery * float64(len(l.Steps)) / plot.w))
	for _, piece := range pieces {
		p.marks(look, piece, every)
	}
	p.fillPath(look.color)
}

// marks adds the marks of a piece to the path. A single value has one in any case:
// nothing else shows it.
func (p *pen) marks(look lineLook, piece [][2]float64, every int) {
	if look.mark == nil {
		if len(piece) > 1 {
			return
		}
		look.mark = markers[3]
	}
	for n := 0; n < len(piece); n += every {
		look.mark(p, piece[n][0], piece[n][1])
	}
}

// pieces are the places of values that belong together.
func (l Lines) pieces(plot box, axis scale, values []*float64) [][][2]float64 {
	var pieces [][][2]float64
	last := -1 // the step before, if its value is known
	for step, value := range values {
		if value == nil {
			last = -1
			continue
		}
		if last < 0 || !l.joined(last, step) {
			pieces = append(pieces, nil)
		}
		last = step
		piece := &pieces[len(pieces)-1]
		*piece = append(*piece, [2]float64{l.at(plot, step), plot.bottom() - plot.h*axis.at(*value)})
	}
	return pieces
}

// drawn are the lines that can still be told apart: the first ones and the mean.
func (l Lines) drawn() []int {
	var drawn []int
	for i, series := range l.Series {
		if i < mostLines || series.Mean {
			drawn = append(drawn, i)
		}
	}
	return drawn
}

// thinned leaves the lowest and the highest of the points that share a column of
// a width.
func thinned(points [][2]float64, column float64) [][2]float64 {
	var kept [][2]float64
	for at := 0; at < len(points); {
		low, high, next := at, at, at
		for ; next < len(points) && points[next][0] < points[at][0]+column; next++ {
			if points[next][1] < points[low][1] {
				low = next
			}
			if points[next][1] > points[high][1] {
				high = next
			}
		}
		kept = append(kept, points[min(low, high)])
		if low != high {
			kept = append(kept, points[max(low, high)])
		}
		at = next
	}
	return kept
}

func (l Lines) legend(p *pen, width float64) legend {
	var entries []entry
	shown := l.drawn()
	for _, i := range shown {
		look := l.look(p, i)
		entries = append(entries, entry{l.Series[i].Name, func(p *pen, area box) {
			x, y := area.x, area.y+area.h/2
			for _, s := range []stroke{look.casing, look.stroke} {
				if s.width > 0 {
					p.moveTo(x, y)
					p.lineTo(x+area.w, y)
					p.stroke(s)
				}
			}
			if look.mark != nil {
				look.mark(p, x+area.w/2, y)
				p.fillPath(look.color)
			}
		}})
	}
	if untold := len(l.Series) - len(shown); untold > 0 {
		entries = append(entries, entry{name: l.More(untold)})
	}
	return legendOf(p, entries, width)
}
