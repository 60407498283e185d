// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strings"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// levelCodes are the names of risk levels in addresses and translations, the
// highest level first: that is what readers look for.
var levelCodes = []struct{ code, level string }{
	{"high", stats.HighRisks},
	{"medium", stats.MediumRisks},
	{"low", stats.LowRisks},
}

// riskMeans are the mean numbers of risks per analysis. Keys without stats are missing.
type riskMeans map[stats.Key]float64

func meansOf(sums []processor.DailySum) riskMeans {
	means := riskMeans{}
	for key, average := range processor.Averages(stats.Risk, sums) {
		means[key] = average.Values[0]
	}
	return means
}

func (m riskMeans) of(state, kind, level string) *float64 {
	mean, known := m[stats.Key{State: state, Kind: kind, Level: level}]
	if !known {
		return nil
	}
	return &mean
}

// ofAllKinds adds up the informational and the operational risks of a level.
func (m riskMeans) ofAllKinds(state, level string) *float64 {
	var sum *float64
	for _, kind := range stats.Kinds() {
		if mean := m.of(state, kind, level); mean != nil {
			total := *mean
			if sum != nil {
				total += *sum
			}
			sum = &total
		}
	}
	return sum
}

// riskLevels are the levels of charts by their codes.
var riskLevels = map[string]chart.Level{"low": chart.Low, "medium": chart.Medium, "high": chart.High}

// riskFigure compares current and residual risks of a kind by level.
func (r *requestContext) riskFigure(kind string, means riskMeans, supports disclosure.Supports, mine own) figure {
	f := figure{
		ID:    "risks-" + kind,
		Title: r.T("risks_title_" + kind),
		Note:  r.T("risks_note"),
		Table: table{Columns: []column{
			{Name: "level", Title: r.T("column_level")},
			{Name: "current", Title: r.T("state_current"), Numeric: true},
			{Name: "residual", Title: r.T("state_residual"), Numeric: true},
			{Name: "analyses", Numeric: true}, {Name: "organisations", Numeric: true},
		}},
	}
	levels := chart.Bars{Names: [2]string{r.T("state_current"), r.T("state_residual")}}
	var owns []string
	for _, l := range levelCodes {
		now, after := means.of(stats.Current, kind, l.level), means.of(stats.Residual, kind, l.level)
		if now == nil && after == nil {
			continue
		}
		label := r.T("level_" + l.code)
		current, residual := stats.Key{State: stats.Current, Kind: kind, Level: l.level}, stats.Key{State: stats.Residual, Kind: kind, Level: l.level}
		item := chart.Item{
			Level: riskLevels[l.code], Label: chart.Label{label},
			Few:    [2]bool{now != nil && r.few(supports[current].Analyses), after != nil && r.few(supports[residual].Analyses)},
			Values: [2]*float64{now, after}, Own: [2]*float64{mine.value(current, 0), mine.value(residual, 0)},
		}
		if item.Few[0] || item.Few[1] {
			f.Few = r.fewOf(true)
		}
		levels.Items = append(levels.Items, item)
		f.Table.Rows = append(f.Table.Rows, slices.Concat(
			[]cell{text(label), numOrNone(now), numOrNone(after)}, contributorCells(supports[current], supports[residual]), r.ownCells(mine, current, 0), r.ownCells(mine, residual, 0)))
		if item.Own[0] != nil || item.Own[1] != nil {
			levels.Own = r.T("own")
			owns = append(owns, r.T("risks_summary_level", "Level", label, "Current", r.numberOrNone(item.Own[0]), "Residual", r.numberOrNone(item.Own[1])))
		}
	}
	f.Table.Columns = slices.Concat(f.Table.Columns, r.ownColumns("column_own_current"), r.ownColumns("column_own_residual"))
	f.Chart, f.Summary = levels, sentences(r.levelSummary(f.Table), r.ownSummary(owns))
	return f
}

// contributorCells counts the contributors behind a row: the most that one of its figures
// has.
func contributorCells(figures ...disclosure.Support) []cell {
	analyses, clients := 0, 0
	for _, one := range figures {
		analyses, clients = max(analyses, one.Analyses), max(clients, one.Clients)
	}
	return []cell{num(float64(analyses)), num(float64(clients))}
}

func (r *requestContext) levelSummary(t table) string {
	var parts []string
	for _, row := range t.Rows {
		parts = append(parts, r.T("risks_summary_level",
			"Level", row[0].Text, "Current", r.numberOrNone(row[1].Number), "Residual", r.numberOrNone(row[2].Number)))
	}
	if len(parts) == 0 {
		return ""
	}
	return r.T("risks_summary", "Levels", strings.Join(parts, "; "))
}

func (r *requestContext) numberOrNone(n *float64) string {
	if n == nil {
		return "–"
	}
	return r.Number(*n)
}

// riskLine is a line of the risks over time.
type riskLine struct {
	code  string
	risks chart.Risks
	key   stats.Key
}

// riskLines lists all possible lines, the default ones first.
func riskLines() []riskLine {
	var lines []riskLine
	for _, state := range stats.States() {
		for _, kind := range stats.Kinds() {
			for _, l := range levelCodes {
				key := stats.Key{State: state, Kind: kind, Level: l.level}
				risks := chart.Risks{Level: riskLevels[l.code], Operational: kind == stats.Operational, Residual: state == stats.Residual}
				lines = append(lines, riskLine{state + "-" + kind + "-" + l.code, risks, key})
			}
		}
	}
	return lines
}

// isLevelCode reports whether a line of risks over time has this code.
func isLevelCode(code string) bool {
	return slices.ContainsFunc(riskLines(), func(l riskLine) bool { return l.code == code })
}
