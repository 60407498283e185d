package picture

import (
	"image"
	"image/color"
	"math"

	"git.sr.ht/~sbinet/gg"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/shaping"
)

// box is an area in units.
type box struct{ x, y, w, h float64 }

func (b box) right() float64  { return b.x + b.w }
func (b box) bottom() float64 { return b.y + b.h }

// pen draws in units, of which the scale makes pixels.
type pen struct {
	look
	format Format
	scale  float64
	text   *typesetter
	tight  bool // the height is given: parts ask for no more than they need
	// stopped tells whether nobody waits for the picture any more.
	stopped func() bool
	image   *image.RGBA
	dc      *gg.Context
}

// least is a height that looks good or, where the height of the picture is given,
// the share of it that still can be read.
func (p *pen) least(height, share float64) float64 {
	if p.tight {
		return height * share
	}
	return height
}

// start takes a sheet, whose size is in pixels.
func (p *pen) start(width, height int) {
	p.image = image.NewRGBA(image.Rect(0, 0, width, height))
	p.dc = gg.NewContextForRGBA(p.image)
	p.dc.SetColor(p.card)
	p.dc.Clear()
}

// style is how text looks.
type style struct {
	size  float64 // in units
	bold  bool
	color color.RGBA
}

// lineHeight is the distance of lines of a style.
func (s style) lineHeight() float64 { return s.size * 1.3 }

// anchors of a text: the side, or the middle, that x is about.
const (
	left   = 0.0
	middle = 0.5
	right  = 1.0
)

// width is how wide a text is in one line.
func (p *pen) width(s style, text string) float64 {
	lines := p.text.lines(text, s.bold, s.size*p.scale, math.MaxInt16, 1)
	if len(lines) == 0 {
		return 0
	}
	return lines[0].width / p.scale
}

// wrap breaks a text into lines of a width, most of them at most.
func (p *pen) wrap(s style, text string, width float64, most int) []line {
	return p.text.lines(text, s.bold, s.size*p.scale, width*p.scale, most)
}

// write draws a text on one line with its baseline at y, cut at a width.
func (p *pen) write(s style, text string, x, y, anchor, width float64) {
	for _, l := range p.wrap(s, text, width, 1) {
		p.writeLine(s, l, x, y, anchor)
	}
}

// paragraph draws lines below y, and returns where they end.
func (p *pen) paragraph(s style, lines []line, x, y, anchor float64) float64 {
	for _, l := range lines {
		p.writeLine(s, l, x, y+s.size, anchor)
		y += s.lineHeight()
	}
	return y
}

func (p *pen) writeLine(s style, l line, x, y, anchor float64) {
	p.dc.SetColor(s.color)
	p.outlines(l, x*p.scale-anchor*l.width, y*p.scale, p.dc.Fill)
}

// writeOver draws a text so that it can be read over lines.
func (p *pen) writeOver(s style, text string, x, y float64) {
	for _, l := range p.wrap(s, text, math.MaxInt16, 1) {
		p.dc.SetColor(p.card)
		p.dc.SetLineWidth(3 * p.scale)
		p.outlines(l, x*p.scale, y*p.scale, p.dc.Stroke)
		p.dc.SetColor(s.color)
		p.outlines(l, x*p.scale, y*p.scale, p.dc.Fill)
	}
}

// outlines draws the letters of a line, from a place in pixels on. Each is a path
// of its own: the time for a path grows with the square of what is in it.
func (p *pen) outlines(l line, x, y float64, draw func()) {
	for _, run := range l.runs {
		x = p.glyphs(run, x, y, draw)
	}
}

// glyphs draws a run and returns where it ends.
func (p *pen) glyphs(run shaping.Output, x, y float64, draw func()) float64 {
	perUnit := toFloat(run.Size) / float64(run.Face.Upem())
	for _, glyph := range run.Glyphs {
		if outline, ok := run.Face.GlyphData(glyph.GlyphID).(font.GlyphOutline); ok {
			p.outline(outline, x+toFloat(glyph.XOffset), y-toFloat(glyph.YOffset), perUnit)
			draw()
		}
		x += toFloat(glyph.Advance)
	}
	return x
}

