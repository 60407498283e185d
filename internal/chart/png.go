// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"unicode"

	"git.sr.ht/~sbinet/gg"
	"github.com/go-text/typesetting/di"
	typeface "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// painter paints a scene. Its units are pixels divided by scale.
type painter struct {
	*typesetter
	theme palette
	scale float64
	at    point // of the group that is painted, in units
	dc    *gg.Context
	image *image.RGBA
	stop  func() bool // whether nobody waits for the image any more
}

func (p *painter) all(items []item) {
	for _, i := range items {
		if !p.stop() {
			i.paint(p)
		}
	}
}

// x and y turn units into pixels.
func (p *painter) x(units float64) float64 { return (units + p.at[0]) * p.scale }
func (p *painter) y(units float64) float64 { return (units + p.at[1]) * p.scale }

func (s shape) paint(p *painter) {
	switch {
	case s.radius > 0:
		p.dc.DrawCircle(p.x(s.at[0]), p.y(s.at[1]), s.radius*p.scale)
		p.finish(s.style)
	case s.closed:
		for _, ring := range s.lines {
			p.move(ring)
			p.dc.ClosePath()
			p.finish(s.style)
		}
	case s.lines != nil:
		for _, line := range s.lines {
			p.polyline(s.style, line)
		}
	default:
		// Edges of areas go to whole pixels.
		x, y := math.Round(p.x(s.rect.x)), math.Round(p.y(s.rect.y))
		p.dc.DrawRectangle(x, y, max(math.Round(p.x(s.rect.right()))-x, 1), max(math.Round(p.y(s.rect.bottom()))-y, 1))
		p.finish(s.style)
	}
}

func (p *painter) move(points []point) {
	for i, at := range points {
		if i == 0 {
			p.dc.NewSubPath()
			p.dc.MoveTo(p.x(at[0]), p.y(at[1]))
			continue
		}
		p.dc.LineTo(p.x(at[0]), p.y(at[1]))
	}
}

// piece is how many points of a long line make one path: the time for a path grows
// with the square of what is in it.
const piece = 8

// polyline draws a line piece by piece; dashes go on from one to the next.
func (p *painter) polyline(l style, points []point) {
	length := 0.0
	for from := 0; from < len(points)-1; from += piece {
		part := points[from:min(from+piece+1, len(points))]
		p.move(part)
		p.dc.SetDashOffset(length * p.scale)
		for i, at := range part[1:] {
			length += math.Hypot(at[0]-part[i][0], at[1]-part[i][1])
		}
		p.finish(l)
	}
	p.dc.SetDashOffset(0)
}

// finish paints the path.
func (p *painter) finish(l style) {
	opacity := cmp.Or(l.opacity, 1)
	if l.fill != none {
		p.dc.SetColor(translucent(p.theme[l.fill], opacity))
		p.dc.FillPreserve()
	}
	if l.stroke != none {
		dashes := make([]float64, len(l.dash))
		for i, length := range l.dash {
			dashes[i] = length * p.scale
		}
		p.dc.SetDash(dashes...)
		p.dc.SetLineCapButt()
		p.dc.SetLineJoinRound()
		p.dc.SetLineWidth(l.width * p.scale)
		p.dc.SetColor(translucent(p.theme[l.stroke], opacity))
		p.dc.StrokePreserve()
	}
	p.dc.ClearPath()
}

func translucent(c color.RGBA, opacity float64) color.Color {
	return color.NRGBA{c.R, c.G, c.B, uint8(opacity * 255)}
}

func (g group) paint(p *painter) {
	outside := *p
	p.at = point{p.at[0] + g.at[0], p.at[1] + g.at[1]}
	if g.clip != (box{}) {
		b := g.clip
		part := image.Rect(int(p.x(b.x)), int(p.y(b.y)), int(math.Ceil(p.x(b.right()))), int(math.Ceil(p.y(b.bottom()))))
		p.dc.DrawRectangle(float64(part.Min.X), float64(part.Min.Y), float64(part.Dx()), float64(part.Dy()))
		p.dc.Clip()
		defer p.dc.ResetClip()
	}
	p.all(g.items)
	p.at = outside.at
}

func (l label) paint(p *painter) {
	runs, width := p.shape(l.text, l.bold, l.size*p.scale)
	x, y := p.x(l.at[0])-l.anchor*width, p.y(l.at[1])
	for _, run := range runs {
		if l.halo {
			p.dc.SetColor(p.theme[card])
			p.dc.SetLineWidth(3 * p.scale)
			p.glyphs(run, x, y, p.dc.Stroke)
		}
		p.dc.SetColor(p.theme[l.ink])
		x = p.glyphs(run, x, y, p.dc.Fill)
	}
}

