package picture

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/segmenter"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

const (
	// longest is how many characters of a text are looked at; no line holds more.
	longest = 600
	// longestCluster is of how many characters one letter with its marks may be:
	// more would grow over the lines above and below.
	longestCluster = 4
	// missing stands for what no font has.
	missing  = '□'
	ellipsis = "…"
)

// typesetter shapes text. It is for one goroutine.
type typesetter struct {
	regular, bold faces
	segmenter     shaping.Segmenter
	graphemes     segmenter.Segmenter
	shaper        shaping.HarfbuzzShaper
	wrapper       shaping.LineWrapper
}

// faces are tried in turn.
type faces []*font.Face

// ResolveFace implements shaping.Fontmap.
func (f faces) ResolveFace(r rune) *font.Face {
	for _, face := range f {
		if _, found := face.NominalGlyph(r); found {
			return face
		}
	}
	return f[0]
}

func (f faces) has(r rune) bool {
	_, found := f.ResolveFace(r).NominalGlyph(r)
	return found
}

func newTypesetter(f fonts) *typesetter {
	fallback := font.NewFace(f.fallback)
	return &typesetter{
		regular: faces{font.NewFace(f.regular), fallback},
		bold:    faces{font.NewFace(f.bold), fallback},
	}
}

// line is one line of shaped text. Its runs are in the order of their places,
// from the left.
type line struct {
	runs  []shaping.Output
	width float64 // in pixels
}

// lines breaks a text into lines of a width and a size in pixels, up to most of
// them; what is left is cut with an ellipsis.
func (t *typesetter) lines(text string, bold bool, size, width float64, most int) []line {
	from := t.regular
	if bold {
		from = t.bold
	}
	runes := t.clean(text, from)
	size = max(math.Round(size), 1) // the shaper knows whole pixels only
	if len(runes) == 0 || most < 1 {
		return nil
	}
	direction := directionOf(runes)
	config := shaping.WrapConfig{Direction: direction, TruncateAfterLines: most, BreakPolicy: shaping.WhenNecessary}
	if most == 1 {
		config.BreakPolicy = shaping.Always
	}
	if cut := t.shape([]rune(ellipsis), from, size, direction); len(cut) == 1 {
		config.Truncator = cut[0]
	}
	shaped := t.shape(runes, from, size, direction)
	wrapped, _ := t.wrapper.WrapParagraphF(config, toFixed(max(width, 1)), runes, shaping.NewSliceIterator(shaped))
	broken := make([]line, len(wrapped))
	for i, runs := range wrapped {
		broken[i] = arrange(runs)
	}
	return broken
}

// arrange copies the runs of a line, which belong to the wrapper.
func arrange(runs shaping.Line) line {
	var l line
	for _, run := range runs {
		run.Glyphs = slices.Clone(run.Glyphs)
		l.runs = append(l.runs, run)
		l.width += toFloat(run.Advance)
	}
	slices.SortStableFunc(l.runs, func(a, b shaping.Output) int { return cmp.Compare(a.VisualIndex, b.VisualIndex) })
	return l
}

func (t *typesetter) shape(runes []rune, from faces, size float64, direction di.Direction) []shaping.Output {
	inputs := t.segmenter.Split(shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: direction, Face: from[0], Size: toFixed(size),
		Language: language.NewLanguage("en"),
	}, from)
	outputs := make([]shaping.Output, len(inputs))
	for i, input := range inputs {
		outputs[i] = t.shaper.Shape(input)
	}
	return outputs
}

// directionOf is the direction of the first letter that has one.
func directionOf(runes []rune) di.Direction {
	for _, r := range runes {
		switch {
		case unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko):
			return di.DirectionRTL
		case unicode.IsLetter(r):
			return di.DirectionLTR
		}
	}
	return di.DirectionLTR
}

// clean makes a text one that can be drawn on one line.
func (t *typesetter) clean(text string, from faces) []rune {
	runes := plain(text)
	t.graphemes.Init(runes)
	drawable := make([]rune, 0, len(runes))
	for clusters := t.graphemes.GraphemeIterator(); clusters.Next(); {
		cluster := clusters.Grapheme().Text
		if slices.ContainsFunc(cluster, func(r rune) bool { return !isInvisible(r) && !from.has(r) }) {
			drawable = append(drawable, missing)
			continue
		}
		drawable = append(drawable, cluster[:min(len(cluster), longestCluster)]...)
	}
	if len(drawable) == 0 && text != "" {
		return []rune{missing}
	}
	return drawable
}

// plain leaves out what is no text, such as control characters, and what changes
// the direction of the text around it. White space becomes single spaces.
func plain(text string) []rune {
	var runes []rune
	for _, r := range strings.ToValidUTF8(text, string(unicode.ReplacementChar)) {
		space := unicode.IsSpace(r)
		switch {
		case space && (len(runes) == 0 || runes[len(runes)-1] == ' '):
			continue
		case space:
			r = ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Co, r):
			continue
		}
		if runes = append(runes, r); len(runes) == longest {
			break
		}
	}
	for len(runes) > 0 && runes[len(runes)-1] == ' ' {
		runes = runes[:len(runes)-1]
	}
	return runes
}

// isInvisible tells whether a character has no shape of its own and is drawn as
// nothing where a font does not know it.
func isInvisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

func toFixed(f float64) fixed.Int26_6 { return fixed.Int26_6(f * 64) }
func toFloat(f fixed.Int26_6) float64 { return float64(f) / 64 }
