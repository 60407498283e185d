// SPDX-License-Identifier: AGPL-3.0-or-later

// Package chart defines charts once and draws them as SVG, for pages and files,
// and as PNG.
//
// A chart is laid out as a scene of shapes and texts, which both forms are made
// of. The package is given all that it shows, words and formats of numbers
// included, and reads neither a clock nor the environment: the same chart always
// gives the same bytes within one version of the program.
package chart

import (
	"fmt"
	"strings"
)

// Chart is one of Bars, Lines, Spark, Heat, Radar and Map.
type Chart interface {
	// draw lays the chart out from the upper left corner of an area, across its
	// width, and returns the height that it takes. A chart that can be higher than
	// it has to be grows to the height of the area.
	draw(c *canvas, area box) float64
	// widths are the widths that the chart is laid out for in a page, narrowest first.
	widths() []float64
}

// Label names a thing, in the order of preference: images show the first name that
// they have the letters for.
type Label []string

// Format writes figures in the language of the reader.
type Format struct {
	Number  func(float64) string // for values next to their marks
	Axis    func(float64) string // at an axis, with no more digits than it has
	Percent func(float64) string // of a share, where 1 is everything
}

// Layouts of a page: its stylesheet shows the one that suits the room that there is.
const (
	small  = 160.0
	narrow = 280.0
	medium = 520.0
	roomy  = 680.0
	wide   = 1120.0
)

var layouts = map[float64]string{small: "small", narrow: "narrow", medium: "medium", roomy: "roomy", wide: "wide"}

// Inline is a chart within a page.
type Inline struct {
	ID          string // unique in the page
	Title       string
	Description string // describes the chart in words
	Format      Format
}

// SVG draws a chart as elements for an HTML page, one for each layout. Colours are
// the custom properties of Stylesheet. Parts carry as data-row and data-col where
// their figures are in the table of the chart.
func (o Inline) SVG(chart Chart) string {
	var b strings.Builder
	for _, width := range chart.widths() {
		c := &canvas{Format: o.Format}
		height := chart.draw(c, box{w: width})
		w := svgWriter{b: &b, id: o.ID + "-" + layouts[width], inPage: true}
		w.open(width, height, fmt.Sprintf(` class="%s" role="group"`, layouts[width]), o.Title, o.Description)
		w.close(c.items)
	}
	return b.String()
}
