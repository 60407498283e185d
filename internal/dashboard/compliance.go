package dashboard

import (
	"math"
	"slices"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (r *reading) compliance() ([]chart, error) {
	sums, err := r.sums(stats.Compliance, r.view)
	if err != nil {
		return nil, err
	}
	referentials, err := processed[[]processor.ReferentialCompliance]("compliance_averages", sums)
	if err != nil {
		return nil, err
	}
	var charts []chart
	for _, referential := range referentials {
		chosen := len(r.view.Objects) == 0 || slices.Contains(r.view.Objects, referential.Referential)
		if chosen && len(referential.Categories) > 0 {
			charts = append(charts, r.referentialChart(referential))
		}
	}
	return charts, nil
}

func (r *reading) referentialChart(referential processor.ReferentialCompliance) chart {
	share := isShare(referential.Categories)
	name := r.Label(referential.Labels, referential.Referential)
	c := chart{
		ID:      "compliance",
		Object:  referential.Referential,
		Title:   name,
		Href:    r.objectLink(referential.Referential),
		Note:    r.T("compliance_note"),
		Drawing: drawing{Kind: "radar", Name: r.T("compliance"), Share: share},
		Tall:    true,
	}
	if share {
		c.Drawing.Max, c.Note = 1, r.T("compliance_note_share")
	}
	current := series{Name: r.T("compliance_current"), Code: "current"}
	target := series{Name: r.T("compliance_target"), Code: "target"}
	for _, category := range referential.Categories {
		c.Drawing.Labels = append(c.Drawing.Labels, r.Label(category.Labels, "–"))
		current.Values = append(current.Values, roundedOrNone(category.Current))
		target.Values = append(target.Values, roundedOrNone(category.Target))
	}
	c.Drawing.Series = []series{current, target}
	c.Table = r.complianceTable(referential, name)
	c.Summary = r.complianceSummary(referential.Categories, share)
	return c
}

// isShare tells whether the values are shares of full compliance; front offices
// with another scale send larger numbers.
func isShare(categories []processor.CategoryCompliance) bool {
	for _, c := range categories {
		if c.Current != nil && *c.Current > 1 || c.Target != nil && *c.Target > 1 {
			return false
		}
	}
	return true
}

func (r *reading) complianceTable(referential processor.ReferentialCompliance, name string) table {
	t := table{Columns: []column{
		{Name: "referential"},
		{Name: "referential_label"},
		{Name: "category", Title: r.T("column_category")},
		{Name: "current", Title: r.T("compliance_current"), Numeric: true},
		{Name: "target", Title: r.T("compliance_target"), Numeric: true},
	}}
	for _, category := range referential.Categories {
		t.Rows = append(t.Rows, []cell{
			text(referential.Referential), text(name),
			r.LabelCell(category.Labels, "–"), numOrNone(category.Current), numOrNone(category.Target),
		})
	}
	return t
}

// complianceSummary says how far current and target are apart, and where most.
func (r *reading) complianceSummary(categories []processor.CategoryCompliance, share bool) string {
	var current, target mean
	widest, where := 0.0, ""
	for _, c := range categories {
		if c.Current == nil || c.Target == nil {
			continue
		}
		current.sum, current.days = current.sum+*c.Current, current.days+1
		target.sum, target.days = target.sum+*c.Target, target.days+1
		if gap := *c.Target - *c.Current; gap > widest {
			widest, where = gap, r.Label(c.Labels, "–")
		}
	}
	if current.days == 0 {
		return ""
	}
	write, distance := r.Number, r.Number
	if share {
		write, distance = r.Percent, r.points
	}
	values := []any{"Current", write(current.value()), "Target", write(target.value())}
	if where == "" {
		return r.T("compliance_summary", values...)
	}
	return r.T("compliance_summary_gap", append(values, "Category", mention(where), "Gap", distance(widest))...)
}

// points writes the difference of two shares.
func (r *reading) points(difference float64) string {
	return r.T("percentage_points", "Count", int(math.Round(100*difference)))
}
