package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/number"

	"github.com/monarc-project/stats-service/internal/picture"
	"github.com/monarc-project/stats-service/internal/stats"
)

// world is the outline that the map of the pages has, read when a picture first
// needs it.
var world = sync.OnceValues(func() (*picture.World, error) {
	document, err := files.ReadFile("vendored/dist/world.json")
	if err != nil {
		return nil, fmt.Errorf("read the outline of the world: %w", err)
	}
	return picture.ParseWorld(document)
})

// pictured is a chart that is not empty as pictures have it.
func (r *reading) pictured(c chart) (picture.Chart, error) {
	d := c.Drawing
	switch d.Kind {
	case "bars":
		return d.bars(), nil
	case "levels":
		return d.levels(), nil
	case "lines":
		return r.linesOf(d), nil
	case "heat":
		return d.heat(), nil
	case "radar":
		return r.radarOf(d), nil
	case "map":
		return r.mapOf(d)
	}
	return nil, fmt.Errorf("there is no picture of %s", d.Kind)
}

func (d drawing) bars() picture.Bars {
	var b picture.Bars
	for i, label := range d.Labels {
		b.Items = append(b.Items, picture.Bar{Label: label, Value: *d.Series[0].Values[i]})
	}
	return b
}

var pictureLevels = map[string]picture.Level{"low": picture.Low, "medium": picture.Medium, "high": picture.High}

func (d drawing) levels() picture.Levels {
	current, residual := d.Series[0], d.Series[1]
	l := picture.Levels{Unit: d.Name, Current: current.Name, Residual: residual.Name}
	for i, code := range d.Rows {
		l.Items = append(l.Items, picture.LevelBars{
			Level: pictureLevels[code], Label: d.Labels[i], Current: current.Values[i], Residual: residual.Values[i],
		})
	}
	return l
}

func (r *reading) linesOf(d drawing) picture.Lines {
	l := picture.Lines{
		Unit: d.Name, Steps: r.stepNames(d.Rows),
		More: func(n int) string { return r.T("picture_more_lines", "Count", n) },
	}
	if d.Time != nil {
		l.At, l.Gap = d.Time.places(d.Rows)
	}
	for _, s := range d.Series {
		l.Series = append(l.Series, picture.Line{Name: s.Name, Values: s.Values, Mean: s.Code == meanCode, Risks: risksOf(s.Code)})
	}
	return l
}

// risksOf reads the code of a line of risks, state-kind-level.
func risksOf(code string) *picture.Risks {
	parts := strings.Split(code, "-")
	if len(parts) != 3 {
		return nil
	}
	level, known := pictureLevels[parts[2]]
	if !known {
		return nil
	}
	return &picture.Risks{Level: level, Residual: parts[0] == stats.Residual, Operational: parts[1] == stats.Operational}
}

// places are where the first days of steps are on an axis as long as the period,
// from 0 to 1, and the distance from which on something is missing between two
// of them. They are nil where the period is a single step.
func (t timeAxis) places(days []string) (at []float64, gap float64) {
	from, span := dayNumber(t.From), dayNumber(t.To)-dayNumber(t.From)
	if span <= 0 {
		return nil, 0
	}
	at = make([]float64, len(days))
	for i, day := range days {
		at[i] = (dayNumber(day) - from) / span
	}
	return at, 1.5 * t.rhythm(at, span) / span
}

// daysOf is how long the steps of a grouping are at most, in days.
var daysOf = map[string]float64{groupWeek: 7, groupMonth: 31, groupQuarter: 92, groupYear: 366}

// rhythm is the usual distance of steps, in days. Figures that come once a week
// make a line also where it is drawn day by day.
func (t timeAxis) rhythm(at []float64, span float64) float64 {
	if days, known := daysOf[t.Group]; known {
		return days
	}
	if len(at) < 2 {
		return 1
	}
	distances := make([]float64, len(at)-1)
	for i := range distances {
		distances[i] = (at[i+1] - at[i]) * span
	}
	slices.Sort(distances)
	return min(7, distances[len(distances)/2])
}

// dayNumber counts days from any fixed one; a text that is no day is that one.
func dayNumber(day string) float64 {
	moment, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return 0
	}
	return float64(moment.Unix()) / (24 * 60 * 60)
}

// stepNames are the names of steps for an axis: days without their year where
// the period tells it.
func (r *reading) stepNames(days []string) []string {
	names := make([]string, len(days))
	oneYear := r.view.From.Year() == r.view.To.Year()
	for i, text := range days {
		start, err := time.Parse(time.DateOnly, text)
		if err != nil {
			names[i] = text
			continue
		}
		names[i] = r.stepName(start, oneYear)
	}
	return names
}

func (r *reading) stepName(start time.Time, oneYear bool) string {
	grouping := r.view.grouping()
	if grouping != groupDay && grouping != groupWeek {
		return r.Group(grouping, start)
	}
	if oneYear {
		return r.T("date_short", "Day", fmt.Sprint(start.Day()), "Month", r.month(start))
	}
	return r.Date(start)
}

func (d drawing) heat() picture.Heat {
	h := picture.Heat{Unit: d.Name, Across: d.Axes[0], Up: d.Axes[1], Columns: d.Labels, Rows: d.Rows, Max: d.Max}
	for _, cell := range d.Cells {
		h.Cells = append(h.Cells, picture.Cell{Column: int(cell[0]), Row: int(cell[1]), Value: cell[2]})
	}
	return h
}

func (r *reading) radarOf(d drawing) picture.Radar {
	current, target := d.Series[0], d.Series[1]
	radar := picture.Radar{
		Current: current.Name, Target: target.Name, Max: d.Max, Share: d.Share,
		More: func(n int) string { return r.T("picture_more_categories", "Count", n) },
	}
	for i, label := range d.Labels {
		radar.Items = append(radar.Items, picture.Category{Label: label, Current: current.Values[i], Target: target.Values[i]})
	}
	return radar
}

// mapOf lists the places with most clients first.
func (r *reading) mapOf(d drawing) (picture.Map, error) {
	outline, err := world()
	if err != nil {
		return picture.Map{}, err
	}
	m := picture.Map{World: outline, More: func(n int) string { return r.T("picture_more_places", "Count", n) }}
	places := slices.Clone(d.Places)
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(b.Clients, a.Clients) })
	for _, p := range places {
		m.Places = append(m.Places, picture.Place{
			Latitude: p.Latitude, Longitude: p.Longitude, Weight: p.Clients, Lines: p.Lines,
		})
	}
	return m, nil
}

// axis writes a figure at an axis.
func (l locale) axis(n float64) string {
	return l.printer.Sprint(number.Decimal(n, number.MaxFractionDigits(3)))
}
