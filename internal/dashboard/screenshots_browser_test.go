// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "take the pictures in docs/screenshots again")

// screenshots are the folder of the pictures and what they may take together.
const (
	screenshots    = "../../docs/screenshots"
	screenshotsMax = 2_000_000
)

var (
	picturedPages = map[string]pictured{
		"overview": {path: "/stats"}, "evolution": {path: "/stats/evolution?days=365"}, "risks": {path: "/stats/evolution?of=risks&days=365"},
		"cartography": {path: "/stats/cartography"}, "compliance": {path: "/stats/compliance"}, "map": {path: "/stats/map"},
		"threat": {path: objectPath}, "vulnerability": {path: vulnerabilityPath}, "periods": {path: "/stats/periods"}, "report": {path: "/stats/report"},
		"comparison": {path: "/stats", compared: true}, "welcome": {path: "/stats", empty: true},
		"data": {path: "/stats/data", height: 900}, "search": {path: "/stats/search?q=a", height: 700}, "about": {path: "/about", height: 900},
		"help": {path: "/help", height: 900}, "api": {path: "/api/v1", height: 900}, "problem": {path: "/stats?days=nonsense", height: 700},
	}
	picturedWidths = map[string]int64{"desktop": 1280, "phone": 360}
	picturedThemes = []string{"light", "dark"}
)

// pictured is a page to take a picture of.
type pictured struct {
	path     string
	height   int  // of a page that goes on in the same way; 0: that of all others
	compared bool // with the figures of a client
	empty    bool // there are no figures
}

// TestScreenshotsOfEveryPage shows that there is a picture of every page, or takes them.
func TestScreenshotsOfEveryPage(t *testing.T) {
	if *update {
		takeScreenshots(t)
	}
	total := int64(0)
	for page := range picturedPages {
		for width := range picturedWidths {
			for _, theme := range picturedThemes {
				info, err := os.Stat(screenshotPath(page, width, theme))
				if err != nil {
					t.Errorf("%v; take it with the task screenshots", err)
					continue
				}
				total += info.Size()
			}
		}
	}
	if total > screenshotsMax {
		t.Errorf("the pictures take %d bytes, more than %d", total, screenshotsMax)
	}
}

func screenshotPath(page, width, theme string) string {
	return filepath.Join(screenshots, page+"-"+width+"-"+theme+".png")
}

func takeScreenshots(t *testing.T) {
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	browser, year, fresh := startBrowser(t), setup(t), setup(t)
	year.addYear()
	for name, of := range picturedPages {
		s := year
		if of.empty {
			s = fresh
		}
		for width, pixels := range picturedWidths {
			tab := openTab(t, browser, s)
			tab.do(chromedp.EmulateViewport(pixels, 800))
			tab.load(s.url + of.path)
			if of.compared {
				_, key := s.firstClient()
				tab.enterKey(key)
				tab.until(comparedReady)
			}
			for _, theme := range picturedThemes {
				tab.prefer(theme)
				tab.until(`document.documentElement.dataset.theme === '` + theme + `'`)
				tab.until(`!document.querySelector('#reader:not([data-ready])')`)
				expectDrawn(tab, chartsOn(tab))
				picture, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(screenshotPath(name, width, theme), fewColors(t, picture, cmp.Or(of.height, shownHeight)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// paletteSize is how many colours a picture keeps: flat pages need few, and up to 16
// take half a byte each.
const paletteSize = 16

// shownHeight is how much a picture shows of a long page, in pixels.
const shownHeight = 1350

// fewColors makes a picture a fraction of its size: its most frequent colours
// stay, each other one becomes the nearest of them. Of a long page it keeps the top.
func fewColors(t *testing.T, encoded []byte, height int) []byte {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	shown := picture.Bounds()
	shown.Max.Y = min(shown.Max.Y, shown.Min.Y+height)
	reduced := image.NewPaletted(shown, frequentColors(picture))
	nearest := map[color.Color]uint8{}
	for y := range shown.Dy() {
		for x := range shown.Dx() {
			c := picture.At(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(reduced.Palette.Index(c))
				nearest[c] = index
			}
			reduced.SetColorIndex(x, y, index)
		}
	}
	var buffer bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&buffer, reduced); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func frequentColors(picture image.Image) color.Palette {
	count := map[color.Color]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			count[picture.At(x, y)]++
		}
	}
	// Hues that are hardly different would leave none for small areas, such as patterns.
	var colors color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] }) {
		if !slices.ContainsFunc(colors, func(taken color.Color) bool { return near(c, taken) }) {
			colors = append(colors, c)
		}
		if len(colors) == paletteSize {
			break
		}
	}
	return colors
}

// near reports whether two colours look alike.
func near(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	apart := func(x, y uint32) int { return int(x>>8) - int(y>>8) }
	dr, dg, db := apart(r, r2), apart(g, g2), apart(bl, bl2)
	return dr*dr+dg*dg+db*db < 500
}
