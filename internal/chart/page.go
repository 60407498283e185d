// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"

	"git.sr.ht/~sbinet/gg"
)

// Bounds of the size of a requested file, in pixels.
const (
	MinWidth     = 320
	MaxWidth     = 2400
	MinHeight    = 200
	MaxHeight    = 2400
	DefaultWidth = 1000
)

// Page is a file with charts, of which it says what they show and where the figures
// are from.
type Page struct {
	Title    Label
	Subtitle string   // how to read the figures; may be empty
	Period   string   // the period of the figures; may be empty
	Nothing  string   // text shown if there are no charts
	Notes    []Label  // notes below the charts, line by line
	Footer   []string // source of the figures and what is not shown

	Panels []Panel

	Width  int // in pixels, from MinWidth to MaxWidth
	Height int // in pixels, from MinHeight to MaxHeight; 0: as high as needed
	Dark   bool
	Site   string // where paths that charts link to are, such as https://example.org; empty: nobody knows

	Format Format
}

// Panel is one chart of a page.
type Panel struct {
	Title Label // may be empty
	Chart Chart
}

const (
	unitsAcross = 800.0 // wider pages have larger letters, in pixels
	padding     = 22.0
	gutter      = 24.0
	// smallest is the least scale at which letters are still legible. Charts that
	// do not fit then make a page higher than requested.
	smallest = 0.5
	tallest  = 9600 // pixels, beyond which a page is cut
)

var (
	titleFont   = font{size: 19, bold: true, ink: foreground}
	panelFont   = font{size: 15, bold: true, ink: foreground}
	nothingFont = font{size: 16, ink: muted}
)

// SVG draws the page as an SVG file.
func (s Page) SVG() []byte {
	c, _, width, height := s.layout(nil)
	var b strings.Builder
	w := svgWriter{b: &b, id: "c", theme: s.theme(), site: s.Site}
	size := fmt.Sprintf(` width="%d" height="%d" role="img" font-family="%s"`, s.Width, s.pixels(width, height), escaped(fontFamily))
	w.open(width, height, size, c.pick(s.Title), strings.Join(append([]string{s.Period, s.Subtitle}, s.Footer...), " "))
	w.close(c.items)
	return []byte(b.String())
}

// PNG draws the page as an image. It returns the error of ctx.
func (s Page) PNG(ctx context.Context, fonts *Fonts) ([]byte, error) {
	t := newTypesetter(fonts)
	c, scale, width, height := s.layout(t.drawable)
	drawn := image.NewRGBA(image.Rect(0, 0, s.Width, s.pixels(width, height)))
	p := &painter{
		typesetter: t, theme: s.theme(), scale: scale, image: drawn, dc: gg.NewContextForRGBA(drawn),
		stop: func() bool { return ctx.Err() != nil },
	}
	p.all(c.items)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	if err := png.Encode(&buffer, drawn); err != nil {
		return nil, fmt.Errorf("encode image: %w", err)
	}
	return buffer.Bytes(), nil
}

func (s Page) theme() palette {
	if s.Dark {
		return dark
	}
	return light
}

func (s Page) pixels(width, height float64) int {
	return int(math.Ceil(height*float64(s.Width)/width - 1e-6))
}

// layout finds the largest scale at which everything has room.
func (s Page) layout(drawable func(string) bool) (c *canvas, scale, width, height float64) {
	scale = max(float64(s.Width)/unitsAcross, 1)
	wanted := float64(s.Height)
	for {
		width = float64(s.Width) / scale
		c, height = s.arrange(drawable, width, 0)
		if s.Height == 0 || height*scale <= wanted || scale <= smallest {
			break
		}
		scale = max(scale*0.94, smallest)
	}
	if spare := wanted/scale - height; spare > 0 {
		c, _ = s.arrange(drawable, width, spare)
		height = wanted / scale
	}
	height = min(height, tallest/scale)
	c.items = append([]item{shape{style: style{fill: card}, rect: box{w: width, h: height}}}, c.items...)
	return c, scale, width, height
}

// arrange puts the parts below each other and returns the height that they take.
// Charts share the spare height row by row.
func (s Page) arrange(drawable func(string) bool, width, spare float64) (*canvas, float64) {
	c := &canvas{Format: s.Format, drawable: drawable}
	inner := width - 2*padding
	y := c.paragraph(titleFont, wrap(titleFont, c.pick(s.Title), inner, 2), point{padding, padding}, left) + 3
	y = c.paragraph(noteFont, wrap(noteFont, s.Subtitle, inner, 3), point{padding, y}, left)
	y = c.paragraph(noteFont.in(foreground), wrap(noteFont, s.Period, inner, 2), point{padding, y}, left) + 14
	if len(s.Panels) == 0 {
		area := box{padding, y, inner, 140 + spare}
		c.rect(area, style{fill: faint})
		lines := wrap(nothingFont, s.Nothing, min(inner, 520), 6)
		c.paragraph(nothingFont, lines, point{width / 2, y + (area.h-float64(len(lines))*nothingFont.leading())/2}, middle)
		y = area.bottom() + gutter
	} else {
		y = s.panels(c, box{padding, y, inner, 0}, spare)
	}
	for _, note := range s.Notes {
		y = c.paragraph(noteFont.in(foreground), wrap(noteFont, c.pick(note), inner, 2), point{padding, y}, left) + 2
	}
	y += 8
	c.line(style{stroke: rule, width: 1}, point{padding, y}, point{width - padding, y})
	y += 6
	for _, text := range s.Footer {
		y = c.paragraph(noteFont, wrap(noteFont, text, inner, 3), point{padding, y}, left)
	}
	return c, y + padding*0.7
}

// panels draws the charts, two side by side if there is space.
func (s Page) panels(c *canvas, area box, spare float64) float64 {
	columns := 1
	if len(s.Panels) > 1 && area.w >= 640 {
		columns = 2
	}
	rows := (len(s.Panels) + columns - 1) / columns
	width := (area.w - float64(columns-1)*gutter) / float64(columns)
	for row := range rows {
		lowest := area.y
		for column, panel := range s.Panels[row*columns : min((row+1)*columns, len(s.Panels))] {
			x, y := area.x+float64(column)*(width+gutter), area.y
			if title := c.pick(panel.Title); len(panel.Title) > 0 {
				y = c.paragraph(panelFont, wrap(panelFont, title, width, 1), point{x, y}, left) + 8
			}
			natural := panel.Chart.draw(&canvas{Format: s.Format, drawable: c.drawable}, box{w: width}) // only measured
			lowest = max(lowest, y+panel.Chart.draw(c, box{x, y, width, natural + spare/float64(rows)}))
		}
		area.y = lowest + gutter
	}
	return area.y
}
