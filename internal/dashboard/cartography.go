// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"maps"
	"slices"
	"strconv"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// riskMap is one map of risks: mean numbers of risks by impact and likelihood.
type riskMap struct {
	state, kind string
	known, few  bool               // few: of too few analyses for rankings
	cells       map[[2]int]float64 // impact and likelihood
}

func (r *requestContext) cartography() ([]figure, error) {
	sums, err := r.sums(stats.Cartography, r.view)
	if err != nil {
		return nil, err
	}
	averages, err := processed[processor.CartographyAverages]("cartography_averages", sums)
	if err != nil {
		return nil, err
	}
	mine, err := r.own(stats.Cartography)
	if err != nil {
		return nil, err
	}
	// Every analysis counts in every cell, also with no risks in it.
	behind, few, err := r.allBehind(stats.Cartography)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, kind := range stats.Kinds() {
		current, residual := mapOf(averages, stats.Current, kind), mapOf(averages, stats.Residual, kind)
		// Both have the same axes and colours, so that they can be compared.
		impacts, likelihoods := scales(current, residual)
		highest := max(current.highest(), residual.highest())
		for _, m := range []riskMap{current, residual} {
			m.few = few != ""
			figures = append(figures, r.mapFigure(m, impacts, likelihoods, highest, mine.ofMap(m.state, m.kind)))
		}
	}
	for i := range figures {
		figures[i].Behind, figures[i].Few = behind, few
	}
	return figures, nil
}

func mapOf(averages processor.CartographyAverages, state, kind string) riskMap {
	m := riskMap{state: state, kind: kind, cells: map[[2]int]float64{}}
	for _, impact := range member(member(averages, state), kind) {
		for _, likelihood := range impact.Value {
			at := [2]int{scaleValue(impact.Name), scaleValue(likelihood.Name)}
			m.cells[at] = likelihood.Value
			m.known = true
		}
	}
	return m
}

// member returns the value of a member, or the zero value.
func member[V any](members processor.Members[V], name string) (value V) {
	for _, m := range members {
		if m.Name == name {
			return m.Value
		}
	}
	return value
}

// scaleValue parses a value of a scale, which validation has ensured to be a number.
func scaleValue(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func (m riskMap) highest() float64 {
	highest := 0.0
	for _, mean := range m.cells {
		highest = max(highest, mean)
	}
	return highest
}

// scales lists the values that occur in any of the maps, in ascending order.
func scales(riskMaps ...riskMap) (impacts, likelihoods []int) {
	i, l := map[int]bool{}, map[int]bool{}
	for _, m := range riskMaps {
		for at := range m.cells {
			i[at[0]], l[at[1]] = true, true
		}
	}
	return slices.Sorted(maps.Keys(i)), slices.Sorted(maps.Keys(l))
}

// riskZones are, by kind, the products of both axes that divide the cells into zones.
// Organisations set their own thresholds, which the stats do not contain.
var riskZones = map[string][]int{stats.Informational: {9, 27}, stats.Operational: {4, 8}}

func (r *requestContext) mapFigure(m riskMap, impacts, likelihoods []int, highest float64, mine riskMap) figure {
	heat := chart.Heat{
		Unit: r.T("risks_per_analysis"), Max: highest, Few: m.few, Zones: riskZones[m.kind],
		Columns: likelihoods, Rows: impacts, Across: r.T("axis_likelihood_" + m.kind), Up: r.T("axis_impact"),
	}
	f := figure{
		ID:    "cartography-" + m.kind + "-" + m.state,
		Title: r.T("cartography_title_" + m.kind + "_" + m.state),
		Note:  r.T("cartography_note", "Across", heat.Across, "Up", heat.Up),
	}
	if !m.known {
		return f
	}
	if heat.Uneven() {
		f.Note += " " + r.T("cartography_uneven")
	}
	f.Table, f.Export = r.mapTable(m, impacts, likelihoods, mine), r.mapExport(m)
	for _, impact := range impacts {
		var row []float64
		for _, l := range likelihoods {
			row = append(row, m.cells[[2]int{impact, l}])
		}
		heat.Values = append(heat.Values, row)
	}
	f.Chart, f.Summary = heat, r.mapSummary(m)
	if mine.known {
		f.Summary = sentences(f.Summary, r.ownSummary([]string{r.mapSummary(mine)}))
	}
	return f
}

func digits(values []int) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = strconv.Itoa(value)
	}
	return texts
}

// mapTable returns a table laid out like the map: the highest impact is at the top.
func (r *requestContext) mapTable(m riskMap, impacts, likelihoods []int, mine riskMap) table {
	t := table{Columns: []column{{Name: "impact", Title: r.T("axis_impact") + " \\ " + r.T("axis_likelihood_"+m.kind)}}}
	for _, l := range digits(likelihoods) {
		t.Columns = append(t.Columns, column{Name: l, Title: l, Numeric: true})
	}
	for _, impact := range slices.Backward(impacts) {
		row := []cell{text(strconv.Itoa(impact))}
		for _, l := range likelihoods {
			row = append(row, r.mapCell(m, mine, [2]int{impact, l}))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// mapExport returns a table with a row for each cell that has risks.
func (r *requestContext) mapExport(m riskMap) *table {
	second := "likelihood"
	if m.kind == stats.Operational {
		second = "probability"
	}
	t := &table{Columns: []column{
		{Name: "impact", Numeric: true}, {Name: second, Numeric: true}, {Name: "risks", Numeric: true},
	}}
	for _, at := range m.inOrder() {
		t.Rows = append(t.Rows, []cell{num(float64(at[0])), num(float64(at[1])), num(m.cells[at])})
	}
	return t
}

func (m riskMap) inOrder() [][2]int {
	return slices.SortedFunc(maps.Keys(m.cells), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
}

func (r *requestContext) mapSummary(m riskMap) string {
	total, most := 0.0, [2]int{}
	for _, at := range m.inOrder() {
		total += m.cells[at]
		if m.cells[at] > m.cells[most] {
			most = at
		}
	}
	summary := r.T("cartography_total", "Count", total)
	if m.few { // cells are not ranked
		return summary
	}
	return sentences(summary, r.T("cartography_most_"+m.kind, "Most", r.Number(m.cells[most]),
		"Impact", strconv.Itoa(most[0]), "Likelihood", strconv.Itoa(most[1])))
}
