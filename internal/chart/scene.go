// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "github.com/paulmach/orb"

// box is an area in units, which are the pixels of a page that shows a chart in
// its own size.
type box struct{ x, y, w, h float64 }

func (b box) right() float64  { return b.x + b.w }
func (b box) bottom() float64 { return b.y + b.h }

func (b box) touches(other box) bool {
	return b.x < other.right() && other.x < b.right() && b.y < other.bottom() && other.y < b.bottom()
}

func (b box) holds(other box) bool {
	return other.x >= b.x && other.right() <= b.right() && other.y >= b.y && other.bottom() <= b.bottom()
}

func (b box) center() point { return point{b.x + b.w/2, b.y + b.h/2} }

// inset is the box without a margin all around.
func (b box) inset(by float64) box { return box{b.x + by, b.y + by, b.w - 2*by, b.h - 2*by} }

// grown returns the box with more on each side.
func (b box) grown(x, y float64) box { return box{b.x - x, b.y - y, b.w + 2*x, b.h + 2*y} }

type point = orb.Point

// style is how a shape is painted: first its inside, then its edge.
type style struct {
	fill     ink
	stroke   ink
	width    float64 // of the stroke
	dash     []float64
	opacity  float64 // 0: opaque
	hatching Level   // of a rectangle; 0: none
}

// item is a part of a scene.
type item interface {
	svg(w *svgWriter)
	paint(p *painter)
}

// shape is a rectangle, a circle, or lines, depending on which fields are set.
type shape struct {
	style
	rect   box
	at     point
	radius float64
	lines  [][]point
	closed bool // each of the lines is the edge of an area
}

// label is a line of text. Its anchor is the share of its width that is left of at.
type label struct {
	font
	text   string
	at     point // on the baseline
	anchor float64
	halo   bool // keeps it readable over lines
}

// Anchors of a label.
const (
	left   = 0.0
	middle = 0.5
	right  = 1.0
)

// group is a part of a chart that readers can point at.
type group struct {
	place
	items []item
}

// place identifies for scripts what a group shows; see Inline.SVG.
type place struct {
	class    string
	href     string // of a link around it; may be empty
	name     string // of the link, where there is no text in it
	row, col int    // of the table, from 1; 0: not told
	series   int    // of a line and of its name, from 1
	steps    []float64
	hit      box   // is as good as the group itself for a pointer
	at       point // where the group is moved to, with all that is drawn around 0, 0
	clip     box   // beyond which nothing shows
}

// canvas records a scene.
type canvas struct {
	Format
	drawable func(text string) bool // whether there are letters for it; nil: always, in browsers
	items    []item
}

// pick is the first name that can be drawn. The last one, if none can, loses the
// letters that are missing.
func (c *canvas) pick(names Label) string {
	for _, name := range names {
		if name = plain(name); name != "" && (c.drawable == nil || c.drawable(name)) {
			return name
		}
	}
	return "–"
}

func (c *canvas) add(i item) { c.items = append(c.items, i) }

func (c *canvas) rect(b box, l style) {
	if b.w <= 0 || b.h <= 0 {
		return
	}
	c.add(shape{style: l, rect: b})
	if inside := b.inset(1); l.hatching != 0 && inside.w > 0 && inside.h > 0 {
		c.hatch(l.hatching, inside)
	}
}

func (c *canvas) circle(at point, radius float64, l style) {
	c.add(shape{style: l, at: at, radius: radius})
}

func (c *canvas) line(l style, points ...point) {
	c.add(shape{style: l, lines: [][]point{points}})
}

func (c *canvas) areas(l style, rings ...[]point) {
	if len(rings) > 0 {
		c.add(shape{style: l, lines: rings, closed: true})
	}
}

// write draws a text on one line, cut where it is wider than width.
func (c *canvas) write(f font, text string, at point, anchor, width float64) {
	if text = fit(f, text, width); text != "" {
		c.add(label{font: f, text: text, at: at, anchor: anchor})
	}
}

// paragraph draws lines below a point and returns where they end.
func (c *canvas) paragraph(f font, lines []string, at point, anchor float64) float64 {
	for _, text := range lines {
		c.add(label{font: f, text: text, at: point{at[0], at[1] + f.size}, anchor: anchor})
		at[1] += f.leading()
	}
	return at[1]
}

// group draws shapes that form one target for the pointer.
func (c *canvas) group(p place, draw func()) {
	outside := c.items
	c.items = nil
	draw()
	c.items = append(outside, group{p, c.items})
}
