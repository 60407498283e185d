// Package picture draws charts as PNG pictures, for places where no script runs:
// a mail, a wiki, a report on paper.
//
// It is given all that it shows, words and formats of numbers included, and reads
// neither a clock nor a file, so that the same Picture always gives the same bytes
// within one version of the program. Text of any kind can be drawn: what has no
// room is cut with an ellipsis, what no font has becomes a box, and what would
// disturb the text around it is left out.
package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
)

// Bounds of the size that a picture can be asked for, in pixels.
const (
	MinWidth  = 320
	MaxWidth  = 2400
	MinHeight = 200
	MaxHeight = 2400
)

// DefaultWidth is the width of a picture in pixels unless another one is asked for.
const DefaultWidth = 1000

// Picture is what is drawn: a title, the panels and where the figures are from.
type Picture struct {
	Title    string
	Subtitle string   // how to read the figures; may be empty
	Period   string   // what the figures are about; may be empty
	Nothing  string   // stands in place of the panels when there are none
	Footer   []string // where the figures are from and what is not shown

	Panels []Panel

	Width  int // in pixels, from MinWidth to MaxWidth
	Height int // in pixels, from MinHeight to MaxHeight; 0: what the panels need
	Dark   bool

	Language string // of the words; the same figures in another one are another picture
	Format   Format
}

// Panel is one chart of a picture.
type Panel struct {
	Title string // may be empty
	Chart Chart
}

// Chart is one of Bars, Levels, Lines, Heat, Radar and Map.
type Chart interface {
	// height is what the chart needs at a width, both in units.
	height(p *pen, width float64) float64
	// draw uses the area, which is at least as high as height asks for.
	draw(p *pen, area box)
}

// Format writes figures in the language of the picture.
type Format struct {
	Number  func(float64) string // beside what it belongs to
	Axis    func(float64) string // at an axis, with no more digits than it has
	Percent func(float64) string // of a share, where 1 is everything
}

// PNG draws the picture. The error is that of ctx, which is looked at between the
// parts of the work, or tells that the program was built with broken fonts.
func (p Picture) PNG(ctx context.Context) ([]byte, error) {
	drawn, err := p.paint(ctx)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	if err := png.Encode(&buffer, drawn); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return buffer.Bytes(), nil
}

func (p Picture) paint(ctx context.Context) (*image.RGBA, error) {
	loaded, err := loadFonts()
	if err != nil {
		return nil, err
	}
	l := p.layout(newTypesetter(loaded))
	pen := l.pen
	pen.stopped = func() bool { return ctx.Err() != nil }
	pen.start(l.width, l.height)
	l.header()
	for i := range p.Panels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.panel(p, i)
	}
	l.nothing(p)
	l.footer()
	return pen.image, ctx.Err()
}
