// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// line is the history of one threat, vulnerability or risk level.
type line struct {
	Code   string // UUID of the object or code of the risk level
	Name   cell
	Chosen bool

	names   chart.Label // all that it is called
	support disclosure.Support
	risks   *chart.Risks // of a risk level
	key     stats.Key

	mean  float64           // of the whole period
	steps map[string]*steps // by measure
}

// steps are the means of the parts of the period, by their first day.
type steps map[time.Time]*mean

// mean is the mean of daily means.
type mean struct {
	sum  float64
	days int
}

func (m *mean) value() float64 { return m.sum / float64(m.days) }

func (s steps) add(start time.Time, value float64) {
	m := s[start]
	if m == nil {
		m = new(mean)
		s[start] = m
	}
	m.sum += value
	m.days++
}

// value returns the mean of the part that starts on a day, or nil if there is none.
func (s steps) value(start time.Time) *float64 {
	m := s[start]
	if m == nil {
		return nil
	}
	value := m.value()
	return &value
}

// evolution has the data of the page of developments.
type evolution struct {
	Lines    []line // all there are, for the selection
	Shown    int
	Measured bool // whether lines have several measures to choose from
}

func (r *requestContext) evolution() (evolution, []figure, error) {
	lines, err := r.lines()
	if err != nil {
		return evolution{}, nil, err
	}
	r.choose(lines)
	var shown []line
	for _, l := range lines {
		if l.Chosen {
			shown = append(shown, l)
		}
	}
	e := evolution{Lines: lines, Shown: len(shown), Measured: r.view.Of != ofRisks}
	average := lines
	if r.view.Of == ofRisks {
		average = shown // levels of different kinds have no mean of their own
	}
	mine, err := r.own(subjectTypes[r.view.Of])
	if err != nil {
		return evolution{}, nil, err
	}
	f, err := r.evolutionFigure(shown, average, len(lines), mine)
	if err != nil {
		return evolution{}, nil, err
	}
	f.Behind, err = r.behind(subjectTypes[r.view.Of])
	return e, []figure{f}, err
}

// subjectTypes are the types of stats that lines are of.
var subjectTypes = map[string]stats.Type{ofThreats: stats.Threat, ofVulnerabilities: stats.Vulnerability, ofRisks: stats.Risk}

// lines returns all lines for the subject of the view, in the order of their rank.
func (r *requestContext) lines() ([]line, error) {
	switch r.view.Of {
	case ofVulnerabilities:
		return r.objectLines(vulnerabilities)
	case ofRisks:
		return r.riskLines()
	}
	return r.objectLines(threats)
}

// measure names the measure that lines show.
func (r *requestContext) measure() string {
	if r.view.Of == ofRisks {
		return byOccurrence
	}
	return r.view.By
}

func (r *requestContext) objectLines(kind objectKind) ([]line, error) {
	all, err := r.ranking(kind, r.view, r.steps())
	if err != nil {
		return nil, err
	}
	return r.linesOf(kind, all)
}

