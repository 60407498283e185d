// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/stats"
)

// What a page shows unless its address says otherwise.
const (
	defaultPeriod = 90  // days
	yearPeriod    = 365 // exports of the public JSON routes, which cover a year
	defaultTop    = 5
)

// maxDays bounds a period: a hundred years.
const maxDays = 36_500

// The names of the parameters in the address of a page. Those of the public
// JSON routes have the names that they have there.
const (
	paramDays   = "days"
	paramFrom   = "from"
	paramTo     = "to"
	paramLocal  = "local_stats_only"
	paramLang   = "lang"
	paramTop    = "top"
	paramBy     = "by"
	paramOrder  = "order"
	paramOf     = "of"
	paramGroup  = "group"
	paramObject = "object"
	paramInvert = "invert"
	paramEmbed  = "embed"
	paramChart  = "chart"
	paramWorld  = "world"
	paramSearch = "q"

	paramBeforeFrom = "before_from"
	paramBeforeTo   = "before_to"
)

// viewParameters are all that the address of a page can have.
var viewParameters = []string{
	paramDays, paramFrom, paramTo, paramLocal, paramLang, paramTop, paramBy, paramOrder, paramOf, paramGroup, paramObject,
	paramInvert, paramEmbed, paramChart, paramWorld, paramSearch, paramBeforeFrom, paramBeforeTo,
}

// The values of view.By: what threats and vulnerabilities are compared by.
const (
	byProbability = "probability"
	byOccurrence  = "occurrence"
	byMaxRisk     = "maximum_risk"
)

// The values of view.Order and view.Of.
const (
	orderHighest = "highest"
	orderLowest  = "lowest"

	ofThreats         = "threats"
	ofVulnerabilities = "vulnerabilities"
	ofRisks           = "risks"
)

var (
	periods   = []int{30, 90, 180, 365}
	tops      = []int{5, 10, 15}
	measures  = []string{byProbability, byOccurrence, byMaxRisk}
	orders    = []string{orderHighest, orderLowest}
	subjects  = []string{ofThreats, ofVulnerabilities, ofRisks}
	groupings = []string{groupDay, groupWeek, groupMonth, groupQuarter, groupYear}
)

// view has the parameters of a page. All of them are in the URL, so that a link shows
// what its sender saw.
type view struct {
	Days     int       // up to today; 0: From and To were given
	From, To time.Time // both included
	// BeforeFrom and BeforeTo are the period to compare with; zero: the one before.
	BeforeFrom, BeforeTo time.Time
	Weekly               bool   // From and To cover complete weeks, and a week is the shortest step
	Local                bool   // only stats of local clients
	Lang                 string // requested language; empty: the browser's
	Top                  int
	By                   string
	Order                string
	Of                   string
	Group                string   // empty: what suits the period
	Objects              []string // chosen lines; empty: the first Top
	Invert               bool     // all lines but the chosen ones
	Embed                bool     // one chart, for a frame in another site
	Chart                string   // the chart to embed; empty: the first
	Search               string   // search text
	Unknown              []string // parameters that mean nothing
	World                bool     // the map shows the whole world, not only the area around the places
}

// parseView reads the parameters of an address. Its errors are *viewError. Invalid
// parameters have their default values in the view, so that links keep all others.
func parseView(query url.Values, today time.Time, fallbackDays int) (view, error) {
	r := viewParser{query: query}
	v := view{
		Local:   r.flag(paramLocal),
		Lang:    r.oneOf(paramLang, languageCodes(), ""),
		Top:     r.number(paramTop, defaultTop, tops),
		By:      r.oneOf(paramBy, measures, byProbability),
		Order:   r.oneOf(paramOrder, orders, orderHighest),
		Of:      r.oneOf(paramOf, subjects, ofThreats),
		Group:   r.oneOf(paramGroup, groupings, ""),
		Objects: r.objects(),
		Invert:  r.flag(paramInvert),
		Embed:   r.flag(paramEmbed),
		Chart:   query.Get(paramChart),
		World:   r.flag(paramWorld),
		Search:  search(query.Get(paramSearch)),
		Unknown: unknownOf(query, viewParameters),
	}
	r.period(&v, today, fallbackDays)
	r.before(&v)
	return v, r.err()
}

// search limits the search text to the length of names.
func search(given string) string {
	words := strings.Join(strings.Fields(strings.ToValidUTF8(given, "")), " ")
	if runes := []rune(words); len(runes) > maxSearchLength {
		return string(runes[:maxSearchLength])
	}
	return words
}

// refuseUnknown refuses parameters that would otherwise be ignored.
func refuseUnknown(query url.Values, known []string) error {
	if unknown := unknownOf(query, known); len(unknown) > 0 {
		return stats.UnknownArguments(unknown)
	}
	return nil
}

