// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-fonts/liberation/liberationsansregular"
	typeface "github.com/go-text/typesetting/font"
)

// painted returns the pixels of a page, as PNG has them.
func painted(t *testing.T, s Page, fonts *Fonts) image.Image {
	t.Helper()
	encoded, err := s.PNG(t.Context(), fonts)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

// pixels counts those of a colour.
func pixels(drawn image.Image, c color.RGBA) (n int) {
	for y := range drawn.Bounds().Dy() {
		for x := range drawn.Bounds().Dx() {
			if color.RGBAModel.Convert(drawn.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func TestImagesHaveTheRequestedSize(t *testing.T) {
	t.Parallel()
	sizes := []image.Point{{MinWidth, MinHeight}, {600, 600}, {1600, 900}}
	for name, c := range namedCharts(t, "Theft of equipment") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range sizes {
				s := pageOf(c)
				s.Width, s.Height = size.X, size.Y
				got := painted(t, s, nil).Bounds().Size()
				if got.X != size.X || got.Y < size.Y || got.Y > tallest {
					t.Errorf("asked for %s, got %s", size, got)
				}
				if size.Y >= 600 && !strings.HasSuffix(name, " many") && got.Y != size.Y {
					t.Errorf("%s has room for it, but it is %s", size, got)
				}
			}
		})
	}
}

// TestSameScene shows that the PNG of a page has the colours of its SVG where that has
// them.
func TestSameScene(t *testing.T) {
	t.Parallel()
	for kind, c := range namedCharts(t, "Fire") {
		for _, isDark := range []bool{false, true} {
			if isDark && kind != "bars" {
				continue
			}
			s := pageOf(c)
			s.Width, s.Dark = unitsAcross, isDark
			drawn := painted(t, s, nil)
			theme := s.theme()
			for _, d := range drawings(t, string(s.SVG())) {
				for _, e := range d.named("rect") {
					if fill := e.attr["fill"]; strings.HasPrefix(fill, "#") && e.w > 8 && e.h > 8 && fill == hexOf(theme[accent]) {
						at := e.center()
						if got := color.RGBAModel.Convert(drawn.At(int(at[0]), int(at[1]))).(color.RGBA); hexOf(got) != fill {
							t.Errorf("%s: %v is %s in the image, %s in the SVG", kind, at, hexOf(got), fill)
						}
					}
				}
			}
			if pixels(drawn, theme[card]) < 1000 || pixels(drawn, theme[foreground]) < 20 {
				t.Errorf("%s, dark %t: the ground or the text is missing", kind, isDark)
			}
		}
	}
}

func TestImagesOfHostileNames(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			charts := namedCharts(t, text)
			s := pageOf(charts["bars"], charts["levels"], charts["one step"], charts["radar"], charts["map"])
			s.Title, s.Width = Label{text}, 700
			if drawn := painted(t, s, nil); drawn.Bounds().Dx() != 700 {
				t.Errorf("%v", drawn.Bounds())
			}
		})
	}
}

func TestEmptyPageSaysSo(t *testing.T) {
	t.Parallel()
	if n := pixels(painted(t, pageOf(), nil), light[faint]); n < 50_000 {
		t.Errorf("an empty page has %d pixels of its ground", n)
	}
	if svg := string(pageOf().SVG()); !strings.Contains(svg, "There is nothing to show.") {
		t.Error("an empty page does not say that it is empty")
	}
}

