package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// objectKind is what threats and vulnerabilities differ in.
type objectKind struct {
	statsType stats.Type
	processor string
	chart     string // ID of the figure of the highest or lowest
	of        string // view.Of
}

var (
	threats = objectKind{
		statsType: stats.Threat, processor: "threat_average_on_date",
		chart: "top-threats", of: ofThreats,
	}
	vulnerabilities = objectKind{
		statsType: stats.Vulnerability, processor: "vulnerability_average_on_date",
		chart: "top-vulnerabilities", of: ofVulnerabilities,
	}
)

// top is the chart of the objects with the highest or lowest values.
func (r *reading) top(kind objectKind) (figure, error) {
	sums, err := r.sums(kind.statsType, r.view)
	if err != nil {
		return figure{}, err
	}
	objects, err := processed[processor.Series](kind.processor, sums)
	if err != nil {
		return figure{}, err
	}
	ranked := r.rank(objects)
	shown := ranked[:min(len(ranked), r.view.Top)]
	bars := chart.Bars{}
	for _, object := range shown {
		bars.Items = append(bars.Items, chart.Bar{
			Label: r.names(object.Labels, object.Object), Value: measureOf(object.Averages, r.view.By), Href: r.objectLink(object.Object),
		})
	}
	return figure{
		ID:      kind.chart,
		Title:   r.T("top_title_"+kind.of+"_"+r.view.Order, "Number", r.Integer(r.view.Top)),
		Note:    r.T("measure_"+r.view.By) + " · " + r.T("measure_note_"+r.view.By),
		Summary: r.topSummary(shown, len(ranked)),
		Table:   r.objectTable(shown),
		Chart:   bars,
	}, nil
}

// rank orders objects by the chosen value and then by name.
func (r *reading) rank(objects processor.Series) processor.Series {
	ranked := slices.Clone(objects)
	slices.SortFunc(ranked, func(a, b processor.ObjectSeries) int {
		byValue := cmp.Compare(measureOf(b.Averages, r.view.By), measureOf(a.Averages, r.view.By))
		if r.view.Order == orderLowest {
			byValue = -byValue
		}
		return cmp.Or(byValue,
			strings.Compare(r.Label(a.Labels, a.Object), r.Label(b.Labels, b.Object)),
			strings.Compare(a.Object, b.Object))
	})
	return ranked
}

func (r *reading) objectTable(objects processor.Series) table {
	t := table{Columns: []column{
		{Name: "object"},
		{Name: "label", Title: r.T("column_label")},
		{Name: byProbability, Title: r.T("measure_" + byProbability), Numeric: true},
		{Name: byOccurrence, Title: r.T("measure_" + byOccurrence), Numeric: true},
		{Name: byMaxRisk, Title: r.T("measure_" + byMaxRisk), Numeric: true},
	}}
	for _, object := range objects {
		t.Rows = append(t.Rows, []cell{
			text(object.Object),
			r.objectCell(object.Labels, object.Object),
			num(object.Averages.AverageRate),
			num(object.Averages.Count),
			num(object.Averages.MaxRisk),
		})
	}
	return t
}

// objectCell names an object and links to it.
func (r *reading) objectCell(labels processor.LabelSet, object string) cell {
	c := r.LabelCell(labels, object)
	c.Href = r.objectLink(object)
	return c
}

// summaryLength is how many objects a summary names.
const summaryLength = 3

func (r *reading) topSummary(shown processor.Series, all int) string {
	if len(shown) == 0 {
		return ""
	}
	var named []string
	for _, object := range shown[:min(len(shown), summaryLength)] {
		value := r.Number(measureOf(object.Averages, r.view.By))
		named = append(named, mention(r.Label(object.Labels, object.Object))+" ("+value+")")
	}
	return r.T("top_summary", "Count", all, "Measure", r.T("measure_"+r.view.By), "Named", strings.Join(named, ", "))
}

// longestName is how many characters of a name fit into a sentence.
const longestName = 60

// mention puts a name into a sentence: it is cut when it would drown the
// sentence, and isolated, as it may be written in the other direction.
func mention(name string) string {
	const isolate, pop = "\u2068", "\u2069"
	if runes := []rune(name); len(runes) > longestName {
		name = string(runes[:longestName]) + "…"
	}
	return isolate + name + pop
}