func unknownOf(query url.Values, known []string) []string {
	return slices.DeleteFunc(sortedNames(query), func(name string) bool { return slices.Contains(known, name) })
}

// viewError has the validation errors of a page's parameters.
type viewError struct {
	*stats.InvalidError
	params []invalidParam
}

// invalidParam is an invalid parameter and the id of the text that says so to
// readers.
type invalidParam struct{ name, text string }

// Unwrap returns the error that callers of the JSON routes get.
func (e *viewError) Unwrap() error { return e.InvalidError }

// and adds the error of a parameter to e, which may be nil.
func (e *viewError) and(param invalidParam, invalid *stats.InvalidError) *viewError {
	if e == nil {
		e = &viewError{InvalidError: &stats.InvalidError{Message: invalid.Message, Fields: map[string]string{}}}
	}
	maps.Copy(e.Fields, invalid.Fields)
	e.params = append(e.params, param)
	return e
}

// The texts about parameters. Those that readers type have their own.
const (
	wrongValue  = "wrong_value"
	wrongDays   = "wrong_days"
	wrongFrom   = "wrong_from"
	wrongTo     = "wrong_to"
	wrongPeriod = "wrong_period" // it ends before it starts
	wrongObject = "wrong_object"
	wrongChart  = "wrong_chart"
)

var wrongTexts = map[string]string{
	paramDays: wrongDays, paramFrom: wrongFrom, paramTo: wrongTo, paramBeforeFrom: wrongFrom, paramBeforeTo: wrongTo, paramObject: wrongObject, paramChart: wrongChart,
}

// viewParser parses the parameters of a page and collects their errors.
type viewParser struct {
	query url.Values
	wrong *viewError
}

// err returns a *viewError, or nil.
func (r *viewParser) err() error {
	if r.wrong == nil {
		return nil
	}
	return r.wrong
}

func (r *viewParser) fail(name, format string, args ...any) {
	r.note(name, stats.Invalid(name, format, args...))
}

func (r *viewParser) note(name string, invalid *stats.InvalidError) {
	text, own := wrongTexts[name]
	if !own {
		text = wrongValue
	}
	r.wrong = r.wrong.and(invalidParam{name, text}, invalid)
}

func (r *viewParser) flag(name string) bool {
	switch r.query.Get(name) {
	case "", "0":
		return false
	case "1":
		return true
	}
	r.fail(name, "must be 0 or 1")
	return false
}

func (r *viewParser) oneOf(name string, accepted []string, fallback string) string {
	given := r.query.Get(name)
	if given == "" {
		return fallback
	}
	if !slices.Contains(accepted, given) {
		r.fail(name, "must be one of %v", accepted)
		return fallback
	}
	return given
}

func (r *viewParser) number(name string, fallback int, accepted []int) int {
	given := r.query.Get(name)
	if given == "" {
		return fallback
	}
	n, err := strconv.Atoi(given)
	if err != nil || !slices.Contains(accepted, n) {
		r.fail(name, "must be one of %v", accepted)
		return fallback
	}
	return n
}

// maxObjects bounds how many lines can be chosen by hand.
const maxObjects = 500

// objects reads the selected lines: UUIDs of objects or codes of risk levels.
func (r *viewParser) objects() []string {
	given := r.query[paramObject]
	if len(given) > maxObjects {
		r.fail(paramObject, "must not be given more than %d times", maxObjects)
		return nil
	}
	for _, object := range given {
		if _, err := uuid.Parse(object); err != nil && !isLevelCode(object) {
			r.fail(paramObject, "must be the UUID of a threat or vulnerability, or the code of a risk level")
			return nil
		}
	}
	return given
}

// period reads from and to, which win, or days.
func (r *viewParser) period(v *view, today time.Time, fallbackDays int) {
	if r.query.Get(paramFrom) != "" || r.query.Get(paramTo) != "" {
		if r.custom(v, today) {
			return
		}
		v.lastDays(fallbackDays, today)
		return
	}
	days := fallbackDays
	if given := r.query.Get(paramDays); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > maxDays {
			r.fail(paramDays, "must be a number of days from 1 to %d", maxDays)
			n = fallbackDays
		}
		days = n
	}
	v.lastDays(days, today)
}

func (v *view) lastDays(days int, today time.Time) {
	v.Days, v.From, v.To = days, today.AddDate(0, 0, -days), today
}

