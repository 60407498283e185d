// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/processor"
)

//go:embed locales/*.toml
var catalogues embed.FS

// pageLanguage is a language that the pages are written in.
type pageLanguage struct {
	Code      string
	Name      string // in the language itself
	Territory string // the language as Open Graph has it
	tag       language.Tag
	label     func(processor.LabelSet) string
}

// pageLanguages lists the languages in the order of the switch. The first one is the
// fallback.
var pageLanguages = []pageLanguage{
	{"en", "English", "en_GB", language.English, func(l processor.LabelSet) string { return l.Label2 }},
	{"fr", "Français", "fr_FR", language.French, func(l processor.LabelSet) string { return l.Label1 }},
	{"de", "Deutsch", "de_DE", language.German, func(l processor.LabelSet) string { return l.Label3 }},
	{"nl", "Nederlands", "nl_NL", language.Dutch, func(l processor.LabelSet) string { return l.Label4 }},
}

func languageCodes() []string {
	codes := make([]string, len(pageLanguages))
	for i, l := range pageLanguages {
		codes[i] = l.Code
	}
	return codes
}

// translations holds the texts of all languages. It is safe for concurrent use.
type translations struct {
	bundle  *i18n.Bundle
	matcher language.Matcher
}

// loadTranslations reads the embedded catalogues.
func loadTranslations() (*translations, error) {
	bundle := i18n.NewBundle(pageLanguages[0].tag)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	tags := make([]language.Tag, len(pageLanguages))
	for i, l := range pageLanguages {
		tags[i] = l.tag
		if _, err := bundle.LoadMessageFileFS(catalogues, "locales/"+l.Code+".toml"); err != nil {
			return nil, fmt.Errorf("read the translations of %s: %w", l.Name, err)
		}
	}
	return &translations{bundle: bundle, matcher: language.NewMatcher(tags)}, nil
}

// locale writes texts, numbers and dates in one language.
type locale struct {
	pageLanguage
	localizer *i18n.Localizer
	printer   *message.Printer
}

// choose returns the locale of a language code or, when it is empty, of the
// best match for an Accept-Language header.
func (t *translations) choose(code, accepted string) locale {
	_, index := language.MatchStrings(t.matcher, code, accepted)
	chosen := pageLanguages[index]
	return locale{
		pageLanguage: chosen,
		localizer:    i18n.NewLocalizer(t.bundle, chosen.Code),
		printer:      message.NewPrinter(chosen.tag),
	}
}

// T returns the text with an id. What follows the id are names and values that
// the text mentions; a value called Count chooses between singular and plural, as it is
// written: 1.00 is plural in English.
func (l locale) T(id string, namesAndValues ...any) string {
	data := make(map[string]any, len(namesAndValues)/2)
	var count any
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		name := fmt.Sprint(namesAndValues[i])
		data[name] = namesAndValues[i+1]
		if name != "Count" {
			continue
		}
		if figure, isFigure := namesAndValues[i+1].(float64); isFigure {
			data[name], count = l.Number(figure), strconv.FormatFloat(math.Abs(figure), 'f', decimals(figure), 64)
			continue
		}
		count = namesAndValues[i+1]
		data[name] = l.Integer(count)
	}
	text, err := l.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data, PluralCount: count})
	if err != nil {
		return id // a test checks that every id has its text
	}
	return text
}

// Number writes a figure with two decimals, fewer when it is large or whole.
func (l locale) Number(n float64) string {
	return l.printer.Sprint(number.Decimal(n, number.MinFractionDigits(decimals(n)), number.MaxFractionDigits(decimals(n))))
}

// decimals returns how many decimals a figure is written with.
func decimals(n float64) int {
	switch {
	case n == math.Trunc(n) || math.Abs(n) >= 100:
		return 0
	case math.Abs(n) >= 10:
		return 1
	}
	return 2
}

// Percent writes a share, where 1 is everything.
func (l locale) Percent(share float64) string {
	return l.printer.Sprint(number.Percent(share, number.MaxFractionDigits(0)))
}

// Integer writes a whole number with separators.
func (l locale) Integer(n any) string { return l.printer.Sprint(number.Decimal(n)) }

// Date writes a calendar day.
func (l locale) Date(t time.Time) string {
	return l.T("date", "Day", strconv.Itoa(t.Day()), "Month", l.month(t), "Year", strconv.Itoa(t.Year()))
}

func (l locale) month(t time.Time) string { return l.T("month_" + strconv.Itoa(int(t.Month()))) }

// Group names the part of a period that starts on a day.
func (l locale) Group(grouping string, start time.Time) string {
	year := strconv.Itoa(start.Year())
	switch grouping {
	case groupWeek:
		return l.T("week_of", "Date", l.Date(start))
	case groupMonth:
		return l.T("month_of", "Month", l.month(start), "Year", year)
	case groupQuarter:
		return l.T("quarter_of", "Quarter", strconv.Itoa((int(start.Month())+2)/3), "Year", year)
	case groupYear:
		return year
	}
	return l.Date(start)
}

// Label returns the name of an object in the language, or else in the first language
// that has one, or else nameless.
func (l locale) Label(labels processor.LabelSet, nameless string) string {
	if other := l.labelLanguage(labels); other != nil {
		return other.label(labels)
	}
	return nameless
}

// names returns all names of an object, the one of Label first, or the fallback if
// there are none.
func (l locale) names(labels processor.LabelSet, nameless string) (names chart.Label) {
	for _, language := range append([]pageLanguage{l.pageLanguage}, pageLanguages...) {
		if name := language.label(labels); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return append(names, nameless)
}

// LabelCell returns a cell with the label of an object. The cell states the label's
// language if it differs from the page's.
func (l locale) LabelCell(labels processor.LabelSet, nameless string) cell {
	c := cell{Text: l.Label(labels, nameless)}
	if other := l.labelLanguage(labels); other != nil && other.Code != l.Code {
		c.Lang = other.Code
	}
	return c
}

// labelLanguage returns the first language that has a label, beginning with the page's.
func (l locale) labelLanguage(labels processor.LabelSet) *pageLanguage {
	for _, language := range append([]pageLanguage{l.pageLanguage}, pageLanguages...) {
		if strings.TrimSpace(language.label(labels)) != "" {
			return &language
		}
	}
	return nil
}
