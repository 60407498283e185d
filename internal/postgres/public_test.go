package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// may is a month in which three clients have sent threats: two of them object
// 1, which changes its name, and the third, who is not local, object 2.
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

var ofMay = stats.Filter{Type: processor.Threat, DateFrom: date("2024-05-01"), DateTo: date("2024-05-31")}

func local(f stats.Filter) stats.Filter { f.LocalStatsOnly = true; return f }

func TestContributions(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	ofRisks, everything := ofMay, ofMay
	ofRisks.Type, everything.Type = processor.Risk, ""
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

func TestTotals(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	newClient(t, store, "sends nothing")
	got, err := store.Totals(t.Context())
	if diff := cmp.Diff(postgres.Contributions{Stats: 6, Clients: 3}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestClientsBehind(t *testing.T) {
	t.Parallel()
	store, _ := may(t)
	first, second := processor.Key{Object: id(1).String()}, processor.Key{Object: id(2).String()}
	whole := func(time.Time) time.Time { return time.Time{} }
	daily := func(day time.Time) time.Time { return day }
	tests := map[string]struct {
		filter stats.Filter
		enough int
		start  func(time.Time) time.Time
		want   map[postgres.Figure]int
	}{
		// The client with both names of the object counts once.
		"whole":  {ofMay, 3, whole, map[postgres.Figure]int{{Key: first}: 2, {Key: second}: 1}},
		"enough": {ofMay, 1, whole, map[postgres.Figure]int{{Key: first}: 1, {Key: second}: 1}},
		"local":  {local(ofMay), 3, whole, map[postgres.Figure]int{{Key: first}: 2}},
		"by day": {ofMay, 3, daily, map[postgres.Figure]int{
			{Start: date("2024-05-01"), Key: first}: 1, {Start: date("2024-05-08"), Key: first}: 2, {Start: date("2024-05-08"), Key: second}: 1,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := store.ClientsBehind(t.Context(), tt.filter, tt.enough, tt.start)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestSumsByClient(t *testing.T) {
	t.Parallel()
	store, clients := may(t)
	if none, err := store.SumsByClient(t.Context(), ofMay, nil); len(none) > 0 || err != nil {
		t.Errorf("the sums of no clients are %v, %v", none, err)
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
