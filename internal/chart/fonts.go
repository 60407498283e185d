// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"bytes"
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"weak"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	typeface "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
)

// The fonts in the program are parsed when they are first needed.
var (
	regular  = built(liberationsansregular.TTF)
	bold     = built(liberationsansbold.TTF)
	fallback = built(dejavusans.TTF) // has scripts that the others lack; also measures
)

func built(data []byte) func() *typeface.Font {
	return sync.OnceValue(func() *typeface.Font {
		face, err := typeface.ParseTTF(bytes.NewReader(data))
		if err != nil {
			panic("chart: a font of the program is broken: " + err.Error()) // a test draws with each
		}
		return face.Font
	})
}

// advance is the width of a character in ems.
func advance(r rune) float64 {
	f := fallback()
	if r > 0x2ff && unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if glyph, found := f.Cmap.Lookup(r); found {
		return float64((&typeface.Face{Font: f}).HorizontalAdvance(glyph)) / float64(f.Upem())
	}
	return 1.05 // ideographs and emoji; letters of other scripts are narrower
}

// Fonts are those of the system, for scripts that the fonts of the program lack.
// They are read when a text needs them, and go when nothing is drawn with them any
// more. The zero value has none.
type Fonts struct {
	Files fs.FS // a folder of fonts, with folders in it; nil: none

	mu    sync.Mutex
	names []string                               // of files that may be fonts, likely ones first
	found map[language.Script]string             // by script: the file that has it, or empty
	kept  map[string]weak.Pointer[typeface.Font] // by file
}

// mostBytes is the largest font that is read.
const mostBytes = 40 << 20

var (
	fontFile = regexp.MustCompile(`(?i)\.(ttf|otf|ttc|otc)$`)
	// unlikely are the files that are looked at last: other weights and looks.
	unlikely = regexp.MustCompile(`(?i)bold|italic|oblique|light|thin|black|mono|serif|condensed|emoji`)
)

// with returns a font that has a character, or nil.
func (f *Fonts) with(r rune) *typeface.Font {
	if f == nil || f.Files == nil {
		return nil
	}
	script := language.LookupScript(r)
	if script == language.Common || script == language.Inherited { // symbols
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found == nil {
		f.found, f.kept = map[language.Script]string{}, map[string]weak.Pointer[typeface.Font]{}
		f.list()
	}
	if name, known := f.found[script]; known {
		return f.read(name)
	}
	for _, name := range f.names {
		if font := f.read(name); font != nil {
			if _, has := font.Cmap.Lookup(r); has {
				f.found[script] = name
				return font
			}
		}
	}
	f.found[script] = ""
	return nil
}

func (f *Fonts) list() {
	_ = fs.WalkDir(f.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && fontFile.MatchString(name) {
			f.names = append(f.names, name)
		}
		return nil // unreadable folders have no fonts
	})
	rank := func(name string) int { return len(unlikely.FindAllString(path.Base(name), -1)) }
	slices.SortFunc(f.names, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
}

// read returns the font of a file, or nil where it has none that can be used.
func (f *Fonts) read(name string) *typeface.Font {
	if name == "" {
		return nil
	}
	if font := f.kept[name].Value(); font != nil {
		return font
	}
	if info, err := fs.Stat(f.Files, name); err != nil || info.Size() > mostBytes {
		return nil
	}
	data, err := fs.ReadFile(f.Files, name)
	if err != nil {
		return nil
	}
	loaders, err := opentype.NewLoaders(bytes.NewReader(data))
	if err != nil || len(loaders) == 0 {
		return nil
	}
	font, err := typeface.NewFont(loaders[0]) // the others of a collection have the same letters
	if err != nil {
		return nil
	}
	f.kept[name] = weak.Make(font)
	return font
}
