package picture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func fontsOf(t *testing.T) fonts {
	t.Helper()
	f, err := loadFonts()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestClean(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"plain":             {"Fire, smoke", "Fire, smoke"},
		"accents":           {"Défaillance « matérielle » – Größe €", "Défaillance « matérielle » – Größe €"},
		"other scripts":     {"Ελληνικά Кириллица עברית مخاطر", "Ελληνικά Кириллица עברית مخاطر"},
		"white space":       {" \ta\n\n b\u2028c\u00a0 ", "a b c"},
		"controls":          {"a\x00\x1b\u0085b", "a b"},
		"directions":        {"a\u202eb\u2066c\u200fd", "abcd"},
		"no UTF-8":          {"a\xffb", "a\ufffdb"},
		"what no font has":  {"a中文b", "a□□b"},
		"one box for a set": {"👩\u200d💻!", "□!"},
		"private use":       {"a\ue000b", "ab"},
		"marks":             {"Z" + strings.Repeat("\u0301", 50), "Z\u0301\u0301\u0301"},
		"only controls":     {"\x00\x01", "□"},
		"nothing":           {"", ""},
	}
	setter := newTypesetter(fontsOf(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(setter.clean(tt.text, setter.regular))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLinesOfText(t *testing.T) {
	t.Parallel()
	setter := newTypesetter(fontsOf(t))
	const size = 16
	for name, text := range hostile {
		for _, width := range []float64{20, 90, 400} {
			for most := 1; most <= 3; most++ {
				lines := setter.lines(text, most == 2, size, width, most)
				if len(lines) > most {
					t.Errorf("%s: %d lines, at most %d are wanted", name, len(lines), most)
				}
				for _, l := range lines {
					if l.width > width+1 {
						t.Errorf("%s is %.1f wide, more than %.0f", name, l.width, width)
					}
				}
			}
		}
	}
}

func TestEllipsis(t *testing.T) {
	t.Parallel()
	setter := newTypesetter(fontsOf(t))
	last := func(text string) string {
		l := setter.lines(text, false, 16, 120, 1)[0]
		run := l.runs[len(l.runs)-1]
		glyph, _ := run.Face.NominalGlyph([]rune(ellipsis)[0])
		if run.Glyphs[len(run.Glyphs)-1].GlyphID == glyph {
			return "cut"
		}
		return "whole"
	}
	got := []string{last("Fire"), last(strings.Repeat("Unbreakable", 50)), last("Theft of equipment or media")}
	if diff := cmp.Diff([]string{"whole", "cut", "cut"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestDirections shows that runs stand in the order in which they are read.
func TestDirections(t *testing.T) {
	t.Parallel()
	setter := newTypesetter(fontsOf(t))
	starts := func(text string) []int {
		var offsets []int
		for _, run := range setter.lines(text, false, 16, 1000, 1)[0].runs {
			offsets = append(offsets, run.Runes.Offset)
		}
		return offsets
	}
	if diff := cmp.Diff([]int{0, 4}, starts("abc עברית")); diff != "" {
		t.Errorf("from the left (-want +got)\n%s", diff)
	}
	if got := starts("עברית abc"); got[0] == 0 {
		t.Errorf("from the right, the runs stand at %v", got)
	}
}
