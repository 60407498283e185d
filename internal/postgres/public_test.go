// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// may returns a store with the threats of three clients in one month: two have object 1,
// which changes its label, and the third, which is not local, has object 2.
func may(t *testing.T) (store *postgres.Store, clients []stats.Client) {
	t.Helper()
	store = setup(t)
	for _, name := range []string{"first", "second", "third"} {
		clients = append(clients, newClient(t, store, name))
	}
	if _, err := store.UpdateClient(t.Context(), clients[2].UUID, postgres.ClientChange{Local: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	insert(t, store, clients[0], threat(t, 1, "2024-05-01", "1 2 10 1 Fire"), threat(t, 1, "2024-05-08", "1 4 20 2 Blaze"))
	insert(t, store, clients[1], threat(t, 2, "2024-05-08", "1 6 30 3 Fire"))
	insert(t, store, clients[2], threat(t, 3, "2024-05-08", "2 1 5 1 Flood"), threat(t, 4, "2024-05-08", "2 3 7 3 Flood"))
	insert(t, store, clients[2], threat(t, 4, "2024-04-30", "1 1 1 1 Fire"))
	return store, clients
}

var ofMay = stats.Filter{Type: stats.Threat, DateFrom: date("2024-05-01"), DateTo: date("2024-05-31")}

func local(f stats.Filter) stats.Filter { f.LocalStatsOnly = true; return f }

func TestContributionsAreCounted(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	ofRisks, everything := ofMay, ofMay
	ofRisks.Type, everything.Type = stats.Risk, ""
	tests := map[string]struct {
		filter stats.Filter
		want   postgres.Contributions
	}{
		"a type":     {ofMay, postgres.Contributions{Stats: 5, Analyses: 4, Clients: 3}},
		"local":      {local(ofMay), postgres.Contributions{Stats: 3, Analyses: 2, Clients: 2}},
		"other type": {ofRisks, postgres.Contributions{}},
		"all types":  {everything, postgres.Contributions{Stats: 5, Analyses: 4, Clients: 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := store.Contributions(t.Context(), tt.filter)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestTotalsOfAllTime(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	newClient(t, store, "sends nothing")
	got, err := store.Totals(t.Context())
	if diff := cmp.Diff(postgres.Contributions{Stats: 6, Clients: 3}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestContributionsByWeek(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	got, err := store.ContributionsByWeek(t.Context(), date("2024-05-01"), date("2024-05-31"))
	want := []postgres.WeekContributions{
		{stats.Threat, date("2024-04-29"), true, postgres.Contributions{Stats: 1, Analyses: 1, Clients: 1}},
		{stats.Threat, date("2024-05-06"), false, postgres.Contributions{Stats: 2, Analyses: 2, Clients: 1}},
		{stats.Threat, date("2024-05-06"), true, postgres.Contributions{Stats: 2, Analyses: 2, Clients: 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestClientsBehind(t *testing.T) {
	t.Parallel()
	store, clients := may(t)
	first, second := stats.Key{Object: id(1).String()}, stats.Key{Object: id(2).String()}
	one, two, three := clients[0].ID, clients[1].ID, clients[2].ID
	whole := func(time.Time) time.Time { return time.Time{} }
	daily := func(day time.Time) time.Time { return day }
	senders := map[time.Time]postgres.Clients{{}: {Local: []int64{one, two}, Others: []int64{three}}}
	tests := map[string]struct {
		clients []int64
		enough  int
		start   func(time.Time) time.Time
		want    postgres.Behind
	}{
		// The client with both names of the object counts once.
		"whole": {nil, 3, whole, postgres.Behind{Senders: senders, Figures: map[postgres.Figure]postgres.Clients{
			{Key: first}: {Local: []int64{one, two}}, {Key: second}: {Others: []int64{three}},
		}}},
		"of some": {[]int64{one}, 3, daily, postgres.Behind{
			Senders: map[time.Time]postgres.Clients{date("2024-05-01"): {Local: []int64{one}}, date("2024-05-08"): {Local: []int64{one}}},
			Figures: map[postgres.Figure]postgres.Clients{
				{Start: date("2024-05-01"), Key: first}: {Local: []int64{one}}, {Start: date("2024-05-08"), Key: first}: {Local: []int64{one}},
			},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := store.ClientsBehind(t.Context(), ofMay, tt.clients, tt.enough, tt.start)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
	got, err := store.ClientsBehind(t.Context(), ofMay, nil, 1, whole)
	if n := len(got.Figures[postgres.Figure{Key: first}].Local); n < 1 || n > 2 || err != nil { // one of each name at most
		t.Errorf("found %d clients where one is enough: %v", n, err)
	}
}

// TestClientsBehindRisks checks that clients without such risks do not count.
func TestClientsBehindRisks(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "first")
	insert(t, store, client, item(t, stats.Stat{
		ANR: id(1), Type: stats.Cartography, Date: date("2024-05-01"),
		Data: []byte(`{"scales":[],"risks":{"current":{"informational":{"1":{"2":3,"4":0}}}}}`),
	}))
	filter := ofMay
	filter.Type = stats.Cartography
	got, err := store.ClientsBehind(t.Context(), filter, nil, 3, func(day time.Time) time.Time { return day })
	own := postgres.Clients{Local: []int64{client.ID}}
	cell := stats.Key{State: stats.Current, Kind: stats.Informational, Impact: "1", Likelihood: "2"}
	want := postgres.Behind{
		Senders: map[time.Time]postgres.Clients{date("2024-05-01"): own},
		Figures: map[postgres.Figure]postgres.Clients{{Start: date("2024-05-01"), Key: cell}: own},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestSumsOfClients(t *testing.T) {
	t.Parallel()
	store, clients := may(t)
	whole := func(time.Time) time.Time { return date("2024-05-01") }
	sums := func(filter stats.Filter) (counts []int64) {
		t.Helper()
		got, analyses, err := store.SumsOfClients(t.Context(), filter, []int64{clients[1].ID, clients[2].ID}, whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, sum := range got {
			if !sum.Date.Equal(date("2024-05-01")) {
				t.Errorf("a sum has the date %s", sum.Date)
			}
			counts = append(counts, sum.Count, int64(analyses[rollup.DayOf(sum.Date)][sum.Key]))
		}
		return counts
	}
	if diff := cmp.Diff([]int64{1, 1, 2, 2}, sums(ofMay)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 1}, sums(local(ofMay))); diff != "" {
		t.Errorf("local ones (-want +got)\n%s", diff)
	}
}

func TestSumsByClient(t *testing.T) {
	t.Parallel()
	store, clients := may(t)
	if none, err := store.SumsByClient(t.Context(), ofMay, []int64{}); len(none) > 0 || err != nil {
		t.Errorf("the sums of no clients are %v, %v", none, err)
	}
	if all, err := store.SumsByClient(t.Context(), ofMay, nil); len(all) != len(clients) || err != nil {
		t.Errorf("the sums of all clients are %v, %v", all, err)
	}
	got, err := store.SumsByClient(t.Context(), ofMay, []int64{clients[2].ID, clients[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	type sum struct {
		client int64
		object string
		count  int64
		sums   [3]string
	}
	var sums []sum
	for _, client := range got {
		for _, s := range client.Sums {
			if !s.Date.IsZero() {
				t.Errorf("the sum over the period has the date %s", s.Date)
			}
			sums = append(sums, sum{client.ClientID, s.Key.Object, s.Count, texts(s.Sums)})
		}
	}
	want := []sum{
		{clients[0].ID, id(1).String(), 2, [3]string{"6", "30", "3"}},
		{clients[2].ID, id(2).String(), 2, [3]string{"4", "12", "4"}},
	}
	if diff := cmp.Diff(want, sums, cmp.AllowUnexported(sum{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func texts(values [3]udecimal.Decimal) (texts [3]string) {
	for i, value := range values {
		texts[i] = value.String()
	}
	return texts
}

func TestLocatedClients(t *testing.T) {
	t.Parallel()
	store, clients := may(t)
	for i, client := range clients {
		if _, err := store.SetCoordinates(t.Context(), client.UUID, ptr(49.5+float64(i)), ptr(6.25)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.SetCoordinates(t.Context(), newClient(t, store, "half").UUID, ptr(1.0), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpdateClient(t.Context(), clients[1].UUID, postgres.ClientChange{Active: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	muted := newClient(t, store, "muted")
	if _, err := store.SetCoordinates(t.Context(), muted.UUID, ptr(1.0), ptr(1.0)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpdateClient(t.Context(), muted.UUID, postgres.ClientChange{Processed: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	all := []postgres.LocatedClient{
		{ID: clients[0].ID, Latitude: 49.5, Longitude: 6.25}, {ID: clients[2].ID, Latitude: 51.5, Longitude: 6.25},
	}
	for localOnly, want := range map[bool][]postgres.LocatedClient{false: all, true: all[:1]} {
		got, err := store.LocatedClients(t.Context(), localOnly)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("only local ones: %t: %v (-want +got)\n%s", localOnly, err, diff)
		}
	}
}
