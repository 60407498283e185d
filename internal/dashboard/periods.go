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
	owns, err := r.owns(r.view.compared())
	if err != nil {
		return overview{}, nil, err
	}
	mine := func(t stats.Type) [2]own { return [2]own{f.own[t], owns[t]} }
	figures := []figure{
		r.objectPeriods(threats, [2]ranking{f.now.threats, f.before.threats}, mine(stats.Threat)),
		r.objectPeriods(vulnerabilities, [2]ranking{f.now.vulns, f.before.vulns}, mine(stats.Vulnerability)),
		r.riskPeriods([2]periodFigures{f.now, f.before}, mine(stats.Risk)),
	}
	for i, t := range []stats.Type{stats.Threat, stats.Vulnerability, stats.Risk} {
		figures[i].Behind = f.behind[t]
	}
	return r.overviewOf(f), figures, nil
}

// pairs are the chart and the table of two periods, item by item.
type pairs struct {
	r     *requestContext
	chart chart.Bars
	table table
	owns  []string // the client's own values, for the summary
}

// newPairs returns empty pairs with the columns that name an item.
func (r *requestContext) newPairs(columns ...column) pairs {
	now, before := r.span(r.view), r.span(r.view.compared())
	return pairs{r: r, chart: chart.Bars{Names: [2]string{now, before}}, table: table{Columns: append(columns,
		column{Name: "now", Title: now, Numeric: true},
		column{Name: "before", Title: before, Numeric: true},
		column{Name: "difference", Title: r.T("column_difference"), Numeric: true},
	)}}
}

// add adds an item with its values in both periods. The cells name it. Values that are not
// comparable, and those of few analyses, have no difference.
func (p *pairs) add(item chart.Item, comparable bool, cells ...cell) {
	now, before := item.Values[0], item.Values[1]
	if item.Few[0] || item.Few[1] {
		comparable = false
	}
	p.table.Rows = append(p.table.Rows, append(cells, numOrNone(now), numOrNone(before), p.differenceCell(item, comparable)))
	if own := item.Own[0]; own != nil && len(p.owns) < summaryLength {
		p.owns = append(p.owns, mention(cells[len(cells)-1].Text)+" "+p.r.Number(*own))
	}
	if item.Own != [2]*float64{} {
		p.chart.Own = p.r.T("own")
	}
	if comparable {
		item.Label = p.r.withChange(item.Label, now, before)
	}
	p.chart.Items = append(p.chart.Items, item)
}

// addCells adds cells to the last row.
func (p *pairs) addCells(cells ...cell) {
	last := len(p.table.Rows) - 1
	p.table.Rows[last] = append(p.table.Rows[last], cells...)
}

// fill gives a figure the chart, the table and what they say.
func (p *pairs) fill(f figure, name int) figure {
	few := slices.ContainsFunc(p.chart.Items, func(i chart.Item) bool { return i.Few[0] || i.Few[1] })
	f.Chart, f.Table, f.Few = p.chart, p.table, p.r.fewOf(few)
	f.Summary = sentences(p.r.changeSummary(f.Table, name), p.r.ownSummary(p.owns))
	return f
}

// difference returns the difference of two values, if both are known.
func difference(now, before *float64) *float64 {
	if now == nil || before == nil {
		return nil
	}
	return new(*now - *before)
}

// differenceCell returns the cell of a difference. Exports have all its digits.
func (p *pairs) differenceCell(item chart.Item, comparable bool) cell {
	by := difference(item.Values[0], item.Values[1])
	if by == nil || !comparable {
		return cell{}
	}
	return cell{Number: by, Text: p.r.signed(*item.Values[0], *item.Values[1])}
}

// objectPair is an object in two periods; nil: it has no figures in that one.
type objectPair struct {
	ranked
	periods [2]*ranked
	by      float64 // the absolute change
}

// leaders returns the objects that lead in either period, those that changed most
// first.
func (r *requestContext) leaders(periods [2]ranking) (all []objectPair) {
	for _, of := range periods {
		shown := of.ranked(r.view.Order)
		for _, object := range shown[:min(len(shown), r.view.Top)] {
			if slices.ContainsFunc(all, func(p objectPair) bool { return p.Object == object.Object }) {
				continue
			}
			p := objectPair{ranked: object, periods: [2]*ranked{periods[0].find(object.Object), periods[1].find(object.Object)}}
			few := p.periods[0] != nil && p.periods[0].few || p.periods[1] != nil && p.periods[1].few
			if change := difference(r.valueOf(p.periods[0]), r.valueOf(p.periods[1])); change != nil && !few {
				p.by = math.Abs(*change)
			}
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b objectPair) int { return cmp.Compare(b.by, a.by) })
	return all
}

