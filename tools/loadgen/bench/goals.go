// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// goal is a figure that the service should reach.
type goal int

// The goals in the order of the report.
const (
	questionCold goal = iota
	questionGrowth
	publicGrowth
	publicCold
	pageCold
	publicUnchanged
	publicCompressed
	writersGain
	writerShare
	writerShareNew
	roomUsual
	listShare
	listPeak
	meRate
	readyTime
	idleMemory
	goalCount
)

// terms define a goal: a figure must be at most the bound or, if more is better, at least.
type terms struct {
	text  string
	bound float64
	more  bool
	unit  string
}

// noise is the factor by which a figure may be worse and still count as equal: two runs
// of the same request differ by as much.
const noise = 1.1

var goalTerms = [goalCount]terms{
	questionCold:     {"A front office's question, cold", 60, false, "ms"},
	questionGrowth:   {"The same with 100 times as many other analyses, as a multiple of the time with as many", noise, false, "times"},
	publicGrowth:     {"Cold `vulnerabilities.json` at 104,000 rows, as a multiple of the time at 1,040", 1.2, false, "times"},
	publicCold:       {"Cold `vulnerabilities.json` at 104,000 rows", 30, false, "ms"},
	pageCold:         {"Cold page `/stats`, 90 days, at 10,400 rows: a year of 200 analyses", 300, false, "ms"},
	publicUnchanged:  {"Warm `vulnerabilities.json`, 304", 5_000, true, "requests/s"},
	publicCompressed: {"Warm `vulnerabilities.json`, compressed body", 2_000, true, "requests/s"},
	writersGain:      {"Posts, 10 % changed: stats/s of 16 writers, as a multiple of those of one", 1.8, true, "times"},
	writerShare:      {"Posts, 10 % changed: one writer, as a multiple of bare SQL inserting full rows", 2, true, "times"},
	writerShareNew:   {"Posts, all changed: one writer, as a multiple of bare SQL inserting full rows", 0.6, true, "times"},
	roomUsual:        {"Disk space of a stat, 10 % changed", 900, false, "bytes"},
	listShare:        {"List: bytes/s, as a share of those of COPY over the same rows", 80, true, "%"},
	listPeak:         {"List: most memory resident", 64, false, "MB"},
	meRate:           {"`client/me`", 8_000, true, "requests/s"},
	readyTime:        {"Ready to serve on an existing database", 150, false, "ms"},
	idleMemory:       {"Resident memory when idle", 40, false, "MB"},
}

// goals has the measured figures.
type goals [goalCount]struct {
	measured bool
	figure   float64
}

// reach records the figure of a goal.
func (g *goals) reach(which goal, figure float64) {
	g[which].measured, g[which].figure = true, figure
}

// met returns whether a figure meets the terms, as text for the report.
func (t terms) met(figure float64) string {
	if figure == t.bound || t.more == (figure > t.bound) {
		return "met"
	}
	return "not met"
}

// bounds returns the terms as text for the report.
func (t terms) bounds() string {
	word := "at most"
	if t.more {
		word = "at least"
	}
	return fmt.Sprintf("%s %s", word, t.figure(t.bound))
}

func (t terms) figure(n float64) string {
	if n >= 1000 {
		return thousands(int64(n+0.5)) + " " + t.unit
	}
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " " + t.unit
}

// table lists every goal, also those that were not measured.
func (g *goals) table() *section {
	s := &section{title: "Goals", columns: []string{"goal", "wanted", "measured", ""}}
	for i, t := range goalTerms {
		if !g[i].measured {
			s.row(t.text, t.bounds(), none, "not measured")
			continue
		}
		s.row(t.text, t.bounds(), t.figure(g[i].figure), t.met(g[i].figure))
	}
	return s
}
