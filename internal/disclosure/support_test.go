// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// controls are those of a store with figures of one threat: four analyses of three
// clients in a week that is over, one more on the day of the tests, with a threshold
// of 3 and without.
func controls(t *testing.T) (open, suppressing *disclosure.Control) {
	t.Helper()
	store := servicetest.Open(t, postgres.Options{MaxConns: 4})
	send := func(client stats.Client, date time.Time, rate float64) {
		data := fmt.Sprintf(`[{"uuid":%q,"label1":"Fire","count":1,"maxRisk":10,"averageRate":%v}]`, fire, rate)
		servicetest.Insert(t, store, client, stats.Stat{ANR: uuid.New(), Type: stats.Threat, Date: date, Data: []byte(data)})
	}
	for i := range 3 {
		client := servicetest.CreateClient(t, store, servicetest.User(fmt.Sprint("Client ", i)))
		send(client, weeksOfWorld[3], float64(i+1))
		if i == 0 {
			send(client, weeksOfWorld[3].AddDate(0, 0, 2), 4)
			send(client, noon().Truncate(24*time.Hour), 0.5)
		}
	}
	with := func(minClients int) *disclosure.Control {
		return disclosure.New(disclosure.Options{
			Store: store.SumStore, Cache: cache.New(cache.Options{MaxBytes: 1 << 20, Now: noon}), Now: noon, Location: time.UTC, MinClients: minClients,
		})
	}
	return with(1), with(3)
}

// TestSupportOfZeros counts the analyses behind a published 0, but not behind a number that
// is suppressed.
func TestSupportOfZeros(t *testing.T) {
	t.Parallel()
	c := newCircle(t)
	for i := range 3 {
		levels := fmt.Sprintf(`{"level":"Low risks","value":5},{"level":"Medium risks","value":%d},{"level":"High risks","value":0}`, max(0, i-1))
		c.send(c.join(fmt.Sprint("Client ", i), true), uuid.New(), stats.Risk, weeksOfWorld[3], `{"risks":{"current":{"informational":[`+levels+`]}}}`)
	}
	filter := stats.Filter{Type: stats.Risk, DateFrom: weeksOfWorld[0], DateTo: noon().Truncate(24 * time.Hour)}
	supports, err := c.control(3).Support(t.Context(), filter, disclosure.Undivided)
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range map[string]int{stats.LowRisks: 0, stats.HighRisks: 3, stats.MediumRisks: 0} {
		if got := supports[stats.Key{State: stats.Current, Kind: stats.Informational, Level: level}].Analyses; got != want {
			t.Errorf("%s: %d analyses, want %d", level, got, want)
		}
	}
}

func TestSupportCountsAnalysesAndClients(t *testing.T) {
	t.Parallel()
	open, suppressing := controls(t)
	filter := stats.Filter{Type: stats.Threat, DateFrom: weeksOfWorld[0], DateTo: noon().Truncate(24 * time.Hour)}
	weeks := disclosure.Parts{Name: "week", Start: func(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }}
	key := stats.Key{Object: fire}
	once := disclosure.Contributors{Analyses: 4, Clients: 3}
	tests := map[string]struct {
		control *disclosure.Control
		want    disclosure.Supports
	}{
		"everything": {open, disclosure.Supports{key: {
			Contributors: disclosure.Contributors{Analyses: 5, Clients: 3},
			Parts: map[time.Time]disclosure.Contributors{
				weeksOfWorld[3]: once, weeks.Start(noon().Truncate(24 * time.Hour)): {Analyses: 1, Clients: 1},
			},
			// Of 0.5, 1, 2, 3, 4.
			Spread: &[3]disclosure.Quartiles{{1, 1, 1}, {10, 10, 10}, {1, 2, 3}},
		}}},
		"what enough clients sent": {suppressing, disclosure.Supports{key: {
			Contributors: once, Parts: map[time.Time]disclosure.Contributors{weeksOfWorld[3]: once},
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.control.Support(t.Context(), filter, weeks)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
	means, err := open.MeansOfAnalyses(t.Context(), filter, key)
	if want := [][3]float64{{1, 10, 0.5}, {1, 10, 1}, {1, 10, 2}, {1, 10, 3}, {1, 10, 4}}; err != nil || !cmp.Equal(want, means) {
		t.Errorf("%v (-want +got)\n%s", err, cmp.Diff(want, means))
	}
	if means, err := suppressing.MeansOfAnalyses(t.Context(), filter, key); means != nil || err != nil {
		t.Errorf("values of single analyses: %v, %v", means, err)
	}
}

func TestFreshnessOfFigures(t *testing.T) {
	t.Parallel()
	open, suppressing := controls(t)
	tests := map[string]struct {
		control *disclosure.Control
		want    disclosure.Freshness
	}{
		"everything":               {open, disclosure.Freshness{Newest: noon().Truncate(24 * time.Hour), Recent: 1, Clients: 3}},
		"what enough clients sent": {suppressing, disclosure.Freshness{Clients: 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.control.Freshness(t.Context(), false)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestSpreadOfRisksOfAllKinds(t *testing.T) {
	t.Parallel()
	w := newWorldOfRisks(t)
	got, err := w.Support(t.Context(), stats.Filter{Type: stats.Risk, DateFrom: weeksOfWorld[0], DateTo: weeksOfWorld[3]}, disclosure.Undivided)
	if err != nil {
		t.Fatal(err)
	}
	all := got[stats.Key{State: stats.Current, Level: stats.HighRisks}]
	if want := (disclosure.Quartiles{Low: 11, Median: 11, High: 11}); all.Analyses != 1 || all.Spread == nil || all.Spread[0] != want {
		t.Errorf("%+v, want %+v of one analysis", all, want)
	}
}

// newWorldOfRisks has one analysis with 4 informational and 7 operational high risks.
func newWorldOfRisks(t *testing.T) *disclosure.Control {
	t.Helper()
	store := servicetest.Open(t, postgres.Options{MaxConns: 4})
	client := servicetest.CreateClient(t, store, servicetest.User("One"))
	high := func(n int) string { return fmt.Sprintf(`[{"level":"High risks","value":%d}]`, n) }
	kinds := `{"informational":` + high(4) + `,"operational":` + high(7) + `}`
	servicetest.Insert(t, store, client, stats.Stat{ANR: uuid.New(), Type: stats.Risk, Date: weeksOfWorld[3], Data: []byte(
		`{"total":{"current":{"informational":4,"operational":7},"residual":{"informational":4,"operational":7}},"risks":{"current":` + kinds + `,"residual":` + kinds + `}}`)})
	return disclosure.New(disclosure.Options{Store: store.SumStore, Cache: cache.New(cache.Options{MaxBytes: 1 << 20, Now: noon}), Now: noon, Location: time.UTC})
}