// linesOf returns the lines of ranked objects, followed by those that are not ranked.
func (r *requestContext) linesOf(kind objectKind, all ranking) ([]line, error) {
	start := r.steps().Start
	ordered := all.ranked(r.view.Order)
	var lines []line
	for _, object := range append(ordered, all[len(ordered):]...) {
		l := line{
			Code: object.Object, key: stats.Key{Object: object.Object}, Name: r.objectCell(kind, object.Labels, object.Object), names: r.names(object.Labels, object.Object), support: object.support,
			mean: measureOf(object.Averages, r.view.By), steps: map[string]*steps{},
		}
		for _, by := range measures {
			l.steps[by] = &steps{}
		}
		for _, value := range object.Values {
			date, err := time.Parse(time.DateOnly, value.Date)
			if err != nil {
				return nil, err
			}
			for _, by := range measures {
				l.steps[by].add(start(date), measureOf(value.Measure, by))
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// steps returns the parts of the period that lines have a value for.
func (r *requestContext) steps() disclosure.Parts {
	return disclosure.Parts{Name: r.view.grouping(), Start: startOf(r.view.grouping())}
}

func (r *requestContext) riskLines() ([]line, error) {
	parts := r.steps()
	sums, err := r.sums(stats.Risk, r.view)
	if err != nil {
		return nil, err
	}
	supports, err := r.opts.Figures.Support(r.ctx, r.view.filter(stats.Risk), parts)
	if err != nil {
		return nil, err
	}
	byKey := map[stats.Key]*steps{}
	total := map[stats.Key]*mean{}
	for _, sum := range sums {
		if byKey[sum.Key] == nil {
			byKey[sum.Key], total[sum.Key] = &steps{}, &mean{}
		}
		value := processor.Mean(sum.Sums[0], sum.Count)
		byKey[sum.Key].add(parts.Start(sum.Date), value)
		total[sum.Key].sum += value
		total[sum.Key].days++
	}
	var lines []line
	for _, known := range riskLines() {
		if s := byKey[known.key]; s != nil {
			lines = append(lines, line{
				Code: known.code, key: known.key, Name: text(r.T("line_" + known.code)), risks: &known.risks, support: supports[known.key],
				mean: total[known.key].value(), steps: map[string]*steps{byOccurrence: s},
			})
		}
	}
	return lines, nil
}

// defaultRiskLines are the current risks of both kinds.
const defaultRiskLines = 6

// choose marks the lines to show.
func (r *requestContext) choose(lines []line) {
	standard := r.view.Top
	if r.view.Of == ofRisks {
		standard = defaultRiskLines
	}
	for i := range lines {
		chosen := slices.Contains(r.view.Objects, lines[i].Code)
		if len(r.view.Objects) == 0 {
			chosen = i < standard
		}
		lines[i].Chosen = chosen != r.view.Invert
	}
}

// meanCode is the code of the line of means.
const meanCode = "mean"

// meanOf returns the mean of lines, step by step.
func (r *requestContext) meanOf(lines []line) line {
	all := line{Code: meanCode, Name: text(r.meanName()), steps: map[string]*steps{}}
	var whole mean
	for _, l := range lines {
		whole.sum, whole.days = whole.sum+l.mean, whole.days+1
		for measure, known := range l.steps {
			if all.steps[measure] == nil {
				all.steps[measure] = &steps{}
			}
			for start, m := range *known {
				all.steps[measure].add(start, m.value())
			}
		}
	}
	if len(lines) > 0 {
		all.mean = whole.value()
	}
	return all
}

// evolutionFigure draws lines, and the mean of those that are averaged.
func (r *requestContext) evolutionFigure(shown, averaged []line, all int, mine own) (figure, error) {
	starts := startsOf(shown, r.measure())
	f := figure{
		ID:    "evolution",
		Title: r.T("evolution_title_" + r.view.Of),
		Note:  r.T("evolution_note_" + r.view.grouping()),
	}
	if len(shown) == 0 {
		return f, nil
	}
	history, err := r.ownHistory(subjectTypes[r.view.Of])
	if err != nil {
		return f, err
	}
	average := r.meanOf(averaged)
	withMean := append(slices.Clone(shown), average)
	drawn := withMean
	if len(averaged) == 1 { // whose line the mean would cover
		drawn = shown
	}
	lines := chart.Lines{
		Unit: r.lineUnit(), Steps: starts, Axis: r.timeAxis(), Running: r.running(starts),
		More: func(n int) string { return r.T("picture_more_lines", "Count", n) },
	}
	for _, l := range drawn {
		one := chart.Line{Name: l.names, Href: l.Name.Href, Mean: l.Code == meanCode, Risks: l.risks}
		if len(one.Name) == 0 {
			one.Name = chart.Label{l.Name.Text}
		}
		for _, start := range starts {
			value := l.steps[r.measure()].value(start)
			few := l.Code != meanCode && value != nil && r.few(l.support.Parts[start].Analyses)
			one.Values, one.Few = append(one.Values, value), append(one.Few, few)
			if few {
				f.Few = r.fewOf(true)
			}
		}
		if known := history[l.key]; known != nil && l.Code != meanCode {
			one.Own, lines.Own = valuesOf(known, starts), r.T("own")
		}
		lines.Series = append(lines.Series, one)
	}
	f.Chart = lines
	f.Table = r.wideTable(withMean, starts)
	r.addOwn(&f.Table, withMean, mine)
	r.addOwnHistory(&f.Table, shown, starts, history)
	f.Export = r.longTable(withMean, starts)
	f.Summary = r.evolutionSummary(shown, all, *average.steps[r.measure()], starts)
	return f, nil
}

// intervals are the lengths of steps by the names of groupings.
var intervals = map[string]chart.Interval{
	groupDay: chart.Day, groupWeek: chart.Week, groupMonth: chart.Month, groupQuarter: chart.Quarter, groupYear: chart.Year,
}

// timeAxis returns the period of the view. Quarters are named as such only where steps
// are quarters: otherwise the name of their first month says more.
func (r *requestContext) timeAxis() chart.TimeAxis {
	step := intervals[r.view.grouping()]
	return chart.TimeAxis{From: r.view.From, To: r.view.To, Step: step, Name: func(of chart.Interval, day time.Time) string {
		switch {
		case of == chart.Quarter && step == chart.Quarter:
			return r.T("quarter_short", "Quarter", strconv.Itoa((int(day.Month())+2)/3))
		case of.Months > 0:
			return r.month(day)
		}
		return r.T("date_short", "Day", strconv.Itoa(day.Day()), "Month", r.month(day))
	}}
}

// running says that the last step is in progress, or returns "".
func (r *requestContext) running(starts []time.Time) string {
	last := starts[len(starts)-1]
	if startOf(r.view.grouping())(r.opts.Figures.Today()).After(last) {
		return ""
	}
	return r.T("step_running")
}

func (r *requestContext) lineUnit() string {
	if r.view.Of == ofRisks {
		return r.T("risks_per_analysis")
	}
	return r.measureName(r.view.Of)
}

func (r *requestContext) meanName() string {
	if r.view.Of == ofRisks {
		return r.T("mean_of_shown")
	}
	return r.T("mean_of_all_" + r.view.Of)
}

// startsOf lists the parts of the period in which any line has a value.
func startsOf(lines []line, measure string) []time.Time {
	known := map[time.Time]bool{}
	for _, l := range lines {
		for start := range *l.steps[measure] {
			known[start] = true
		}
	}
	starts := make([]time.Time, 0, len(known))
	for start := range known {
		starts = append(starts, start)
	}
	slices.SortFunc(starts, time.Time.Compare)
	return starts
}

func (r *requestContext) groupNames(starts []time.Time) []string {
	names := make([]string, len(starts))
	for i, start := range starts {
		names[i] = r.Group(r.view.grouping(), start)
	}
	return names
}

// wideTable returns a table with a row for each line and a column for each step.
func (r *requestContext) wideTable(shown []line, starts []time.Time) table {
	t := table{Columns: []column{
		{Name: "label", Title: r.T("column_label")},
		{Name: "mean", Title: r.T("column_mean"), Numeric: true},
	}}
	for i, name := range r.groupNames(starts) {
		t.Columns = append(t.Columns, column{Name: starts[i].Format(time.DateOnly), Title: name, Numeric: true})
	}
	for _, l := range shown {
		t.Rows = append(t.Rows, append([]cell{l.Name, num(l.mean)}, cellsOf(valuesOf(*l.steps[r.measure()], starts))...))
	}
	return t
}

func valuesOf(s steps, starts []time.Time) []*float64 {
	values := make([]*float64, len(starts))
	for i, start := range starts {
		values[i] = s.value(start)
	}
	return values
}

func cellsOf(values []*float64) []cell {
	cells := make([]cell, len(values))
	for i, value := range values {
		cells[i] = numOrNone(value)
	}
	return cells
}

// longTable returns a table with a row for each line and step, which suits programs.
// Rows of the mean name no object.
func (r *requestContext) longTable(shown []line, starts []time.Time) *table {
	values := measures
	if r.view.Of == ofRisks {
		values = []string{byOccurrence}
	}
	t := &table{Columns: []column{{Name: "date"}, {Name: "object"}, {Name: "label"}}}
	for _, by := range values {
		t.Columns = append(t.Columns, column{Name: by, Numeric: true})
	}
	t.Columns = append(t.Columns, column{Name: "analyses", Numeric: true})
	for _, l := range shown {
		for _, start := range starts {
			if l.steps[r.measure()].value(start) == nil {
				continue
			}
			row := []cell{text(start.Format(time.DateOnly)), text(l.Code), l.Name}
			if l.Code == meanCode {
				row[1] = cell{} // the mean is of no object
			}
			for _, by := range values {
				row = append(row, numOrNone(l.steps[by].value(start)))
			}
			if l.Code == meanCode {
				row = append(row, cell{})
			} else {
				row = append(row, num(float64(l.support.Parts[start].Analyses)))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (r *requestContext) evolutionSummary(shown []line, all int, average steps, starts []time.Time) string {
	ends := func(s steps) (first, last string) {
		return r.numberOrNone(s.value(starts[0])), r.numberOrNone(s.value(starts[len(starts)-1]))
	}
	names := r.groupNames(starts)
	first, last := ends(average)
	if len(shown) == 1 {
		of, to := ends(*shown[0].steps[r.measure()])
		mean := r.meanName()
		if r.view.Of == ofRisks || all == 1 { // which is that of the line
			mean = ""
		}
		return r.T("evolution_summary_one", "Name", mention(shown[0].Name.Text), "First", of, "From", names[0], "Last", to, "To", names[len(names)-1],
			"Mean", mean, "MeanFirst", first, "MeanLast", last)
	}
	return r.T("evolution_summary",
		"Count", len(shown), "All", r.Integer(all), "Steps", r.Integer(len(starts)), "Mean", r.meanName(),
		"First", first, "From", names[0], "Last", last, "To", names[len(names)-1])
}