func (p *pen) outline(outline font.GlyphOutline, x, y, perUnit float64) {
	at := func(point opentype.SegmentPoint) (float64, float64) {
		return x + float64(point.X)*perUnit, y - float64(point.Y)*perUnit
	}
	for _, segment := range outline.Segments {
		x1, y1 := at(segment.Args[0])
		x2, y2 := at(segment.Args[1])
		x3, y3 := at(segment.Args[2])
		switch segment.Op {
		case opentype.SegmentOpMoveTo:
			p.dc.NewSubPath()
			p.dc.MoveTo(x1, y1)
		case opentype.SegmentOpLineTo:
			p.dc.LineTo(x1, y1)
		case opentype.SegmentOpQuadTo:
			p.dc.QuadraticTo(x1, y1, x2, y2)
		case opentype.SegmentOpCubeTo:
			p.dc.CubicTo(x1, y1, x2, y2, x3, y3)
		}
	}
}

// fill paints an area, whose edges go to whole pixels.
func (p *pen) fill(b box, c color.Color) {
	p.rectangle(b)
	p.dc.SetColor(c)
	p.dc.Fill()
}

// rectangle adds an area to the path.
func (p *pen) rectangle(b box) {
	x, y := math.Round(b.x*p.scale), math.Round(b.y*p.scale)
	right, bottom := math.Round(b.right()*p.scale), math.Round(b.bottom()*p.scale)
	p.dc.DrawRectangle(x, y, right-x, bottom-y)
}

// frame draws the edge of an area within it.
func (p *pen) frame(b box, s stroke) {
	in := s.width / 2
	p.dc.DrawRectangle(
		math.Round(b.x*p.scale)+in*p.scale, math.Round(b.y*p.scale)+in*p.scale,
		math.Round(b.right()*p.scale)-math.Round(b.x*p.scale)-2*in*p.scale,
		math.Round(b.bottom()*p.scale)-math.Round(b.y*p.scale)-2*in*p.scale)
	p.stroke(s)
}

// stroke is how a line looks, in units.
type stroke struct {
	color color.Color
	width float64
	dash  []float64
}

// stroke draws the path as a line.
func (p *pen) stroke(s stroke) {
	dashes := make([]float64, len(s.dash))
	for i, length := range s.dash {
		dashes[i] = length * p.scale
	}
	p.dc.SetDash(dashes...)
	p.dc.SetLineCapRound()
	if len(dashes) > 0 {
		p.dc.SetLineCapButt()
	}
	p.dc.SetLineJoinRound()
	p.dc.SetLineWidth(s.width * p.scale)
	p.dc.SetColor(s.color)
	p.dc.Stroke()
	p.dc.SetDash()
}

// piece is how many points of a long line make one path; see outlines.
const piece = 8

// polyline draws a line through points, piece by piece; dashes go on from one to
// the next.
func (p *pen) polyline(s stroke, points [][2]float64) {
	length := 0.0
	for from := 0; from < len(points)-1; from += piece {
		part := points[from:min(from+piece+1, len(points))]
		p.moveTo(part[0][0], part[0][1])
		p.dc.SetDashOffset(length * p.scale)
		for i, at := range part[1:] {
			p.lineTo(at[0], at[1])
			length += math.Hypot(at[0]-part[i][0], at[1]-part[i][1])
		}
		p.stroke(s)
	}
	p.dc.SetDashOffset(0)
}

// rule draws a thin straight line on whole pixels.
func (p *pen) rule(x1, y1, x2, y2 float64, c color.Color) {
	thick := max(math.Round(p.scale), 1)
	x, y := math.Round(x1*p.scale), math.Round(y1*p.scale)
	p.dc.DrawRectangle(x, y, max(math.Round(x2*p.scale)-x, thick), max(math.Round(y2*p.scale)-y, thick))
	p.dc.SetColor(c)
	p.dc.Fill()
}

// moveTo and lineTo add to the path.
func (p *pen) moveTo(x, y float64) { p.dc.NewSubPath(); p.dc.MoveTo(x*p.scale, y*p.scale) }
func (p *pen) lineTo(x, y float64) { p.dc.LineTo(x*p.scale, y*p.scale) }

func (p *pen) circle(x, y, radius float64) { p.dc.DrawCircle(x*p.scale, y*p.scale, radius*p.scale) }

// fillPath paints the path.
func (p *pen) fillPath(c color.Color) {
	p.dc.SetColor(c)
	p.dc.Fill()
}