func TestSameBytes(t *testing.T) {
	t.Parallel()
	for name, c := range namedCharts(t, "Fire") {
		if strings.HasSuffix(name, " many") {
			continue
		}
		first, err := pageOf(c).PNG(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		page, again := inline(c), inline(c)
		if second, err := pageOf(c).PNG(t.Context(), nil); err != nil || !bytes.Equal(first, second) || page != again {
			t.Errorf("%s is drawn differently the second time: %v", name, err)
		}
	}
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, c := range namedCharts(t, "Fire") {
		if _, err := pageOf(c).PNG(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fontOfIdeographs is a font whose glyph for A stands for the ideographs from 一 on.
func fontOfIdeographs(t *testing.T) []byte {
	t.Helper()
	ttf := bytes.Clone(liberationsansregular.TTF)
	glyph, _ := regular().Cmap.Lookup('A')
	cmap := binary.BigEndian.AppendUint32(nil, 1) // version 0, one table
	cmap = append(cmap, 0, 3, 0, 10, 0, 0, 0, 12, 0, 12, 0, 0)
	for _, value := range []uint32{28, 0, 1, 0x4e00, 0x4e00 + 1, uint32(glyph)} {
		cmap = binary.BigEndian.AppendUint32(cmap, value)
	}
	for i := 12; i < 12+16*int(binary.BigEndian.Uint16(ttf[4:])); i += 16 {
		if string(ttf[i:i+4]) == "cmap" {
			binary.BigEndian.PutUint32(ttf[i+8:], uint32(len(ttf)))
			binary.BigEndian.PutUint32(ttf[i+12:], uint32(len(cmap)))
			return append(ttf, cmap...)
		}
	}
	t.Fatal("the font has no cmap")
	return nil
}

// TestNamesThatCanBeDrawn takes the first name whose letters there are.
func TestNamesThatCanBeDrawn(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"a/broken.ttf": {Data: []byte("no font")}, "notes.txt": {Data: []byte("no font either")}, "cjk/Ideographs.ttf": {Data: fontOfIdeographs(t)},
	}
	const uuid = "14c790a2-ed95-48f0-9827-746415c4aacf"
	for name, tt := range map[string]struct {
		fonts  *Fonts
		names  Label
		chosen string
	}{
		"no fonts":               {nil, Label{"一丁", "", "Feu", uuid}, "Feu"},
		"no fonts, no language":  {&Fonts{}, Label{"一丁", "ไทย", uuid}, uuid},
		"fonts of the system":    {&Fonts{Files: files}, Label{"一丁", "Feu"}, "一丁"},
		"not of that script":     {&Fonts{Files: files}, Label{"ไทย", "Feu"}, "Feu"},
		"what every program can": {nil, Label{"Пожар Φωτιά حريق", "Feu"}, "Пожар Φωτιά حريق"},
	} {
		c := &canvas{Format: plainFormat, drawable: newTypesetter(tt.fonts).drawable}
		if got := c.pick(tt.names); got != tt.chosen {
			t.Errorf("%s: %q is drawn, want %q", name, got, tt.chosen)
		}
	}
	fonts := &Fonts{Files: files}
	bars := pageOf(Bars{Items: []Item{{Label: Label{"一丁一丁"}, Values: one(1)}}})
	with, without := painted(t, bars, fonts), painted(t, bars, nil)
	if pixels(with, light[foreground]) <= pixels(without, light[foreground]) {
		t.Error("a name in ideographs leaves no ink")
	}
}

// TestFontsGo shows that the fonts of the system stay in memory only while something is
// drawn with them.
func TestFontsGo(t *testing.T) {
	fonts := &Fonts{Files: fstest.MapFS{"Ideographs.ttf": {Data: fontOfIdeographs(t)}}}
	if fonts.with('一') == nil {
		t.Fatal("the font is not found")
	}
	runtime.GC()
	runtime.GC()
	if fonts.kept["Ideographs.ttf"].Value() != (*typeface.Font)(nil) {
		t.Error("the font stays in memory")
	}
	if fonts.with('丁') == nil {
		t.Error("the font is not found again")
	}
}

// BenchmarkCharts draws each chart for a page and as an image of the usual size.
func BenchmarkCharts(b *testing.B) {
	for name, c := range namedCharts(b, "Theft of equipment or media") {
		b.Run(name+"/page", func(b *testing.B) {
			b.ReportMetric(float64(len(inline(c))), "bytes")
			for b.Loop() {
				inline(c)
			}
		})
		b.Run(name+"/png", func(b *testing.B) {
			for b.Loop() {
				if _, err := pageOf(c).PNG(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
