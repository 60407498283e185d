package picture

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/go-text/typesetting/font"
)

// fonts are what text is drawn with. They are read only, for all pictures.
type fonts struct {
	regular, bold *font.Font
	fallback      *font.Font // has scripts that the others have not
}

// loadFonts parses the fonts when the first picture is drawn, so that a service
// that draws none does not start slower.
var loadFonts = sync.OnceValues(func() (f fonts, err error) {
	for _, source := range []struct {
		name string
		data []byte
		into **font.Font
	}{
		{"Liberation Sans", liberationsansregular.TTF, &f.regular},
		{"Liberation Sans Bold", liberationsansbold.TTF, &f.bold},
		{"DejaVu Sans", dejavusans.TTF, &f.fallback},
	} {
		face, err := font.ParseTTF(bytes.NewReader(source.data))
		if err != nil {
			return fonts{}, fmt.Errorf("read the font %s: %w", source.name, err)
		}
		*source.into = face.Font
	}
	return f, nil
})
