// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strconv"
	"strings"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/processor"
)

// figure is a chart of a page with all that says the same in other ways: a
// sentence, a table and the exports. The chart refers to rows and columns of the
// table as the page shows it.
type figure struct {
	ID      string // part of the addresses of its exports
	Object  string // narrows the exports where several figures share an ID
	Title   string
	Names   chart.Label // that Title is the first of, where it names an object
	Href    string      // where Title links to; may be empty
	Summary string      // one or two sentences for readers who cannot see the chart
	Note    string      // how to read it; may be empty
	Behind  string      // the numbers of analyses and organisations behind it; may be empty
	Few     string      // says that some of it is of few analyses; may be empty
	Table   table
	Export  *table // the figures for exports if they differ from Table
	Chart   chart.Chart
	// Unexported reports that there are no exports of it.
	Unexported bool
	Notes      []chart.Label // what an image of the chart needs beside it
}

// Empty reports whether there is nothing to draw.
func (f figure) Empty() bool { return len(f.Table.Rows) == 0 }

// exported returns the figures for exports.
func (f figure) exported() table {
	if f.Export != nil {
		return *f.Export
	}
	return f.Table
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
	Lang   string   // code of the language of Text if it differs from the page's
	Href   string   // where Text links to; may be empty
	Number *float64 // wins over Text in exports
}

func text(s string) cell        { return cell{Text: s} }
func num(n float64) cell        { return cell{Number: &n} }
func numOrNone(n *float64) cell { return cell{Number: n} }
func (c column) OnPage() bool   { return c.Title != "" }

// External reports whether the cell links to another site.
func (c cell) External() bool { return !strings.HasPrefix(c.Href, "/") }

// raw returns the value as exports write it: numbers with a decimal point and all
// digits.
func (c cell) raw() string {
	if c.Number != nil {
		return strconv.FormatFloat(*c.Number, 'f', -1, 64)
	}
	return c.Text
}

// measureOf returns the value that objects are compared by.
func measureOf(m processor.Measure, by string) float64 {
	switch by {
	case byOccurrence:
		return m.Count
	case byMaxRisk:
		return m.MaxRisk
	}
	return m.AverageRate
}
