// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"fmt"
	"image/color"
	"math"
	"strings"
)

// ink is a colour by its name; the theme decides what it looks like.
type ink int

const (
	none ink = iota
	card
	foreground
	muted
	rule
	faint
	accent
	edge // around the bars of levels
	sea
	land
	coast
	lowInk // these three are in the order of Level
	mediumInk
	highInk
	lowSoft
	mediumSoft
	highSoft
	series                         // the first of seriesInks
	heat     = series + seriesInks // the first of heatSteps
	heatText = heat + heatSteps    // text on heat colours
	inks     = heatText + heatSteps
)

const (
	seriesInks = 8
	heatSteps  = 6
)

// palette has the colours of a theme by ink.
type palette [inks]color.RGBA

// light and dark are the colours of the pages and of the files.
var (
	light = newPalette([]uint32{
		0, 0xffffff, 0x16202a, 0x55636f, 0xd9dfe3, 0xeef1f3, 0x0a5f86, 0x5b5320, 0xdce8ef, 0xfbfaf6, 0x75838e,
		0xc5d38c, 0xffbc1c, 0xfd661f,
	}, []uint32{0x0a6aa1, 0xb3470c, 0x00775a, 0x83459b, 0x8a6500, 0xbb2358, 0x4a5bb5, 0x5a6670}, 0xd3e5ee, 0x07415e)
	dark = newPalette([]uint32{
		0, 0x172027, 0xe8edf0, 0xa3b1bb, 0x3a4955, 0x212d36, 0x6cc0e5, 0xc9d3d9, 0x0e161c, 0x36454f, 0x8a9aa6,
		0x98a85c, 0xe9a71a, 0xfd661f,
	}, []uint32{0x5db5e6, 0xf2935a, 0x4fc7a3, 0xc99be0, 0xd8b24a, 0xf283a8, 0x9aa8f2, 0xb3bfc8}, 0x2b5064, 0xa4dcf5)
)

// newPalette computes what follows from the colours that are chosen: residual
// risks are half as strong, and cells have the text that is easiest to read.
func newPalette(named, lines []uint32, fewest, most uint32) *palette {
	var p palette
	for i, hex := range named {
		p[i] = rgb(hex)
	}
	for i := range highInk - lowInk + 1 {
		p[lowSoft+i] = mix(p[card], p[lowInk+i], 0.5)
	}
	for i, hex := range lines {
		p[int(series)+i] = rgb(hex)
	}
	for i := range ink(heatSteps) {
		p[heat+i] = mix(rgb(fewest), rgb(most), float64(i)/(heatSteps-1))
		p[heatText+i] = readable(p[heat+i])
	}
	return &p
}

var inkNames = [inks]string{
	"none", "card", "ink", "muted", "rule", "faint", "accent", "level-edge", "sea", "land", "coast",
	"low", "medium", "high", "low-soft", "medium-soft", "high-soft",
}

// variable is the name of the custom property that has the colour in a page.
func (i ink) variable() string {
	switch {
	case i >= heatText:
		return fmt.Sprintf("--heat-text-%d", i-heatText+1)
	case i >= heat:
		return fmt.Sprintf("--heat-%d", i-heat+1)
	case i >= series:
		return fmt.Sprintf("--series-%d", i-series+1)
	}
	return "--" + inkNames[i]
}

// Stylesheet is CSS with the colours of both themes as custom properties, for the
// pages that have charts. Which theme is in force follows from color-scheme.
func Stylesheet() string {
	var css strings.Builder
	css.WriteString(":root {\n")
	for i := card; i < inks; i++ {
		fmt.Fprintf(&css, "  %s: light-dark(%s, %s);\n", i.variable(), hexOf(light[i]), hexOf(dark[i]))
	}
	css.WriteString("}\n")
	return css.String()
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

func hexOf(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// mix is the colour at a share of the way from one to another.
func mix(from, to color.RGBA, share float64) color.RGBA {
	at := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*share + 0.5) }
	return color.RGBA{R: at(from.R, to.R), G: at(from.G, to.G), B: at(from.B, to.B), A: 0xff}
}

// readable is nearly black or white, whichever has more contrast on a colour.
func readable(on color.RGBA) color.RGBA {
	black, white := rgb(0x0b141a), rgb(0xffffff)
	if contrast(black, on) > contrast(white, on) {
		return black
	}
	return white
}

// contrast is the contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21.
func contrast(a, b color.RGBA) float64 {
	high, low := luminance(a), luminance(b)
	if high < low {
		high, low = low, high
	}
	return (high + 0.05) / (low + 0.05)
}

func luminance(c color.RGBA) float64 {
	linear := func(part uint8) float64 {
		s := float64(part) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
