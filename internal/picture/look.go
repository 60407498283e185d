package picture

import "image/color"

// look are the colours of a theme: those of the pages.
type look struct {
	card, ink, muted, rule, faint, accent, edge color.RGBA
	heat                                        [2]color.RGBA // fewest and most
	series                                      []color.RGBA
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

func rgbs(hexes ...uint32) []color.RGBA {
	colors := make([]color.RGBA, len(hexes))
	for i, hex := range hexes {
		colors[i] = rgb(hex)
	}
	return colors
}

var light = look{
	card: rgb(0xffffff), ink: rgb(0x16202a), muted: rgb(0x55636f), rule: rgb(0xd9dfe3), faint: rgb(0xeef1f3),
	accent: rgb(0x0a5f86), edge: rgb(0x5b5320), heat: [2]color.RGBA{rgb(0xe3eef3), rgb(0x07415e)},
	series: rgbs(0x0a6aa1, 0xb3470c, 0x00775a, 0x83459b, 0x8a6500, 0xbb2358, 0x4a5bb5, 0x5a6670),
}

var dark = look{
	card: rgb(0x172027), ink: rgb(0xe8edf0), muted: rgb(0xa3b1bb), rule: rgb(0x2d3a44), faint: rgb(0x1e2932),
	accent: rgb(0x6cc0e5), edge: rgb(0x0f151a), heat: [2]color.RGBA{rgb(0x1f2f39), rgb(0x8fd3f2)},
	series: rgbs(0x5db5e6, 0xf2935a, 0x4fc7a3, 0xc99be0, 0xd8b24a, 0xf283a8, 0x9aa8f2, 0xb3bfc8),
}

// mix is the colour at a share of the way from one to another.
func mix(from, to color.RGBA, share float64) color.RGBA {
	at := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*share + 0.5) }
	return color.RGBA{R: at(from.R, to.R), G: at(from.G, to.G), B: at(from.B, to.B), A: 0xff}
}

// contrast is nearly black or white, whichever is easier to read on a colour.
func contrast(on color.RGBA) color.RGBA {
	linear := func(c uint8) float64 { s := float64(c) / 255; return s * s }
	if 0.2126*linear(on.R)+0.7152*linear(on.G)+0.0722*linear(on.B) > 0.2 {
		return rgb(0x0b141a)
	}
	return rgb(0xffffff)
}

// fade is a colour through which what is below shows.
func fade(c color.RGBA, opacity float64) color.NRGBA {
	return color.NRGBA{R: c.R, G: c.G, B: c.B, A: uint8(opacity*255 + 0.5)}
}