// glyphs draws a run and returns where it ends. Each letter is a path of its own.
func (p *painter) glyphs(run shaping.Output, x, y float64, draw func()) float64 {
	perUnit := toFloat(run.Size) / float64(run.Face.Upem())
	for _, glyph := range run.Glyphs {
		if outline, ok := run.Face.GlyphDataOutline(glyph.GlyphID); ok {
			p.outline(outline, x+toFloat(glyph.XOffset), y-toFloat(glyph.YOffset), perUnit)
			draw()
		}
		x += toFloat(glyph.Advance)
	}
	return x
}

func (p *painter) outline(outline typeface.GlyphOutline, x, y, perUnit float64) {
	for _, segment := range outline.Segments {
		var at [6]float64
		for i, a := range segment.Args {
			at[2*i], at[2*i+1] = x+float64(a.X)*perUnit, y-float64(a.Y)*perUnit
		}
		switch segment.Op {
		case opentype.SegmentOpMoveTo:
			p.dc.NewSubPath()
			p.dc.MoveTo(at[0], at[1])
		case opentype.SegmentOpLineTo:
			p.dc.LineTo(at[0], at[1])
		case opentype.SegmentOpQuadTo:
			p.dc.QuadraticTo(at[0], at[1], at[2], at[3])
		case opentype.SegmentOpCubeTo:
			p.dc.CubicTo(at[0], at[1], at[2], at[3], at[4], at[5])
		}
	}
}

// typesetter shapes text for images. It is for one goroutine.
type typesetter struct {
	fonts     *Fonts
	faces     map[*typeface.Font]*typeface.Face
	first     *typeface.Font // of the text that is shaped
	segmenter shaping.Segmenter
	shaper    shaping.HarfbuzzShaper
}

func newTypesetter(f *Fonts) *typesetter {
	return &typesetter{fonts: f, faces: map[*typeface.Font]*typeface.Face{}}
}

// ResolveFace implements shaping.Fontmap.
func (t *typesetter) ResolveFace(r rune) *typeface.Face {
	chosen := t.fontOf(r)
	if chosen == nil {
		chosen = t.first
	}
	if t.faces[chosen] == nil {
		t.faces[chosen] = typeface.NewFace(chosen)
	}
	return t.faces[chosen]
}

// fontOf is the font that draws a character, or nil.
func (t *typesetter) fontOf(r rune) *typeface.Font {
	for _, f := range []*typeface.Font{t.first, regular(), fallback()} {
		if f != nil {
			if _, has := f.Cmap.Lookup(r); has {
				return f
			}
		}
	}
	return t.fonts.with(r)
}

// invisible matches characters without a glyph.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// drawable reports whether every character of a text can be drawn.
func (t *typesetter) drawable(text string) bool {
	for _, r := range text {
		if !invisible(r) && t.fontOf(r) == nil {
			return false
		}
	}
	return true
}

// shape returns a text in runs from the left, without the characters that no font
// has, and its width in pixels.
func (t *typesetter) shape(text string, isBold bool, size float64) (runs []shaping.Output, width float64) {
	t.first = regular()
	if isBold {
		t.first = bold()
	}
	var runes []rune
	for _, r := range text {
		if invisible(r) || t.fontOf(r) != nil {
			runes = append(runes, r)
		}
	}
	if len(runes) == 0 {
		return nil, 0
	}
	direction := directionOf(runes)
	for _, input := range t.segmenter.Split(shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: direction, Face: t.ResolveFace(' '),
		Size:     fixed.Int26_6(max(math.Round(size), 1) * 64), // the shaper knows whole pixels only
		Language: language.NewLanguage("en"),
	}, t) {
		run := t.shaper.Shape(input)
		width += toFloat(run.Advance)
		if direction == di.DirectionRTL {
			runs = append([]shaping.Output{run}, runs...)
			continue
		}
		runs = append(runs, run)
	}
	return runs, width
}

// directionOf is the direction of the first letter that has one.
func directionOf(runes []rune) di.Direction {
	for _, r := range runes {
		switch {
		case unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko):
			return di.DirectionRTL
		case unicode.IsLetter(r):
			return di.DirectionLTR
		}
	}
	return di.DirectionLTR
}

func toFloat(f fixed.Int26_6) float64 { return float64(f) / 64 }