// custom reads a period of two dates and reports whether it is valid.
func (r *viewParser) custom(v *view, today time.Time) bool {
	from, fromKnown := r.date(paramFrom)
	to, toKnown := r.date(paramTo)
	if !fromKnown || !toKnown {
		return false
	}
	if to.IsZero() {
		to = today
	}
	if from.IsZero() {
		from = to.AddDate(0, 0, -defaultPeriod)
	}
	if from.After(to) {
		invalid := stats.Invalid(paramFrom, "must not be after the end of the period, %s", to.Format(time.DateOnly))
		r.wrong = r.wrong.and(invalidParam{paramFrom, wrongPeriod}, invalid)
		return false
	}
	v.From, v.To = from, to
	return true
}

// before reads the period to compare with, which needs both dates.
func (r *viewParser) before(v *view) {
	from, fromKnown := r.date(paramBeforeFrom)
	to, toKnown := r.date(paramBeforeTo)
	switch {
	case !fromKnown || !toKnown || from.IsZero() && to.IsZero():
	case from.IsZero() || to.IsZero():
		r.fail(paramBeforeFrom, "and %s must be given together", paramBeforeTo)
	case from.After(to):
		invalid := stats.Invalid(paramBeforeFrom, "must not be after the end of the period, %s", to.Format(time.DateOnly))
		r.wrong = r.wrong.and(invalidParam{paramBeforeFrom, wrongPeriod}, invalid)
	default:
		v.BeforeFrom, v.BeforeTo = from, to
	}
}

// date reads a date, which is zero if it is missing. It reports whether the date is
// valid.
func (r *viewParser) date(name string) (time.Time, bool) {
	given := r.query.Get(name)
	if given == "" {
		return time.Time{}, true
	}
	date, err := stats.ParseDateField(name, given)
	if invalid := (*stats.InvalidError)(nil); errors.As(err, &invalid) {
		r.note(name, invalid)
		return time.Time{}, false
	}
	return date, true
}

// filter returns the filter for the stats of a type in the period of the view.
func (v view) filter(t stats.Type) stats.Filter {
	return stats.Filter{Type: t, DateFrom: v.From, DateTo: v.To, LocalStatsOnly: v.Local}
}

// inWeeksOf returns the view with complete weeks if figures are suppressed.
func (v view) inWeeksOf(figures *disclosure.Control) view {
	if !figures.Active() {
		return v
	}
	v.Weekly = true
	if !v.BeforeFrom.IsZero() {
		v.BeforeFrom, v.BeforeTo = figures.WholeWeeks(v.BeforeFrom, v.BeforeTo)
	}
	if v.Days > 0 {
		v.From, v.To = figures.LastDays(v.Days)
		return v
	}
	v.From, v.To = figures.WholeWeeks(v.From, v.To)
	return v
}

// compared returns the view of the period to compare with: the requested one, or else
// the one of the same length right before.
func (v view) compared() view {
	if !v.BeforeFrom.IsZero() {
		v.From, v.To = v.BeforeFrom, v.BeforeTo
		return v
	}
	length := v.To.Sub(v.From) + 24*time.Hour
	v.From, v.To = v.From.Add(-length), v.To.Add(-length)
	return v
}

// common returns the parameters that links to other pages keep.
func (v view) common() url.Values {
	values := url.Values{}
	switch {
	case v.Days == 0:
		values.Set(paramFrom, v.From.Format(time.DateOnly))
		values.Set(paramTo, v.To.Format(time.DateOnly))
	default:
		values.Set(paramDays, strconv.Itoa(v.Days))
	}
	setFlag(values, paramLocal, v.Local)
	setUnless(values, paramLang, v.Lang, "")
	return values
}

// query returns all parameters that differ from the page's defaults, and always the
// period.
func (v view) query() url.Values {
	values := v.common()
	setUnless(values, paramTop, strconv.Itoa(v.Top), strconv.Itoa(defaultTop))
	setUnless(values, paramBy, v.By, byProbability)
	setUnless(values, paramOrder, v.Order, orderHighest)
	setUnless(values, paramOf, v.Of, ofThreats)
	setUnless(values, paramGroup, v.Group, "")
	for _, object := range v.Objects {
		values.Add(paramObject, object)
	}
	setFlag(values, paramInvert, v.Invert)
	setFlag(values, paramEmbed, v.Embed)
	setUnless(values, paramChart, v.Chart, "")
	setFlag(values, paramWorld, v.World)
	setUnless(values, paramSearch, v.Search, "")
	if !v.BeforeFrom.IsZero() {
		values.Set(paramBeforeFrom, v.BeforeFrom.Format(time.DateOnly))
		values.Set(paramBeforeTo, v.BeforeTo.Format(time.DateOnly))
	}
	return values
}

func setUnless(values url.Values, name, value, fallback string) {
	if value != fallback {
		values.Set(name, value)
	}
}

func setFlag(values url.Values, name string, on bool) {
	if on {
		values.Set(name, "1")
	}
}
