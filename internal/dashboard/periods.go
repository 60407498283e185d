// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/stats"
)

// periods compares two periods: the overview of the later one, and the figures of both
// side by side.
func (r *requestContext) periods() (overview, []figure, error) {
	f, err := r.overviewFigures()
	if err != nil {
		return overview{}, nil, err
	}
	figures := []figure{
		r.objectPeriods(threats, f.now.threats, f.before.threats),
		r.objectPeriods(vulnerabilities, f.now.vulns, f.before.vulns),
		r.riskPeriods(f.now.means, f.before.means),
	}
	for i, t := range []stats.Type{stats.Threat, stats.Vulnerability, stats.Risk} {
		figures[i].Behind = f.behind[t]
	}
	return r.overviewOf(f), figures, nil
}

// pairs returns an empty chart of two periods.
func (r *requestContext) pairs() chart.Bars {
	return chart.Bars{Names: [2]string{r.span(r.view), r.span(r.view.compared())}}
}

// periodColumns returns the columns of a table of two periods, without those that name
// a row.
func (r *requestContext) periodColumns() []column {
	return []column{
		{Name: "now", Title: r.span(r.view), Numeric: true},
		{Name: "before", Title: r.span(r.view.compared()), Numeric: true},
		{Name: "difference", Title: r.T("column_difference"), Numeric: true},
	}
}

// difference returns the difference of two values, if both are known.
func difference(now, before *float64) *float64 {
	if now == nil || before == nil {
		return nil
	}
	return new(*now - *before)
}

// objectPeriods compares the objects that lead in either period, those that changed
// most first.
func (r *requestContext) objectPeriods(kind objectKind, now, before ranking) figure {
	type pair struct {
		object    ranked
		now, then *ranked
		by        float64
	}
	var all []pair
	add := func(object ranked) {
		if slices.ContainsFunc(all, func(p pair) bool { return p.object.Object == object.Object }) {
			return
		}
		p := pair{object: object, now: now.find(object.Object), then: before.find(object.Object)}
		if change := difference(r.valueOf(p.now), r.valueOf(p.then)); change != nil {
			p.by = math.Abs(*change)
		}
		all = append(all, p)
	}
	for _, of := range []ranking{now.ranked(r.view.Order), before.ranked(r.view.Order)} {
		for _, object := range of[:min(len(of), r.view.Top)] {
			add(object)
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.by, a.by) })
	columns := append([]column{{Name: "object"}, {Name: "label", Title: r.T("column_label")}}, r.periodColumns()...)
	f := figure{
		ID:    "periods-" + kind.of,
		Title: r.T("subject_" + kind.of),
		Note:  r.measureName(kind.of) + " · " + r.T("measure_note_"+measureID(r.view.By, kind.of)),
		Table: table{Columns: append(columns,
			column{Name: "rank_now", Title: r.T("column_rank_now"), Numeric: true}, column{Name: "rank_before", Title: r.T("column_rank_before"), Numeric: true})},
	}
	pairs := r.pairs()
	for _, p := range all {
		is, was := r.valueOf(p.now), r.valueOf(p.then)
		pairs.Items = append(pairs.Items, chart.Item{
			Label: r.withChange(r.names(p.object.Labels, p.object.Object), is, was), Href: r.objectLink(kind, p.object.Object), Values: [2]*float64{is, was},
		})
		f.Table.Rows = append(f.Table.Rows, []cell{
			text(p.object.Object), r.objectCell(kind, p.object.Labels, p.object.Object),
			numOrNone(is), numOrNone(was), numOrNone(difference(is, was)), rankCell(p.now), rankCell(p.then),
		})
	}
	f.Chart, f.Summary = pairs, r.changeSummary(f.Table, 1)
	return f
}

// withChange adds the difference of the bars to the name of a row.
func (r *requestContext) withChange(names chart.Label, now, before *float64) chart.Label {
	by := difference(now, before)
	if by == nil {
		return names
	}
	changed := make(chart.Label, len(names))
	for i, name := range names {
		if strings.TrimSpace(name) != "" {
			changed[i] = name + " · " + r.signed(*by)
		}
	}
	return changed
}

// valueOf returns the chosen value of an object, or nil if object is nil.
func (r *requestContext) valueOf(object *ranked) *float64 {
	if object == nil {
		return nil
	}
	return new(measureOf(object.Averages, r.view.By))
}

func rankCell(object *ranked) cell {
	if object == nil || object.rank == 0 {
		return cell{}
	}
	return num(float64(object.rank))
}

// riskPeriods compares the numbers of risks by level and state.
func (r *requestContext) riskPeriods(now, before riskMeans) figure {
	f := figure{
		ID: "periods-risks", Title: r.T("risks"), Note: r.T("headlines_note"),
		Table: table{Columns: append([]column{{Name: "level", Title: r.T("column_level")}}, r.periodColumns()...)},
	}
	pairs := r.pairs()
	for _, l := range levelCodes {
		for _, state := range stats.States() {
			is, was := now.ofAllKinds(state, l.level), before.ofAllKinds(state, l.level)
			if is == nil && was == nil {
				continue
			}
			label := r.T("level_"+l.code) + ", " + r.T("state_small_"+state)
			pairs.Items = append(pairs.Items, chart.Item{Label: r.withChange(chart.Label{label}, is, was), Values: [2]*float64{is, was}})
			f.Table.Rows = append(f.Table.Rows, []cell{text(label), numOrNone(is), numOrNone(was), numOrNone(difference(is, was))})
		}
	}
	f.Chart, f.Summary = pairs, r.changeSummary(f.Table, 0)
	return f
}

// changeSummary names the row that changed most. name is the column of its name; the
// difference is three columns further on.
func (r *requestContext) changeSummary(t table, name int) string {
	var most []cell
	for _, row := range t.Rows {
		if by := row[name+3].Number; by != nil && (most == nil || math.Abs(*by) > math.Abs(*most[name+3].Number)) {
			most = row
		}
	}
	if most == nil {
		return ""
	}
	return r.T("periods_summary", "Name", mention(most[name].Text), "Change", r.signed(*most[name+3].Number))
}

// reportTop is how many threats and vulnerabilities the report ranks.
const reportTop = 10

// report returns the figures of a management report of two or three printed pages.
func (r *requestContext) report() (overview, []figure, error) {
	r.view.Top, r.view.Order, r.view.Of, r.view.Objects = reportTop, orderHighest, ofRisks, nil
	f, err := r.overviewFigures()
	if err != nil {
		return overview{}, nil, err
	}
	figures := r.overviewCharts(f)
	_, lines, err := r.evolution()
	if err != nil {
		return overview{}, nil, err
	}
	compliance, err := r.compliance()
	if err != nil {
		return overview{}, nil, err
	}
	return r.overviewOf(f), slices.Concat(figures, lines, compliance[:min(len(compliance), 2)]), nil
}
