// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/monarc-project/stats-service/internal/processor"
)

// found are the matches of a search.
type found struct {
	Matches []match // the best ones
	All     int     // the number of all
}

// match is a threat or vulnerability that matches the search.
type match struct {
	Kind  string
	Name  ColumnCell
	Other string // the name that was found, where it is one in another language
	Lang  string // of Other

	score int
}

const (
	maxSearchLength = 100 // characters
	maxFound        = 60
)

// search finds objects by their names in all languages, within a year at least.
func (r *requestContext) search() (found, error) {
	words := strings.Fields(folded(r.view.Search))
	if len(words) == 0 {
		return found{}, nil
	}
	v := r.view
	v.To = r.opts.Figures.Today()
	if year := v.To.AddDate(0, 0, -yearPeriod); v.From.After(year) {
		v.From = year
	}
	var all []match
	for _, kind := range []objectKind{threats, vulnerabilities} {
		sums, err := r.sums(kind.statsType, v)
		if err != nil {
			return found{}, err
		}
		objects, err := processed[processor.Series](kind.processor, sums)
		if err != nil {
			return found{}, err
		}
		for _, object := range objects {
			if one, matches := r.match(kind, object, words); matches {
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(folded(a.Name.Shown), folded(b.Name.Shown)))
	})
	return found{all[:min(len(all), maxFound)], len(all)}, nil
}

// match compares all names of an object, the one in the page's language first, and its
// UUID.
func (r *requestContext) match(kind objectKind, object processor.ObjectSeries, words []string) (match, bool) {
	cell := r.objectCell(kind, object.Labels, object.Object)
	one := match{Kind: r.T("subject_one_" + kind.of), Name: ColumnCell{cell: cell, Shown: cell.Text}, score: -1}
	for _, language := range append([]pageLanguage{r.pageLanguage}, pageLanguages...) {
		name := language.label(object.Labels)
		score := scoreOf(folded(name), words)
		if score < 0 || one.score >= 0 && score >= one.score {
			continue
		}
		one.score, one.Other, one.Lang = score, name, language.Code
	}
	if one.Other == one.Name.Shown {
		one.Other = ""
	}
	if one.score < 0 && len(words) == 1 && strings.HasPrefix(object.Object, words[0]) {
		one.score = 0
	}
	return one, one.score >= 0
}

// scoreOf rates how well a name matches all words: 0 at its start, 1 at the start of
// its words, 2 within them, -1 not at all.
func scoreOf(name string, words []string) int {
	score := 0
	for i, word := range words {
		at := strings.Index(name, word)
		switch {
		case at < 0:
			return -1
		case at == 0 && i == 0:
		case startsWord(name, word):
			score = max(score, 1)
		default:
			score = max(score, 2)
		}
	}
	return score
}

func startsWord(name, word string) bool {
	for rest := name; ; {
		at := strings.Index(rest, word)
		if at < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(rest[:at])
		if at == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		rest = rest[at+len(word):]
	}
}

// ligatures replaces letters that normalization does not decompose.
var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "ø", "o", "ł", "l", "đ", "d", "’", "'")

// folded normalizes text for the search: it removes capitals, accents and ligatures.
func folded(text string) string {
	fold := transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFC)
	plain, _, err := transform.String(fold, text)
	if err != nil {
		plain = strings.ToLower(text)
	}
	return ligatures.Replace(plain)
}
