// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// headline is a figure that is read at a glance.
type headline struct {
	Code    string // of the risk level, or analyses
	Title   string
	Value   string
	After   string // text after the value
	Spread  string // how far analyses are apart; may be empty
	Own     string // the client's own value; empty: no comparison
	Behind  string // the numbers of analyses and organisations behind it; may be empty
	Few     string // says that there are few analyses; may be empty
	Trend   trend
	History template.HTML // a small chart
}

// trend compares a figure with the previous period.
type trend struct {
	Direction string // up, down, same; empty: there is nothing to compare with
	Judgement string // better or worse; empty: it is neither
	Word      string // says the judgement
	Sign      string // how much, in percent
	Text      string
}

// overview has the data of the first page.
type overview struct {
	Finding       string // the main finding in one sentence
	Fresh         string // how new they are; empty: the period ended before today
	Headlines     []headline
	Changes       []changes
	Contributions disclosure.Contributions
	Before        string // the period that trends compare with; empty: nothing is known of it
	LeftOut       int    // referentials that the report does not show
}

// Compared reports whether anything changed, or could have.
func (o overview) Compared() bool {
	return slices.ContainsFunc(o.Changes, func(c changes) bool { return c.Known })
}

// periodFigures has the figures of one period.
type periodFigures struct {
	risks          []processor.DailySum
	means          riskMeans
	supports       disclosure.Supports // of the risks
	counted        disclosure.Contributions
	threats, vulns ranking
}

// overviewFigures are read at the same time.
type overviewFigures struct {
	now, before periodFigures
	behind      map[stats.Type]string
	own         map[stats.Type]own
	fresh       disclosure.Freshness
}

// periodFigures reads the figures of a period. parts divides what is behind the risks.
func (r *requestContext) periodFigures(v view, parts disclosure.Parts) (f periodFigures, err error) {
	var group errgroup.Group
	group.Go(func() (err error) {
		f.risks, err = r.sums(stats.Risk, v)
		f.means = meansOf(f.risks)
		return err
	})
	group.Go(func() (err error) {
		f.supports, err = r.opts.Figures.Support(r.ctx, v.filter(stats.Risk), parts)
		return err
	})
	group.Go(func() (err error) { f.counted, err = r.contributions(v); return err })
	group.Go(func() (err error) { f.threats, err = r.ranking(threats, v, disclosure.Undivided); return err })
	group.Go(func() (err error) { f.vulns, err = r.ranking(vulnerabilities, v, disclosure.Undivided); return err })
	err = group.Wait()
	return f, err
}

func (r *requestContext) overviewFigures() (overviewFigures, error) {
	f := overviewFigures{behind: map[stats.Type]string{}}
	var group errgroup.Group
	group.Go(func() (err error) { f.now, err = r.periodFigures(r.view, r.steps()); return err })
	group.Go(func() (err error) {
		f.before, err = r.periodFigures(r.view.compared(), disclosure.Undivided)
		return err
	})
	group.Go(func() (err error) { f.fresh, err = r.opts.Figures.Freshness(r.ctx, r.view.Local); return err })
	group.Go(func() error {
		for _, t := range []stats.Type{stats.Threat, stats.Vulnerability, stats.Risk} {
			behind, err := r.behind(t)
			if err != nil {
				return err
			}
			f.behind[t] = behind
		}
		return nil
	})
	group.Go(func() (err error) { f.own, err = r.owns(r.view); return err })
	err := group.Wait()
	return f, err
}

func (r *requestContext) overview() (overview, []figure, error) {
	f, err := r.overviewFigures()
	if err != nil {
		return overview{}, nil, err
	}
	return r.overviewOf(f), r.overviewCharts(f), nil
}

func (r *requestContext) overviewCharts(f overviewFigures) []figure {
	top := r.top(threats, f.now.threats, f.own[stats.Threat])
	weak := r.top(vulnerabilities, f.now.vulns, f.own[stats.Vulnerability])
	top.Behind, weak.Behind = f.behind[stats.Threat], f.behind[stats.Vulnerability]
	shareScale(&top, &weak)
	figures := []figure{top, weak}
	for _, kind := range stats.Kinds() {
		risks := r.riskFigure(kind, f.now.means, f.now.supports, f.own[stats.Risk])
		risks.Behind = f.behind[stats.Risk]
		figures = append(figures, risks)
	}
	return figures
}

