package picture

import (
	"cmp"
	"image"
	"image/draw"
	"math"
	"slices"
	"strconv"

	"git.sr.ht/~sbinet/gg"
)

// Map shows places on the outline of the world, with a list of what is known of
// them. Places have the numbers of the list.
type Map struct {
	World  *World
	Places []Place            // those that the list starts with first
	More   func(n int) string // says that the list leaves out so many places
}

// Place is a point on the map.
type Place struct {
	Latitude, Longitude float64
	Weight              int      // decides the size
	Lines               []string // what is known of it
}

const (
	mapHeight   = 400.0
	listWidth   = 300.0 // beside the map
	mostListed  = 12    // below the map
	mostEntries = 60    // that a list of any height can have
	around      = 0.35  // what is shown around the places, as a share of their span
	smallSpan   = 5.0   // degrees that are shown at least
	flattest    = 0.56  // height of the map, as a share of its width
	farthest    = 192.0 // degrees of longitude: marks at the edge of the world are whole
)

var (
	placeText   = style{size: 12}
	placeTitle  = style{size: 12, bold: true}
	placeNumber = style{size: 10, bold: true}
)

// isBeside tells whether the list stands beside the map.
func (m Map) isBeside(width float64) bool { return width >= 600 }

func (m Map) height(p *pen, width float64) float64 {
	if m.isBeside(width) {
		high := p.least(mapHeight, 0.6)
		onSheet, _ := m.view(box{w: width - listWidth - gap, h: high})
		entries := m.entries(p, listWidth)
		return max(onSheet.h, min(listHeight(entries, min(len(entries), mostEntries)), high))
	}
	entries := m.entries(p, width)
	return width*0.62 + gap + listHeight(entries, min(len(entries), mostListed))
}

// placeEntry is what the list says of a place.
type placeEntry struct {
	title []line
	known []line
}

func (e placeEntry) height() float64 {
	return float64(len(e.title)+len(e.known))*placeText.lineHeight() + 9
}

// entries breaks what is known of the first places into lines.
func (m Map) entries(p *pen, width float64) []placeEntry {
	const beforeText = 26
	entries := make([]placeEntry, len(m.Places))
	for i, place := range m.Places[:min(len(m.Places), mostEntries)] {
		for n, text := range place.Lines {
			if n == 0 {
				entries[i].title = p.wrap(placeTitle, text, width-beforeText, 1)
				continue
			}
			entries[i].known = append(entries[i].known, p.wrap(placeText, text, width-beforeText, 2)...)
		}
	}
	return entries
}

// listHeight is the height of the list of the first n places.
func listHeight(entries []placeEntry, n int) float64 {
	high := 0.0
	for _, e := range entries[:n] {
		high += e.height()
	}
	if n < len(entries) {
		high += placeText.lineHeight()
	}
	return high
}

func (m Map) draw(p *pen, area box) {
	onSheet, list := area, area
	if m.isBeside(area.w) {
		onSheet.w, list.x, list.w = area.w-listWidth-gap, area.right()-listWidth, listWidth
	}
	entries := m.entries(p, list.w)
	if !m.isBeside(area.w) {
		list.h = listHeight(entries, min(len(entries), mostListed))
		onSheet.h = area.h - list.h - gap
	}
	onSheet, view := m.view(onSheet)
	if !m.isBeside(area.w) {
		list.y = onSheet.bottom() + gap
	}
	listed := fitting(entries, list.h)
	m.sheet(p, onSheet, view, listed)
	m.list(p, list, entries, listed)
}

// fitting is how many places the list has room for.
func fitting(entries []placeEntry, height float64) int {
	n := min(len(entries), mostEntries)
	for n > 0 && listHeight(entries, n) > height+9 {
		n--
	}
	return n
}

func (m Map) list(p *pen, area box, entries []placeEntry, listed int) {
	x, y := area.x+26, area.y
	for i, e := range entries[:listed] {
		m.disc(p, area.x+9, y+8, 9, i, listed)
		y = p.paragraph(placeTitle.in(p.ink), e.title, x, y, left)
		y = p.paragraph(placeText.in(p.muted), e.known, x, y, left) + 9
	}
	if rest := len(entries) - listed; rest > 0 {
		p.write(placeText.in(p.muted), m.More(rest), x, y+placeText.size, left, area.w-26)
	}
}

