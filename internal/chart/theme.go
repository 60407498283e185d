// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	_ "embed"
	"fmt"
	"image/color"
	"regexp"
	"strconv"
)

// ink is a colour by the name of its custom property; the theme decides what it looks
// like.
type ink string

const (
	none       ink = ""
	card       ink = "card"
	foreground ink = "ink"
	muted      ink = "muted"
	rule       ink = "rule"
	faint      ink = "faint"
	accent     ink = "accent"
	edge       ink = "level-edge" // around the bars of levels
	hatch      ink = "hatch"      // over the colours of levels
	sea        ink = "sea"
	land       ink = "land"
	coast      ink = "coast"
	primary    ink = "series-1"
	secondary  ink = "series-2"
)

const (
	seriesInks = 8
	heatSteps  = 6
)

func seriesInk(i int) ink      { return ink("series-" + strconv.Itoa(i%seriesInks+1)) }
func heatInk(step int) ink     { return ink("heat-" + strconv.Itoa(step+1)) }
func heatTextInk(step int) ink { return ink("heat-text-" + strconv.Itoa(step+1)) } // on heatInk

func (l Level) ink() ink { return [...]ink{Low: "low", Medium: "medium", High: "high"}[l] }

// Stylesheet is CSS with the colours of both themes as custom properties, for the pages
// that have charts. Which theme is in force follows from color-scheme.
//
//go:embed colors.css
var Stylesheet string

// palette has the colours of a theme.
type palette map[ink]color.RGBA

// light and dark are the themes of files.
var light, dark = palettes(Stylesheet)

var definition = regexp.MustCompile(`--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);`)

func palettes(css string) (light, dark palette) {
	light, dark = palette{}, palette{}
	for _, found := range definition.FindAllStringSubmatch(css, -1) {
		light[ink(found[1])], dark[ink(found[1])] = rgb(found[2]), rgb(found[3])
	}
	return light, dark
}

func rgb(hex string) color.RGBA {
	c := color.RGBA{A: 0xff}
	_, _ = fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B) // a test reads every colour
	return c
}

func hexOf(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