func (r *requestContext) overviewOf(f overviewFigures) overview {
	o := overview{Contributions: f.now.counted, Fresh: r.fresh(f.fresh)}
	if f.now.counted.Analyses > 0 && f.before.counted.Analyses > 0 {
		o.Before = r.span(r.view.compared())
	}
	for _, l := range levelCodes {
		o.Headlines = append(o.Headlines, r.levelHeadline(f, l.code, l.level))
	}
	o.Headlines = append(o.Headlines, r.analysesHeadline(f))
	o.Changes = []changes{
		r.changes(threats, f.now.threats, f.before.threats), r.changes(vulnerabilities, f.now.vulns, f.before.vulns),
	}
	o.Finding = r.finding(f, o)
	return o
}

// better has the judgement of each direction. Fewer low risks are neither better nor
// worse, since treated high risks become low ones.
var better = map[string]map[string]string{
	"high": {"down": "better", "up": "worse"}, "medium": {"down": "better", "up": "worse"},
}

func (r *requestContext) levelHeadline(f overviewFigures, code, level string) headline {
	now, before := r.ofLevel(f.now, stats.Current, level), r.ofLevel(f.before, stats.Current, level)
	support := f.now.supports[stats.Key{State: stats.Current, Level: level}]
	h := headline{
		Code:    code,
		Title:   r.T("headline_" + code),
		Value:   r.numberOrNone(now.mean),
		After:   r.T("headline_residual", "Value", r.numberOrNone(f.now.means.ofAllKinds(stats.Residual, level))),
		Trend:   trend{Text: r.T("trend_none")},
		Behind:  r.behindText(int64(support.Analyses), int64(support.Clients)),
		History: r.spark("history-"+code, r.T("headline_"+code), r.levelHistory(f.now, level)),
	}
	if now.few {
		h.Few = r.fewOfAll()
	}
	switch {
	case !now.comparable(before):
	case now.few || before.few:
		h.Trend.Text = r.T("trend_few", "Number", r.Integer(r.opts.MinAnalyses))
	default:
		h.Trend = r.trend(now.mean, before.mean)
	}
	if h.Trend.Judgement = better[code][h.Trend.Direction]; h.Trend.Judgement != "" {
		h.Trend.Word = r.T(h.Trend.Judgement)
	}
	if mine := f.own[stats.Risk].means().ofAllKinds(stats.Current, level); mine != nil {
		h.Own = r.T("headline_own", "Value", r.Number(*mine))
	}
	if s := support.Spread; s != nil && support.Analyses > 1 && h.Few == "" {
		h.Spread = r.T("headline_spread", "Low", r.Number(s[0].Low), "High", r.Number(s[0].High), "Median", r.Number(s[0].Median))
	}
	return h
}

func (r *requestContext) analysesHeadline(f overviewFigures) headline {
	counted := map[time.Time]float64{}
	for _, support := range f.now.supports {
		for start, part := range support.Parts {
			counted[start] = max(counted[start], float64(part.Analyses))
		}
	}
	h := headline{
		Code:    "analyses",
		Title:   r.T("headline_analyses"),
		Value:   r.Integer(f.now.counted.Analyses),
		After:   r.T("headline_organisations", "Organisations", r.T("organisations", "Count", f.now.counted.Clients)),
		Spread:  r.T("headline_stats", "Count", f.now.counted.Stats),
		Trend:   trend{Text: r.T("trend_none")},
		History: r.spark("history-analyses", r.T("headline_analyses"), counted),
	}
	if f.now.counted.Analyses > 0 && f.before.counted.Analyses > 0 {
		now, before := float64(f.now.counted.Analyses), float64(f.before.counted.Analyses)
		h.Trend = r.trend(&now, &before)
	}
	return h
}

// levelFigure is the mean number of risks of a level in a state, of both kinds together.
type levelFigure struct {
	mean  *float64
	kinds []string // that have figures
	few   bool     // one of them is of few analyses
}

// ofLevel returns the figure of a state and a level in a period.
func (r *requestContext) ofLevel(f periodFigures, state, level string) levelFigure {
	one := levelFigure{mean: f.means.ofAllKinds(state, level)}
	for _, kind := range stats.Kinds() {
		if f.means.of(state, kind, level) != nil {
			one.kinds = append(one.kinds, kind)
			one.few = one.few || r.few(f.supports[stats.Key{State: state, Kind: kind, Level: level}].Analyses)
		}
	}
	return one
}

// comparable reports whether both have figures of the same kinds. Otherwise their difference
// would be that of a kind which nobody had before, or which may not be shown.
func (l levelFigure) comparable(other levelFigure) bool {
	return l.mean != nil && slices.Equal(l.kinds, other.kinds)
}