// objectPeriods compares the leading objects of two periods.
func (r *requestContext) objectPeriods(kind objectKind, periods [2]ranking, mine [2]own) figure {
	compared := r.newPairs(column{Name: "object"}, column{Name: "label", Title: r.T("column_label")})
	compared.table.Columns = slices.Concat(compared.table.Columns, []column{
		{Name: "rank_now", Title: r.T("column_rank_now"), Numeric: true}, {Name: "rank_before", Title: r.T("column_rank_before"), Numeric: true},
	}, r.ownColumns("column_own_now"), r.ownColumns("column_own_before"))
	measure := measureIndex[r.view.By]
	for _, p := range r.leaders(periods) {
		item := chart.Item{Label: r.names(p.Labels, p.Object), Href: r.objectLink(kind, p.Object)}
		key, owns := stats.Key{Object: p.Object}, []cell(nil)
		for i, period := range p.periods {
			item.Values[i], item.Few[i] = r.valueOf(period), period != nil && period.few
			item.Own[i], owns = mine[i].value(key, measure), append(owns, r.ownCells(mine[i], key, measure)...)
		}
		compared.add(item, true, text(p.Object), r.objectCell(kind, p.Labels, p.Object))
		compared.addCells(append([]cell{rankCell(p.periods[0]), rankCell(p.periods[1])}, owns...)...)
	}
	return compared.fill(figure{
		ID:    "periods-" + kind.of,
		Title: r.T("subject_" + kind.of),
		Note:  r.measureName(kind.of) + " · " + r.T("measure_note_"+measureID(r.view.By, kind.of)),
	}, 1)
}

// withChange adds the difference of the bars to the name of a row.
func (r *requestContext) withChange(names chart.Label, now, before *float64) chart.Label {
	if now == nil || before == nil {
		return names
	}
	changed := make(chart.Label, len(names))
	for i, name := range names {
		if strings.TrimSpace(name) != "" {
			changed[i] = name + " · " + r.signed(*now, *before)
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
func (r *requestContext) riskPeriods(periods [2]periodFigures, mine [2]own) figure {
	compared := r.newPairs(column{Name: "level", Title: r.T("column_level")})
	if r.client != nil { // sums of both kinds have no place among those of others
		compared.table.Columns = append(compared.table.Columns,
			column{Name: "own", Title: r.T("column_own_now"), Numeric: true}, column{Name: "own_before", Title: r.T("column_own_before"), Numeric: true})
	}
	for _, l := range levelCodes {
		for _, state := range stats.States() {
			label := r.T("level_"+l.code) + ", " + r.T("state_small_"+state)
			now, before := r.ofLevel(periods[0], state, l.level), r.ofLevel(periods[1], state, l.level)
			item := chart.Item{
				Label: chart.Label{label}, Values: [2]*float64{now.mean, before.mean}, Few: [2]bool{now.few, before.few},
				Own: [2]*float64{mine[0].means().ofAllKinds(state, l.level), mine[1].means().ofAllKinds(state, l.level)},
			}
			if item.Values == [2]*float64{} {
				continue
			}
			compared.add(item, now.comparable(before), text(label))
			if r.client != nil {
				compared.addCells(numOrNone(item.Own[0]), numOrNone(item.Own[1]))
			}
		}
	}
	return compared.fill(figure{ID: "periods-risks", Title: r.T("risks"), Note: r.T("headlines_note")}, 0)
}

// changeSummary names the row that changed most. name is the column of its name; the
// difference is three columns further on.
func (r *requestContext) changeSummary(t table, name int) string {
	var most []cell
	for _, row := range t.Rows {
		by := row[name+3].Number
		if by == nil || !r.differ(*row[name+1].Number, *row[name+2].Number) {
			continue
		}
		if most == nil || math.Abs(*by) > math.Abs(*most[name+3].Number) {
			most = row
		}
	}
	if most == nil {
		return r.T("changes_none")
	}
	return r.T("periods_summary", "Name", mention(most[name].Text), "Change", most[name+3].Text)
}

// reportTop is how many threats and vulnerabilities the report ranks.
const reportTop = 10

// reportReferentials is how many referentials the report shows.
const reportReferentials = 2

// report returns the figures of a management report of two or three printed pages. It
// leaves out those of pages that are turned off.
func (r *requestContext) report() (overview, []figure, error) {
	r.view.Top, r.view.Order, r.view.Of, r.view.Objects = reportTop, orderHighest, ofRisks, nil
	f, err := r.overviewFigures()
	if err != nil {
		return overview{}, nil, err
	}
	o, figures := r.overviewOf(f), r.overviewCharts(f)
	if r.opts.isActive(pageEvolution) {
		_, lines, err := r.evolution()
		if err != nil {
			return overview{}, nil, err
		}
		figures = append(figures, lines...)
	}
	if r.opts.isActive(pageCompliance) {
		compliance, err := r.compliance()
		if err != nil {
			return overview{}, nil, err
		}
		shown := min(len(compliance), reportReferentials)
		figures, o.LeftOut = append(figures, compliance[:shown]...), len(compliance)-shown
	}
	return o, figures, nil
}
