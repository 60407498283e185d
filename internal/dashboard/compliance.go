// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (r *requestContext) compliance() ([]figure, error) {
	sums, err := r.sums(stats.Compliance, r.view)
	if err != nil {
		return nil, err
	}
	referentials, err := processed[[]processor.ReferentialCompliance]("compliance_averages", sums)
	if err != nil {
		return nil, err
	}
	supports, err := r.opts.Figures.Support(r.ctx, r.view.filter(stats.Compliance), disclosure.Undivided)
	if err != nil {
		return nil, err
	}
	mine, err := r.own(stats.Compliance)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, referential := range referentials {
		chosen := len(r.view.Objects) == 0 || slices.Contains(r.view.Objects, referential.Referential)
		if chosen && len(referential.Categories) > 0 {
			f := r.referentialFigure(referential, supports, mine)
			behind, few := r.behindReferential(supports, referential.Referential)
			f.Behind, f.Few = behind, cmp.Or(few, f.Few)
			figures = append(figures, f)
		}
	}
	return figures, nil
}

// behindReferential says how many analyses have any category of a referential.
func (r *requestContext) behindReferential(supports disclosure.Supports, referential string) (behind, few string) {
	var most disclosure.Contributors
	for key, support := range supports {
		if key.Object == referential {
			most.Analyses, most.Clients = max(most.Analyses, support.Analyses), max(most.Clients, support.Clients)
		}
	}
	return r.behindText(int64(most.Analyses), int64(most.Clients)), r.fewAnalyses(most.Analyses)
}

func (r *requestContext) referentialFigure(referential processor.ReferentialCompliance, supports disclosure.Supports, mine own) figure {
	slices.SortStableFunc(referential.Categories, func(a, b processor.CategoryCompliance) int {
		return natural(r.Label(a.Labels, ""), r.Label(b.Labels, ""))
	})
	share := isShare(referential.Categories)
	name := r.Label(referential.Labels, referential.Referential)
	f := figure{
		ID:     "compliance",
		Object: referential.Referential,
		Title:  name,
		Names:  r.names(referential.Labels, referential.Referential),
		Href:   r.mospLink(referential.Referential),
		Note:   r.T("compliance_note"),
	}
	radar := chart.Radar{Names: [2]string{r.T("compliance_current"), r.T("compliance_target")}, Share: share}
	if share {
		radar.Max, f.Note = 1, r.T("compliance_note_share")
	}
	for _, category := range referential.Categories {
		few := r.few(supports[complianceKey(referential, category)].Analyses)
		one := chart.Item{
			Label: r.names(category.Labels, ""), Values: [2]*float64{category.Current, category.Target},
			Own: [2]*float64{mine.value(complianceKey(referential, category), 0)},
			Few: [2]bool{few, few},
		}
		if few {
			f.Few = r.fewOf(true)
		}
		if one.Own[0] != nil {
			radar.Own = r.T("own")
		}
		radar.Items = append(radar.Items, one)
	}
	f.Chart = radar
	f.Table = r.complianceTable(referential, name, supports, mine)
	f.Summary = sentences(r.complianceSummary(referential, supports, share), r.complianceOwn(radar))
	return f
}

// natural compares names as people order them: numbers in them by their value, so
// that 2 comes before 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		aDigits, bDigits := leadingDigits(a), leadingDigits(b)
		if aDigits == "" || bDigits == "" {
			ra, size := utf8.DecodeRuneInString(a)
			rb, other := utf8.DecodeRuneInString(b)
			if ra != rb {
				return cmp.Compare(ra, rb)
			}
			a, b = a[size:], b[other:]
			continue
		}
		a, b = a[len(aDigits):], b[len(bDigits):]
		aDigits, bDigits = strings.TrimLeft(aDigits, "0"), strings.TrimLeft(bDigits, "0")
		if order := cmp.Or(cmp.Compare(len(aDigits), len(bDigits)), cmp.Compare(aDigits, bDigits)); order != 0 {
			return order
		}
	}
	return cmp.Compare(a, b)
}

func leadingDigits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

// isShare reports whether the values are shares of full compliance; front offices
// with another scale send larger numbers.
func isShare(categories []processor.CategoryCompliance) bool {
	for _, c := range categories {
		if c.Current != nil && *c.Current > 1 || c.Target != nil && *c.Target > 1 {
			return false
		}
	}
	return true
}

func (r *requestContext) complianceTable(referential processor.ReferentialCompliance, name string, supports disclosure.Supports, mine own) table {
	t := table{Columns: []column{
		{Name: "referential"},
		{Name: "referential_label"},
		{Name: "category", Title: r.T("column_category")},
		{Name: "current", Title: r.T("compliance_current"), Numeric: true},
		{Name: "target", Title: r.T("compliance_target"), Numeric: true},
		{Name: "analyses", Numeric: true}, {Name: "organisations", Numeric: true},
	}}
	for _, category := range referential.Categories {
		row := []cell{
			text(referential.Referential), text(name),
			r.LabelCell(category.Labels, "–"), numOrNone(category.Current), numOrNone(category.Target),
		}
		row = append(row, contributorCells(supports[complianceKey(referential, category)])...)
		t.Rows = append(t.Rows, append(row, r.ownCells(mine, complianceKey(referential, category), 0)...))
	}
	t.Columns = append(t.Columns, r.ownColumns("column_own_current")...)
	return t
}

// complianceSummary says how far current and target are apart, and where most, among
// categories of enough analyses.
func (r *requestContext) complianceSummary(referential processor.ReferentialCompliance, supports disclosure.Supports, share bool) string {
	var current, target mean
	widest, where := 0.0, ""
	for _, c := range referential.Categories {
		if c.Current == nil || c.Target == nil {
			continue
		}
		current.sum, current.days = current.sum+*c.Current, current.days+1
		target.sum, target.days = target.sum+*c.Target, target.days+1
		if gap := *c.Target - *c.Current; gap > widest && !r.few(supports[complianceKey(referential, c)].Analyses) {
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
func (r *requestContext) points(difference float64) string {
	return r.T("percentage_points", "Count", int(math.Round(100*difference)))
}