// levelHistory returns the mean numbers of current risks of a level, step by step, without
// steps of few analyses.
func (r *requestContext) levelHistory(f periodFigures, level string) map[time.Time]float64 {
	start := r.steps().Start
	kinds := map[string]*steps{}
	few := map[time.Time]bool{}
	for _, sum := range f.risks {
		if sum.Key.State != stats.Current || sum.Key.Level != level {
			continue
		}
		if kinds[sum.Key.Kind] == nil {
			kinds[sum.Key.Kind] = &steps{}
		}
		day := start(sum.Date)
		few[day] = few[day] || r.few(f.supports[sum.Key].Parts[day].Analyses)
		kinds[sum.Key.Kind].add(day, processor.Mean(sum.Sums[0], sum.Count))
	}
	history := map[time.Time]float64{}
	for _, of := range kinds {
		for day, m := range *of {
			if !few[day] {
				history[day] += m.value()
			}
		}
	}
	return history
}

// spark draws a history, or returns "" if it has a single step.
func (r *requestContext) spark(id, title string, history map[time.Time]float64) template.HTML {
	var days []time.Time
	for day := range history {
		days = append(days, day)
	}
	slices.SortFunc(days, time.Time.Compare)
	if len(days) < 2 {
		return ""
	}
	var spark chart.Spark
	for _, day := range days {
		spark.Values = append(spark.Values, new(history[day]))
	}
	first, last := days[0], days[len(days)-1]
	described := r.T("spark_summary", "First", r.Number(history[first]), "From", r.Group(r.view.grouping(), first),
		"Last", r.Number(history[last]), "To", r.Group(r.view.grouping(), last))
	return template.HTML(chart.Inline{ID: id, Title: title, Description: described, Format: r.format()}.SVG(spark))
}

func (r *requestContext) trend(now, before *float64) trend {
	if now == nil || before == nil {
		return trend{Text: r.T("trend_none")}
	}
	change := *now - *before
	percent := r.Percent(math.Abs(change / *before))
	switch {
	case *before == 0 && r.differ(*now, 0):
		return trend{Direction: "up", Text: r.T("trend_up_from_none", "Change", r.Number(change))}
	case !r.differ(*now, *before) || isZero(percent):
		return trend{Direction: "same", Text: r.T("trend_same")}
	case change > 0:
		return trend{Direction: "up", Sign: "+" + percent, Text: r.T("trend_up", "Change", r.Number(change))}
	}
	return trend{Direction: "down", Sign: "−" + percent, Text: r.T("trend_down", "Change", r.Number(-change))}
}

// finding returns a sentence about the high risks and the threat that rose most or, if
// there is nothing to compare with, the top threat. It mentions nothing that is of few
// analyses.
func (r *requestContext) finding(f overviewFigures, o overview) string {
	if f.now.counted.Analyses == 0 {
		return r.T("title_stats")
	}
	high, finding := o.Headlines[0], ""
	if direction := high.Trend.Direction; direction != "" {
		finding = r.T("finding_high_"+direction, "Percent", cutSign(high.Trend.Sign))
	} else if now := f.now.means.ofAllKinds(stats.Current, stats.HighRisks); now != nil && high.Few == "" {
		finding = r.T("finding_none", "Count", *now)
	}
	if rising := o.Changes[0].Rising; len(rising) > 0 {
		return r.T("finding_riser", "Finding", finding, "Name", mention(rising[0].Name.Text))
	}
	if top := f.now.threats.ranked(orderHighest); len(top) > 0 && !top[0].few {
		return r.T("finding_leader", "Finding", finding, "Name", mention(r.Label(top[0].Labels, top[0].Object)))
	}
	return cmp.Or(finding, r.T("title_stats"))
}

// cutSign removes the sign of a change, for sentences that state its direction.
func cutSign(sign string) string {
	for _, s := range []string{"+", "−"} {
		if len(sign) > len(s) && sign[:len(s)] == s {
			return sign[len(s):]
		}
	}
	return sign
}

// fresh says how recent the figures are, if the period ends today.
func (r *requestContext) fresh(f disclosure.Freshness) string {
	if r.view.Days == 0 || f.Newest.IsZero() || f.Clients == 0 {
		return ""
	}
	share := r.Percent(float64(f.Recent) / float64(f.Clients))
	if r.view.Weekly {
		return r.T("fresh_week", "Date", r.Date(f.Newest), "Percent", share)
	}
	newest := r.T("fresh_today")
	if days := int(r.opts.Figures.Today().Sub(f.Newest).Hours() / 24); days > 0 {
		newest = r.T("fresh_days", "Count", days)
	}
	return newest + " " + r.T("fresh_share", "Percent", share)
}
