// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// report has the results in sections.
type report struct {
	sections []*section
	goals    goals
}

// section is a table with the same columns throughout.
type section struct {
	title   string
	note    string
	columns []string
	rows    [][]string
}

// table adds a section and returns it; add rows to it.
func (r *report) table(title, note string, columns ...string) *section {
	s := &section{title: title, note: note, columns: columns}
	r.sections = append(r.sections, s)
	return s
}

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

// print writes Markdown with aligned columns, which is readable on a terminal too.
func (s *section) print(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n", s.title)
	if s.note != "" {
		fmt.Fprintf(w, "%s\n\n", s.note)
	}
	widths := make([]int, len(s.columns))
	for _, cells := range append([][]string{s.columns}, s.rows...) {
		for i, cell := range cells {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	printCells(w, s.columns, widths)
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	printCells(w, rule, widths)
	for _, cells := range s.rows {
		printCells(w, cells, widths)
	}
	fmt.Fprintln(w)
}

func printCells(w io.Writer, cells []string, widths []int) {
	for i, cell := range cells {
		fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
	}
	fmt.Fprintln(w, "|")
}

// none is the cell of a figure that was not measured or does not exist.
const none = "–"

// ms formats a duration in milliseconds with at least three digits.
func ms(d time.Duration) string {
	n := d.Seconds() * 1000
	switch {
	case n < 10:
		return fmt.Sprintf("%.2f ms", n)
	case n < 100:
		return fmt.Sprintf("%.1f ms", n)
	}
	return thousands(int64(n+0.5)) + " ms"
}

func perSecond(n float64) string {
	if n < 10 {
		return fmt.Sprintf("%.1f/s", n)
	}
	return thousands(int64(n+0.5)) + "/s"
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func kilobytesOf(bytes int64) string { return fmt.Sprintf("%.1f kB", float64(bytes)/1e3) }

func megabytesPerSecond(bytes int64, took time.Duration) string {
	return fmt.Sprintf("%.0f MB/s", float64(bytes)/1e6/took.Seconds())
}

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }

// thousands groups the digits of a number that is not negative.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
