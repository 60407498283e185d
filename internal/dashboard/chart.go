package dashboard

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/monarc-project/stats-service/internal/processor"
)

// chart is one drawing of a page with all that says the same in other ways: a
// sentence, a table and the exports.
type chart struct {
	ID      string // part of the addresses of its exports
	Object  string // narrows the exports where several charts share an ID
	Title   string
	Href    string // where Title links to; may be empty
	Summary string // one or two sentences for those who do not see the drawing
	Note    string // how to read it; may be empty
	Table   table
	Export  *table // the figures for exports when they are not those of Table
	Drawing drawing
	Tall    bool // needs more height than others
}

// Empty tells that there is nothing to draw.
func (c chart) Empty() bool { return len(c.Table.Rows) == 0 }

// exported are the figures for exports.
func (c chart) exported() table {
	if c.Export != nil {
		return *c.Export
	}
	return c.Table
}

// drawing is what the scripts of the page draw. Its members depend on Kind,
// after which the module that draws it is called.
type drawing struct {
	Kind string `json:"kind"`

	Name   string   `json:"name,omitempty"`   // of what the values are
	Labels []string `json:"labels,omitempty"` // of the bars, steps, axes or columns
	Rows   []string `json:"rows,omitempty"`   // of a heat map; codes of levels; first days of steps
	Axes   []string `json:"axes,omitempty"`   // names of the axes: horizontal, vertical
	Max    float64  `json:"max,omitempty"`    // of every axis; 0: from the values
	Share  bool     `json:"share,omitempty"`  // values are shares of 1, shown in percent

	Time *timeAxis `json:"time,omitempty"` // of lines

	Series []series     `json:"series,omitempty"`
	Cells  [][3]float64 `json:"cells,omitempty"` // column, row, value
	Places []place      `json:"places,omitempty"`
}

// series is one line, or the bars of one state.
type series struct {
	Name   string     `json:"name"`
	Code   string     `json:"code,omitempty"` // decides how it looks; empty: by its position
	Values []*float64 `json:"values"`         // nil: nothing is known
	Unit   float64    `json:"-"`              // see MarshalJSON; 0: values are sent as they are
}

// MarshalJSON writes the values of a series with a unit as steps: the first value
// and then what each one is more than the one before, counted in units. Lines
// hardly move from one value to the next, so that this is a fraction of the size.
func (s series) MarshalJSON() ([]byte, error) {
	if s.Unit == 0 {
		type plain series
		return json.Marshal(plain(s))
	}
	steps := make([]*int64, len(s.Values))
	last := int64(0)
	for i, value := range s.Values {
		if value == nil {
			continue
		}
		units := int64(math.Round(*value / s.Unit))
		step := units - last
		steps[i], last = &step, units
	}
	return json.Marshal(struct {
		Name  string   `json:"name"`
		Code  string   `json:"code,omitempty"`
		Unit  float64  `json:"unit"`
		Steps []*int64 `json:"steps"`
	}{s.Name, s.Code, s.Unit, steps})
}

// finestUnit is finer than the two decimals that pages write, and rounds up and
// down at the same values.
const finestUnit = 2e-3

// unitOf is a unit that no screen shows less than: a thousandth of the highest
// value or less.
func unitOf(values []*float64) float64 {
	highest := 0.0
	for _, value := range values {
		if value != nil {
			highest = max(highest, math.Abs(*value))
		}
	}
	if highest == 0 {
		return finestUnit
	}
	return min(finestUnit, 2*math.Pow(10, math.Floor(math.Log10(highest))-3))
}

// timeAxis is what the steps of lines are steps of. Steps of which nothing is
// known are not among the rows of the drawing; where they are missing, lines stop.
type timeAxis struct {
	From  string `json:"from"` // first days of the first and the last step of the period
	To    string `json:"to"`
	Group string `json:"group"` // how long a step is

	Quarters []string `json:"quarters,omitempty"` // short names, where steps are quarters
}

// place is a point on the map.
type place struct {
	Latitude  float64  `json:"latitude"`
	Longitude float64  `json:"longitude"`
	Clients   int      `json:"clients"`
	Lines     []string `json:"lines"` // what is known of it
}

// table holds the figures of a chart, for the page and for the exports.
type table struct {
	Columns []column
	Rows    [][]cell
}

// without returns the table without the rows that have a text in a column.
func (t table) without(name, value string) table {
	i := slices.IndexFunc(t.Columns, func(c column) bool { return c.Name == name })
	if i >= 0 {
		t.Rows = slices.DeleteFunc(slices.Clone(t.Rows), func(row []cell) bool { return row[i].Text == value })
	}
	return t
}

// column is a column of a table.
type column struct {
	Name    string // in exports
	Title   string // on the page; empty: only exports have the column
	Numeric bool
}

// cell is a value. A cell that has none of the three is empty.
type cell struct {
	Text   string
	Lang   string   // code of the language of Text when it is not that of the page
	Href   string   // where Text links to; may be empty
	Number *float64 // wins over Text
}

func text(s string) cell        { return cell{Text: s} }
func num(n float64) cell        { return cell{Number: &n} }
func numOrNone(n *float64) cell { return cell{Number: n} }
func (c column) OnPage() bool   { return c.Title != "" }

// raw is the value as exports write it: numbers with a point and all digits.
func (c cell) raw() string {
	if c.Number != nil {
		return strconv.FormatFloat(*c.Number, 'f', -1, 64)
	}
	return c.Text
}

// rounded keeps the data of a drawing small: no screen shows more digits.
func rounded(n float64) *float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 5, 64), 64)
	if err != nil {
		short = n
	}
	return &short
}

// measureOf picks the value that objects are compared by.
func measureOf(m processor.Measure, by string) float64 {
	switch by {
	case byOccurrence:
		return m.Count
	case byMaxRisk:
		return m.MaxRisk
	}
	return m.AverageRate
}
