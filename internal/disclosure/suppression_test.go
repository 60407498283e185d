// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

func date(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

// control returns one that suppresses figures of a single client on a day.
func control(today string) *Control {
	return New(Options{MinClients: 2, Now: func() time.Time { return date(today) }, Location: time.UTC})
}

// TestPrimarySuppression decides by the number of clients behind a figure, and of
// the local ones also by those behind the difference of both views.
func TestPrimarySuppression(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		locals, others int
		want           visibility
	}{
		{0, 0, visibility{}},
		{2, 0, visibility{}},
		{3, 0, visibility{all: true, local: true}},
		{0, 3, visibility{all: true}},
		{1, 2, visibility{all: true}},
		{3, 1, visibility{all: true}},
		{3, 2, visibility{all: true}},
		{3, 3, visibility{all: true, local: true}},
	} {
		if got := threshold(3).primary(tt.locals, tt.others); got != tt.want {
			t.Errorf("%d local clients and %d others: %+v, want %+v", tt.locals, tt.others, got, tt.want)
		}
	}
	for k := range threshold(2) {
		if got := k.primary(0, 1); !got.all || k == 1 && got.local {
			t.Errorf("threshold %d suppresses a figure of one client: %+v", k, got)
		}
	}
}

// TestComplementarySuppression takes the lowest level too, where the total of all
// levels less those that are shown would be the number of a single client.
func TestComplementarySuppression(t *testing.T) {
	t.Parallel()
	week := date("2026-03-02")
	at := func(level string) postgres.Figure {
		return postgres.Figure{Start: week, Key: stats.Key{State: stats.Current, Kind: stats.Informational, Level: level}}
	}
	all := postgres.Clients{Local: []int64{1, 2, 3}}
	behind := postgres.Behind{
		Senders: map[time.Time]postgres.Clients{week: all},
		Figures: map[postgres.Figure]postgres.Clients{
			at(stats.LowRisks): all, at(stats.MediumRisks): all, at(stats.HighRisks): {Local: []int64{1}},
		},
	}
	got := threshold(2).disclose(stats.Risk, behind)
	var shown []string
	for _, level := range stats.Levels() {
		if got.of(at(level)).all {
			shown = append(shown, level)
		}
	}
	if diff := cmp.Diff([]string{stats.MediumRisks}, shown); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	behind.Figures[at(stats.HighRisks)] = postgres.Clients{Local: []int64{1, 2}}
	if got := threshold(2).disclose(stats.Risk, behind); !got.of(at(stats.LowRisks)).all || !got.of(at(stats.HighRisks)).all {
		t.Error("a level is suppressed where all are of enough clients")
	}
}

// TestPeriodsAreWholeWeeks widens any period, whoever asks for it.
func TestPeriodsAreWholeWeeks(t *testing.T) {
	t.Parallel()
	c := control("2026-03-11")
	for _, tt := range []struct{ from, to, wantFrom, wantTo string }{
		{"2026-03-03", "2026-03-05", "2026-03-02", "2026-03-08"},
		{"2026-02-28", "2026-03-11", "2026-02-23", "2026-03-08"},
		{"2026-03-10", "2026-03-11", "2026-03-09", "2026-03-08"}, // nothing
		{"2030-01-01", "2030-01-01", "2029-12-31", "2026-03-08"},
	} {
		got := c.limit(stats.Filter{DateFrom: date(tt.from), DateTo: date(tt.to)})
		if !got.DateFrom.Equal(date(tt.wantFrom)) || !got.DateTo.Equal(date(tt.wantTo)) {
			t.Errorf("%s to %s became %s to %s", tt.from, tt.to, got.DateFrom, got.DateTo)
		}
	}
	// On a Monday the week before is over.
	if last := control("2026-03-09").lastDay(); !last.Equal(date("2026-03-08")) {
		t.Errorf("the last day is %s", last)
	}
}

// TestZeroIsOnlyShownAsZero suppresses a number that was 0 when it was decided
// about, and is not any more.
func TestZeroIsOnlyShownAsZero(t *testing.T) {
	t.Parallel()
	monday, total := date("2026-03-02"), stats.Key{State: stats.Current, Kind: stats.Informational}
	level := total
	level.Level = stats.HighRisks
	visible := disclosed{}
	visible.set(postgres.Figure{Start: monday, Key: total}, visibility{all: true})
	none := processor.DailySum{Date: monday, Key: level, Count: 5}
	some := none
	some.Sums[0] = udecimal.MustFromInt64(1, 0)
	elsewhere := none
	elsewhere.Key.Kind = stats.Operational
	got := visible.only([]processor.DailySum{none, some, elsewhere}, false)
	if !slices.Equal(got, []processor.DailySum{none}) || len(visible.only([]processor.DailySum{none}, true)) > 0 {
		t.Errorf("shown are %v", got)
	}
}
