// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTablesAreMarkdown(t *testing.T) {
	t.Parallel()
	var r report
	s := r.table("Title", "A note.", "what", "n")
	r.table("Another", "", "x") // has rows of its own
	s.row("größer", "1")
	s.row("a", none)
	var out strings.Builder
	r.sections[0].print(&out)
	want := "### Title\n\nA note.\n\n| what   | n |\n| ------ | - |\n| größer | 1 |\n| a      | – |\n\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestFiguresAreReadable(t *testing.T) {
	t.Parallel()
	got := []string{
		ms(1234 * time.Microsecond), ms(56_789 * time.Microsecond), ms(1_234_567 * time.Microsecond),
		perSecond(0.25), perSecond(12_345.6), megabytes(1_550_000), kilobytesOf(1_550),
		megabytesPerSecond(10e6, 2*time.Second), percent(0.625), thousands(7), thousands(1_000), thousands(12_345_678),
	}
	want := []string{
		"1.23 ms", "56.8 ms", "1,235 ms", "0.2/s", "12,346/s", "1.6 MB", "1.6 kB", "5 MB/s", "62 %", "7", "1,000", "12,345,678",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

func TestGoalsAreJudged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		goal   goal
		figure float64
		want   []string // wanted, measured, result
	}{
		"below an upper bound": {questionCold, 59.6, []string{"at most 60 ms", "59.6 ms", "met"}},
		"at an upper bound":    {questionCold, 60, []string{"at most 60 ms", "60 ms", "met"}},
		"above an upper bound": {publicGrowth, 1.21, []string{"at most 1.2 times", "1.21 times", "not met"}},
		"above a lower bound":  {meRate, 12_345, []string{"at least 8,000 requests/s", "12,345 requests/s", "met"}},
		"below a lower bound":  {writerShare, 1.99, []string{"at least 2 times", "1.99 times", "not met"}},
		"nothing at all":       {publicUnchanged, 0, []string{"at least 5,000 requests/s", "0 requests/s", "not met"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g goals
			g.reach(tt.goal, tt.figure)
			if diff := cmp.Diff(tt.want, g.table().rows[tt.goal][1:]); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGoalsThatWereNotMeasured(t *testing.T) {
	t.Parallel()
	var g goals
	rows := g.table().rows
	if len(rows) != int(goalCount) {
		t.Fatalf("%d rows, want one for each of %d goals", len(rows), goalCount)
	}
	for _, row := range rows {
		if row[0] == "" || row[2] != none || row[3] != "not measured" {
			t.Errorf("row %q, want it named and not measured", row)
		}
	}
}

func TestJudgeAnswer(t *testing.T) {
	t.Parallel()
	var b bench
	b.judgeAnswer(goalAnswer, goalSmall, time.Hour, warmth{}) // no goal applies to it alone
	b.judgeAnswer(goalPage, goalLarge, time.Hour, warmth{})
	if b.report.goals != (goals{}) {
		t.Errorf("goals of other sizes: %+v", b.report.goals)
	}
	b.judgeAnswer(goalAnswer, goalLarge, 20*time.Millisecond, warmth{compressed: 900, unchanged: 7_000})
	b.judgeAnswer(goalPage, goalMiddle, 250*time.Millisecond, warmth{})
	want := map[goal]float64{pageCold: 250, publicCold: 20, publicUnchanged: 7_000, publicCompressed: 0}
	for which, figure := range want {
		if got := b.report.goals[which]; !got.measured || got.figure != figure {
			t.Errorf("%s: %+v, want %v", goalTerms[which].text, got, figure)
		}
	}
	b.judgeAnswer(goalAnswer, goalLarge, 20*time.Millisecond, warmth{compressed: 900, encoding: "gzip"})
	if got := b.report.goals[publicCompressed].figure; got != 900 {
		t.Errorf("compressed answers: %v, want 900", got)
	}
}

func TestWarmCells(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		warmth warmth
		want   []string
	}{
		"a service without cache": {warmth{compressed: 20}, []string{"20/s (not compressed)", "no ETag"}},
		"a service with one":      {warmth{compressed: 2_500, encoding: "gzip", hasETag: true, unchanged: 9_000}, []string{"2,500/s", "9,000/s"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := []string{tt.warmth.compressedCell(), tt.warmth.unchangedCell()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("cells (-want +got):\n%s", diff)
			}
		})
	}
}
