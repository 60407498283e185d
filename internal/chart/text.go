// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"strings"
	"unicode"

	"github.com/go-text/typesetting/segmenter"
)

const (
	// longest is how many characters of a text are looked at.
	longest = 600
	// longestCluster is of how many characters one letter with its marks may be:
	// more would grow over the lines above and below.
	longestCluster = 4
	ellipsis       = "…"
)

// font is how text looks. There is one family: in pages that of the stylesheet, in
// images Liberation Sans.
type font struct {
	size float64
	bold bool
	ink  ink
}

var (
	nameFont  = font{size: 13, ink: foreground}
	valueFont = font{size: 13, bold: true, ink: foreground}
	noteFont  = font{size: 12, ink: muted}
)

func (f font) leading() float64 { return f.size * 1.3 }

func (f font) in(i ink) font {
	f.ink = i
	return f
}

// plain leaves out characters that are not text, such as control characters, and what changes
// the direction of the text around it. White space becomes single spaces.
func plain(text string) string {
	if notASCII := func(r rune) bool { return r < ' ' || r > '~' }; len(text) <= longest && strings.IndexFunc(text, notASCII) < 0 {
		return strings.Join(strings.Fields(text), " ")
	}
	var runes []rune
	for _, r := range strings.ToValidUTF8(text, string(unicode.ReplacementChar)) {
		space := unicode.IsSpace(r)
		switch {
		case space && (len(runes) == 0 || runes[len(runes)-1] == ' '):
			continue
		case space:
			r = ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cn, r):
			continue
		}
		if runes = append(runes, r); len(runes) == longest {
			break
		}
	}
	var kept strings.Builder
	for _, cluster := range clusters(string(runes)) {
		kept.WriteString(string(cluster[:min(len(cluster), longestCluster)]))
	}
	return strings.TrimRight(kept.String(), " ")
}

// clusters are the letters of a text, each with its marks.
func clusters(text string) [][]rune {
	var s segmenter.Segmenter
	s.Init([]rune(text))
	var all [][]rune
	for i := s.GraphemeIterator(); i.Next(); {
		all = append(all, i.Grapheme().Text)
	}
	return all
}

// width is how wide a text is at most, in units. Browsers choose among fonts that
// differ; the one measured here is the widest of those that systems come with.
func (f font) width(text string) float64 {
	sum := 0.0
	for _, r := range text {
		sum += advance(r)
	}
	if f.bold {
		sum *= 1.1
	}
	return sum * f.size
}

// fit cuts a text to a width.
func fit(f font, text string, width float64) string {
	if text = plain(text); f.width(text) <= width {
		return text
	}
	room, kept := width-f.width(ellipsis), ""
	for _, cluster := range clusters(text) {
		if room -= f.width(string(cluster)); room < 0 {
			break
		}
		kept += string(cluster)
	}
	if kept == "" {
		return ""
	}
	return strings.TrimRight(kept, " ") + ellipsis
}

// wrap breaks a text into lines of a width, between words where possible, and cuts it
// after the maximum number of lines.
func wrap(f font, text string, width float64, most int) []string {
	var lines []string
	words := strings.Fields(plain(text))
	for len(words) > 0 && len(lines) < most-1 {
		n := 1
		for n < len(words) && f.width(strings.Join(words[:n+1], " ")) <= width {
			n++
		}
		line := strings.Join(words[:n], " ")
		words = words[n:]
		if f.width(line) > width {
			head := strings.TrimSuffix(fit(f, line, width), ellipsis)
			if head == "" {
				break
			}
			words = append([]string{strings.TrimPrefix(line, head)}, words...)
			line = head
		}
		lines = append(lines, line)
	}
	if rest := fit(f, strings.Join(words, " "), width); rest != "" {
		lines = append(lines, rest)
	}
	return lines
}
