// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"strings"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// objectKind has the differences between threats and vulnerabilities.
type objectKind struct {
	statsType stats.Type
	processor string
	chart     string // ID of the figure of the highest or lowest
	of        string // view.Of, and the folder of the objects' pages
	page      string // name of the page of an object
}

var (
	threats = objectKind{
		statsType: stats.Threat, processor: "threat_average_on_date",
		chart: "top-threats", of: ofThreats, page: pageThreat,
	}
	vulnerabilities = objectKind{
		statsType: stats.Vulnerability, processor: "vulnerability_average_on_date",
		chart: "top-vulnerabilities", of: ofVulnerabilities, page: pageVulnerability,
	}
)

// top returns the chart of the objects with the highest or lowest values.
func (r *requestContext) top(kind objectKind, all ranking, mine own) figure {
	ranked := all.ranked(r.view.Order)
	shown := ranked[:min(len(ranked), r.view.Top)]
	bars := chart.Bars{}
	for _, object := range shown {
		item := chart.Item{
			Label: r.names(object.Labels, object.Object), Href: r.objectLink(kind, object.Object), Few: [2]bool{object.few}, Spread: object.spread(r.view.By),
			Values: [2]*float64{new(measureOf(object.Averages, r.view.By))},
			Own:    [2]*float64{mine.value(stats.Key{Object: object.Object}, measureIndex[r.view.By])},
		}
		if item.Own[0] != nil {
			bars.Own = r.T("own")
		}
		if item.Spread != nil {
			bars.Spread = r.T("spread_legend")
		}
		bars.Items = append(bars.Items, item)
	}
	return figure{
		ID:      kind.chart,
		Title:   r.T("top_title_"+kind.of+"_"+r.view.Order, "Number", r.Integer(r.view.Top)),
		Note:    r.measureName(kind.of) + " · " + r.T("measure_note_"+measureID(r.view.By, kind.of)),
		Summary: sentences(r.topSummary(kind, shown, len(ranked)), r.topOwn(shown, mine)),
		Few:     r.fewOf(len(shown) > 0 && shown[0].few),
		Table:   r.objectTable(kind, shown, mine),
		Chart:   bars,
	}
}

// fewOf explains hollow marks if there are any.
func (r *requestContext) fewOf(few bool) string {
	if !few {
		return ""
	}
	return r.T("few_analyses", "Number", r.Integer(r.opts.MinAnalyses))
}

// fewAnalyses says that a whole chart is based on few analyses, if it is.
func (r *requestContext) fewAnalyses(analyses int) string {
	if analyses == 0 || !r.few(analyses) {
		return ""
	}
	return r.fewOfAll()
}

func (r *requestContext) fewOfAll() string {
	return r.T("few_all", "Number", r.Integer(r.opts.MinAnalyses))
}

// measureID returns the id of the texts of a measure: MONARC rates the probability of
// threats, but the qualification of vulnerabilities.
func measureID(by, of string) string {
	if by == byProbability && of != ofThreats {
		return by + "_" + of
	}
	return by
}

// ofBoth replaces the subject of a measure that threats and vulnerabilities share.
const ofBoth = "both"

// measureName names the chosen measure of a subject.
func (r *requestContext) measureName(of string) string {
	return r.T("measure_" + measureID(r.view.By, of))
}

func (r *requestContext) objectTable(kind objectKind, objects ranking, mine own) table {
	t := table{Columns: []column{
		{Name: "object"},
		{Name: "label", Title: r.T("column_label")},
		{Name: byProbability, Title: r.T("measure_" + measureID(byProbability, kind.of)), Numeric: true},
		{Name: byOccurrence, Title: r.T("measure_" + byOccurrence), Numeric: true},
		{Name: byMaxRisk, Title: r.T("measure_" + byMaxRisk), Numeric: true},
		{Name: "analyses", Title: r.T("column_analyses"), Numeric: true},
		{Name: "organisations", Title: r.T("column_organisations"), Numeric: true},
		{Name: "lower_quartile", Title: r.T("column_lower_quartile"), Numeric: true},
		{Name: "median", Title: r.T("column_median"), Numeric: true},
		{Name: "upper_quartile", Title: r.T("column_upper_quartile"), Numeric: true},
	}}
	for _, object := range objects {
		row := []cell{
			text(object.Object),
			r.objectCell(kind, object.Labels, object.Object),
			num(object.Averages.AverageRate),
			num(object.Averages.Count),
			num(object.Averages.MaxRisk),
			num(float64(object.support.Analyses)),
			num(float64(object.support.Clients)),
			{}, {}, {},
		}
		if s := object.spread(r.view.By); s != nil {
			row[7], row[8], row[9] = num(s.Low), num(s.Median), num(s.High)
		}
		t.Rows = append(t.Rows, append(row, r.ownCells(mine, stats.Key{Object: object.Object}, measureIndex[r.view.By])...))
	}
	t.Columns = append(t.Columns, r.ownColumns("column_own")...)
	return t
}

// objectCell names an object and links to it.
func (r *requestContext) objectCell(kind objectKind, labels processor.LabelSet, object string) cell {
	c := r.LabelCell(labels, object)
	c.Href = r.objectLink(kind, object)
	return c
}

// summaryLength is how many objects a summary names.
const summaryLength = 3

func (r *requestContext) topSummary(kind objectKind, shown ranking, all int) string {
	if len(shown) == 0 {
		return ""
	}
	var named []string
	for _, object := range shown[:min(len(shown), summaryLength)] {
		value := r.Number(measureOf(object.Averages, r.view.By))
		named = append(named, mention(r.Label(object.Labels, object.Object))+" ("+value+")")
	}
	return r.T("top_summary", "Count", all, "Measure", r.measureName(kind.of), "Named", strings.Join(named, ", "))
}

// maxNameLength is how many characters of a name fit into a sentence.
const maxNameLength = 60

// mention prepares a name for a sentence: it shortens a long name, and isolates its
// writing direction.
func mention(name string) string {
	const isolate, pop = "\u2068", "\u2069"
	if runes := []rune(name); len(runes) > maxNameLength {
		name = string(runes[:maxNameLength]) + "…"
	}
	return isolate + name + pop
}