// disc marks a place; those of the list with their number.
func (m Map) disc(p *pen, x, y, size float64, i, listed int) {
	fill := p.series[1]
	p.circle(x, y, size+1.2)
	p.fillPath(p.card)
	p.circle(x, y, size)
	p.fillPath(fill)
	if i < listed {
		p.write(placeNumber.in(contrast(fill)), strconv.Itoa(i+1), x, y+3.6, middle, 2*size+4)
	}
}

// sheet draws the part of the world that has the places, on a sheet of its own,
// so that nothing is drawn beside it.
func (m Map) sheet(p *pen, area box, view bounds, listed int) {
	own := *p
	own.image = image.NewRGBA(image.Rect(0, 0, int(area.w*p.scale), int(area.h*p.scale)))
	own.dc = gg.NewContextForRGBA(own.image)
	own.fill(box{0, 0, area.w, area.h}, mix(p.card, p.faint, 0.35))
	toSheet := func(at [2]float64) (x, y float64) {
		return (at[0] - view.west) / (view.east - view.west) * area.w, (view.north - at[1]) / (view.north - view.south) * area.h
	}
	m.countries(&own, view, toSheet)
	// Small ones over large ones.
	order := make([]int, len(m.Places))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.Places[b].Weight, m.Places[a].Weight) })
	for _, i := range order {
		x, y := toSheet([2]float64{m.Places[i].Longitude, m.Places[i].Latitude})
		size := min(7.5+2.6*math.Sqrt(float64(max(m.Places[i].Weight-1, 0))), 34)
		m.disc(&own, x, y, size, i, listed)
	}
	own.frame(box{0, 0, area.w, area.h}, stroke{color: p.look.rule, width: 1})
	at := image.Pt(int(math.Round(area.x*p.scale)), int(math.Round(area.y*p.scale)))
	draw.Draw(p.image, own.image.Bounds().Add(at), own.image, image.Point{}, draw.Src)
}

func (m Map) countries(p *pen, view bounds, toSheet func([2]float64) (x, y float64)) {
	more := max(view.east-view.west, view.north-view.south) / 20
	beyond := bounds{view.west - more, view.south - more, view.east + more, view.north + more}
	for _, r := range m.World.rings {
		if !r.touches(beyond) {
			continue
		}
		for i, at := range r.within(beyond) {
			x, y := toSheet(at)
			if i == 0 {
				p.moveTo(x, y)
				continue
			}
			p.lineTo(x, y)
		}
		p.dc.ClosePath()
		p.dc.SetColor(mix(p.faint, p.look.rule, 0.6))
		p.dc.FillPreserve()
		p.stroke(stroke{color: mix(p.card, p.muted, 0.6), width: 0.7})
	}
}

// view is what the sheet shows: the places with something around them, in the
// shape of the sheet, which becomes lower where the places are far apart. A
// degree of longitude is drawn as long as it is in the middle.
func (m Map) view(area box) (box, bounds) {
	var v bounds
	v.west, v.east = span(m.Places, func(p Place) float64 { return p.Longitude })
	v.south, v.north = span(m.Places, func(p Place) float64 { return p.Latitude })
	v.west, v.east = max(v.west, -farthest), min(v.east, farthest)
	v.south, v.north = max(v.south, -60), min(v.north, 84)
	across, up := v.east-v.west, v.north-v.south
	squeeze := max(math.Cos((v.south+v.north)/2*math.Pi/180), 0.3)
	area.h = min(area.h, max(area.w*up/across/squeeze, area.w*flattest))
	wanted := area.w / area.h / squeeze // degrees of longitude for one of latitude
	if more := (up*wanted - across) / 2; more > 0 {
		v.west, v.east = v.west-more, v.east+more
		return area, v
	}
	more := (across/wanted - up) / 2
	v.south, v.north = v.south-more, v.north+more
	return area, v
}

func span(places []Place, of func(Place) float64) (low, high float64) {
	low, high = of(places[0]), of(places[0])
	for _, place := range places {
		low, high = min(low, of(place)), max(high, of(place))
	}
	more := max((high-low)*around, (smallSpan-(high-low))/2, 1)
	return low - more, high + more
}
