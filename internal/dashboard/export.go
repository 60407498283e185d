// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/processor"
)

// exported is the JSON of a chart.
type exported struct {
	Chart     string        `json:"chart"`
	From      string        `json:"from"`
	To        string        `json:"to"`
	LocalOnly bool          `json:"local_stats_only"`
	HiddenFor int           `json:"hidden_below_clients,omitzero"` // figures of fewer clients are left out
	Rows      []exportedRow `json:"rows"`
}

// exportedRow holds the cells of a row by the names of their columns.
type exportedRow = processor.Members[any]

// exportCSV answers with a chart as CSV (RFC 4180) in UTF-8. It writes no byte order
// mark, since many programs would take it as part of the first column's name. The help
// page explains how to open the file in Excel.
func exportCSV(r *requestContext, id string, tables []table) (*answer.Encoded, error) {
	name := fmt.Sprintf("%s-%s-%s.csv", id, r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly))
	return document(csvOf(tables), "text/csv; charset=utf-8", `attachment; filename="`+name+`"`), nil
}

func csvOf(tables []table) []byte {
	var buffer bytes.Buffer
	writer := csv.NewWriter(&buffer)
	writer.UseCRLF = true
	for i, t := range tables {
		if i == 0 {
			_ = writer.Write(columnNames(t)) // a buffer never fails
		}
		for _, row := range t.Rows {
			_ = writer.Write(csvRow(row))
		}
	}
	writer.Flush()
	return buffer.Bytes()
}

func columnNames(t table) []string {
	names := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		names[i] = column.Name
	}
	return names
}

func csvRow(row []cell) []string {
	fields := make([]string, len(row))
	for i, c := range row {
		fields[i] = c.raw()
		if c.Number == nil {
			fields[i] = withoutFormula(fields[i])
		}
	}
	return fields
}

// formulaStart is where a spreadsheet may see a formula: at the start of the text
// and, where lists have semicolons as in much of Europe, after each of those, as
// quotes in the middle of a line protect nothing there. White space, invisible
// characters and quotes before the sign do not keep it from running.
var formulaStart = regexp.MustCompile(`(^|[;\t\r\n])([\s\pZ\p{Cf}\p{Cc}"']*[=+\-@|%＝＋－＠]|[\t\r\n])`)

// withoutFormula keeps spreadsheets from running text that looks like a formula:
// an apostrophe in front makes it text.
func withoutFormula(s string) string { return formulaStart.ReplaceAllString(s, "$1'$2") }

// exportJSON answers a chart as JSON.
func exportJSON(r *requestContext, id string, tables []table) (*answer.Encoded, error) {
	body, err := jsonOf(r, id, tables)
	if err != nil {
		return nil, err
	}
	return document(body, echo.MIMEApplicationJSON, ""), nil
}

func jsonOf(r *requestContext, id string, tables []table) ([]byte, error) {
	d := exported{
		Chart:     id,
		From:      r.view.From.Format(time.DateOnly),
		To:        r.view.To.Format(time.DateOnly),
		LocalOnly: r.view.Local,
		Rows:      []exportedRow{},
	}
	if figures := r.opts.Figures; figures.Active() {
		d.HiddenFor = figures.MinClients()
	}
	for _, t := range tables {
		for _, row := range t.Rows {
			d.Rows = append(d.Rows, jsonRow(t.Columns, row))
		}
	}
	return answer.Encode(d, nil)
}

func jsonRow(columns []column, row []cell) exportedRow {
	members := make(exportedRow, len(row))
	for i, c := range row {
		members[i] = processor.Member[any]{Name: columns[i].Name, Value: c.value(columns[i].Numeric)}
	}
	return members
}

// value returns the cell as in JSON: null if it is unknown.
func (c cell) value(numeric bool) any {
	switch {
	case c.Number != nil:
		return *c.Number
	case numeric || c.Text == "":
		return nil
	}
	return c.Text
}
