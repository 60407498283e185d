package dashboard

import (
	"slices"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// line is the history of one threat, vulnerability or risk level.
type line struct {
	Code   string // UUID of the object or code of the risk level
	Name   cell
	Chosen bool

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

// value is nil when nothing is known of the part that starts then.
func (s steps) value(start time.Time) *float64 {
	m := s[start]
	if m == nil {
		return nil
	}
	value := m.value()
	return &value
}

// evolution is what the page of developments shows.
type evolution struct {
	Lines    []line // all there are, for the selection
	Shown    int
	Grouping string
	Measured bool // whether lines have several measures to choose from
}

func (r *reading) evolution() (evolution, []chart, error) {
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
	e := evolution{Lines: lines, Shown: len(shown), Grouping: r.view.grouping(), Measured: r.view.Of != ofRisks}
	average := lines
	if r.view.Of == ofRisks {
		average = shown // levels of different kinds have no mean of their own
	}
	return e, []chart{r.evolutionChart(shown, average, len(lines))}, nil
}

// lines are all lines of what the view is of, in the order of their rank.
func (r *reading) lines() ([]line, error) {
	switch r.view.Of {
	case ofVulnerabilities:
		return r.objectLines(vulnerabilities)
	case ofRisks:
		return r.riskLines()
	}
	return r.objectLines(threats)
}

// measure names the values that lines are drawn of.
func (r *reading) measure() string {
	if r.view.Of == ofRisks {
		return byOccurrence
	}
	return r.view.By
}

func (r *reading) objectLines(kind objectKind) ([]line, error) {
	start := startOf(r.view.grouping())
	sums, err := r.sums(kind.statsType, r.view)
	if err != nil {
		return nil, err
	}
	objects, err := processed[processor.Series](kind.processor, sums)
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, object := range r.rank(objects) {
		l := line{
			Code: object.Object, Name: r.objectCell(object.Labels, object.Object),
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

func (r *reading) riskLines() ([]line, error) {
	start := startOf(r.view.grouping())
	sums, err := r.sums(stats.Risk, r.view)
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
		byKey[sum.Key].add(start(sum.Date), value)
		total[sum.Key].sum += value
		total[sum.Key].days++
	}
	var lines []line
	for _, known := range riskLines() {
		if s := byKey[known.key]; s != nil {
			lines = append(lines, line{
				Code: known.code, Name: text(r.T("line_" + known.code)),
				mean: total[known.key].value(), steps: map[string]*steps{byOccurrence: s},
			})
		}
	}
	return lines, nil
}

// defaultRiskLines are the current risks of both kinds.
const defaultRiskLines = 6

// choose marks the lines to show.
func (r *reading) choose(lines []line) {
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

// meanOf is the mean of lines, step by step.
func (r *reading) meanOf(lines []line) line {
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

// evolutionChart draws lines, and the mean of those that are averaged.
func (r *reading) evolutionChart(shown, averaged []line, all int) chart {
	starts := startsOf(shown, r.measure())
	c := chart{
		ID:    "evolution",
		Title: r.T("evolution_title_" + r.view.Of),
		Note:  r.T("evolution_note_" + r.view.grouping()),
		Drawing: drawing{
			Kind: "lines", Name: r.lineUnit(),
			Rows: formatDates(starts), Labels: r.groupNames(starts), Time: r.timeAxis(),
		},
		Tall: true,
	}
	if len(shown) == 0 {
		return c
	}
	for _, l := range shown {
		c.Drawing.Series = append(c.Drawing.Series, lineSeries(l.Name.Text, r.lineCode(l), *l.steps[r.measure()], starts))
	}
	average := r.meanOf(averaged)
	means := *average.steps[r.measure()]
	if len(averaged) > 1 { // the mean of a single line would cover it
		c.Drawing.Series = append(c.Drawing.Series, lineSeries(average.Name.Text, meanCode, means, starts))
	}
	withMean := append(slices.Clone(shown), average)
	c.Table = r.wideTable(withMean, starts)
	c.Export = r.longTable(withMean, starts)
	c.Summary = r.evolutionSummary(len(shown), all, means, starts)
	return c
}

func (r *reading) timeAxis() *timeAxis {
	start := startOf(r.view.grouping())
	axis := &timeAxis{
		From: start(r.view.From).Format(time.DateOnly), To: start(r.view.To).Format(time.DateOnly), Group: r.view.grouping(),
	}
	if axis.Group == groupQuarter {
		for quarter := 1; quarter <= 4; quarter++ {
			axis.Quarters = append(axis.Quarters, r.T("quarter_short", "Quarter", strconv.Itoa(quarter)))
		}
	}
	return axis
}

// lineCode decides how a line looks: risk levels have colours of their own.
func (r *reading) lineCode(l line) string {
	if r.view.Of == ofRisks {
		return l.Code
	}
	return ""
}

func (r *reading) lineUnit() string {
	if r.view.Of == ofRisks {
		return r.T("risks_per_analysis")
	}
	return r.T("measure_" + r.view.By)
}

func (r *reading) meanName() string {
	if r.view.Of == ofRisks {
		return r.T("mean_of_shown")
	}
	return r.T("mean_of_all_" + r.view.Of)
}

func lineSeries(name, code string, values steps, starts []time.Time) series {
	s := series{Name: name, Code: code}
	for _, start := range starts {
		s.Values = append(s.Values, values.value(start))
	}
	s.Unit = unitOf(s.Values)
	return s
}

// startsOf lists the parts of the period of which any line knows something.
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

func formatDates(dates []time.Time) []string {
	texts := make([]string, len(dates))
	for i, date := range dates {
		texts[i] = date.Format(time.DateOnly)
	}
	return texts
}

func (r *reading) groupNames(starts []time.Time) []string {
	names := make([]string, len(starts))
	for i, start := range starts {
		names[i] = r.Group(r.view.grouping(), start)
	}
	return names
}

// wideTable has a row for each line and a column for each step.
func (r *reading) wideTable(shown []line, starts []time.Time) table {
	t := table{Columns: []column{
		{Name: "label", Title: r.T("column_label")},
		{Name: "mean", Title: r.T("column_mean"), Numeric: true},
	}}
	for i, name := range r.groupNames(starts) {
		t.Columns = append(t.Columns, column{Name: starts[i].Format(time.DateOnly), Title: name, Numeric: true})
	}
	for _, l := range shown {
		row := []cell{l.Name, num(l.mean)}
		for _, start := range starts {
			row = append(row, numOrNone(l.steps[r.measure()].value(start)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// longTable has a row for each line and step, as programs like it. Rows of the
// mean name no object.
func (r *reading) longTable(shown []line, starts []time.Time) *table {
	values := measures
	if r.view.Of == ofRisks {
		values = []string{byOccurrence}
	}
	t := &table{Columns: []column{{Name: "date"}, {Name: "object"}, {Name: "label"}}}
	for _, by := range values {
		t.Columns = append(t.Columns, column{Name: by, Numeric: true})
	}
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
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (r *reading) evolutionSummary(shown, all int, average steps, starts []time.Time) string {
	first, last := average.value(starts[0]), average.value(starts[len(starts)-1])
	names := r.groupNames(starts)
	return r.T("evolution_summary",
		"Count", shown, "All", r.Integer(all), "Steps", r.Integer(len(starts)), "Mean", r.meanName(),
		"First", r.numberOrNone(first), "From", names[0],
		"Last", r.numberOrNone(last), "To", names[len(names)-1])
}
