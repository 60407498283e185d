package picture

import (
	"image"
	"image/png"
	"io"
	"testing"
)

// BenchmarkPNG draws each chart at its usual size.
func BenchmarkPNG(b *testing.B) {
	for name, c := range namedCharts(b, "Theft of equipment or media") {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := sheetOf(c).PNG(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("encoding alone", func(b *testing.B) {
		sheet := image.NewRGBA(image.Rect(0, 0, DefaultWidth, 600))
		for b.Loop() {
			if err := png.Encode(io.Discard, sheet); err != nil {
				b.Fatal(err)
			}
		}
	})
}
