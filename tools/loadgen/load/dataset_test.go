// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/stats"
)

var until = time.Date(2026, 3, 31, 15, 0, 0, 0, time.UTC)

func dataset(t *testing.T, plan Plan) *Dataset {
	t.Helper()
	plan.Until = until
	d, err := New(plan)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// item is an element of a batch.
type item struct {
	ANR  string          `json:"anr"`
	Type stats.Type      `json:"type"`
	Date string          `json:"date"`
	Data json.RawMessage `json:"data"`
}

func items(t *testing.T, d *Dataset, i int) []item {
	t.Helper()
	b, err := d.Batch(i)
	if err != nil {
		t.Fatal(err)
	}
	var list []item
	if err := json.Unmarshal(b.Body, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != b.Stats {
		t.Errorf("batch %d says it has %d stats, it has %d", i, b.Stats, len(list))
	}
	return list
}

func TestEveryStatIsSentOnce(t *testing.T) {
	t.Parallel()
	d := dataset(t, Plan{Clients: 2, Analyses: 5, Days: 15, Step: 7, PerPost: 2})
	if d.Len() != 3*2*3 || d.Rows() != 30 {
		t.Errorf("%d batches, %d rows a type; want 18 of 3 days × 2 clients × 3 posts, and 30", d.Len(), d.Rows())
	}
	owner := map[string]int{}
	for client := range 2 {
		for _, id := range d.Analyses(client) {
			owner[id.String()] = client
		}
	}
	sent := map[string]int{}
	for i := range d.Len() {
		b, err := d.Batch(i)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items(t, d, i) {
			sent[it.ANR+it.Date+string(it.Type)]++
			if client, known := owner[it.ANR]; !known || client != b.Client {
				t.Errorf("batch %d of client %d has analysis %s of client %d (known: %v)", i, b.Client, it.ANR, client, known)
			}
			if _, err := stats.ReadDocument(it.Type, it.Data); err != nil {
				t.Errorf("%s stats of batch %d: %v", it.Type, i, err)
			}
		}
	}
	if len(sent) != 5*d.Rows() {
		t.Errorf("%d different stats, want %d", len(sent), 5*d.Rows())
	}
	for key, n := range sent {
		if n != 1 {
			t.Errorf("%s is sent %d times", key, n)
		}
	}
}

func TestDatesEndWithThePlan(t *testing.T) {
	t.Parallel()
	d := dataset(t, Plan{Clients: 1, Analyses: 1, Days: 15, Step: 7, Changed: 100})
	var got []string
	for i := range d.Len() {
		got = append(got, items(t, d, i)[0].Date)
	}
	if diff := cmp.Diff([]string{"2026-03-17", "2026-03-24", "2026-03-31"}, got); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
}

func TestTheFirstClientContinuesAnEarlierPlan(t *testing.T) {
	t.Parallel()
	plan := Plan{Clients: 3, Analyses: 2, Days: 1, Step: 1, Distinct: 2, Thin: true}
	whole := dataset(t, plan)
	plan.First, plan.Clients = 2, 1
	rest := dataset(t, plan)
	if diff := cmp.Diff(whole.Names()[2:], rest.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(items(t, whole, 2), items(t, rest, 0)); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestFurtherAnalysesRepeatTheData(t *testing.T) {
	t.Parallel()
	d := dataset(t, Plan{Clients: 1, Analyses: 3, Days: 1, Step: 1, Distinct: 2, Types: []stats.Type{stats.Risk}})
	got := items(t, d, 0)
	if string(got[0].Data) != string(got[2].Data) || string(got[0].Data) == string(got[1].Data) {
		t.Errorf("the third analysis does not repeat the first, or the second does")
	}
	if got[0].ANR == got[2].ANR {
		t.Errorf("two analyses share the id %s", got[0].ANR)
	}
}

func TestThinStats(t *testing.T) {
	t.Parallel()
	full := items(t, dataset(t, Plan{Clients: 1, Analyses: 2, Days: 1, Step: 1}), 0)
	thin := items(t, dataset(t, Plan{Clients: 1, Analyses: 2, Days: 1, Step: 1, Thin: true, Objects: 60}), 0)
	for i := range full {
		wanted, err := stats.ReadDocument(full[i].Type, full[i].Data)
		if err != nil {
			t.Fatal(err)
		}
		found, err := stats.ReadDocument(thin[i].Type, thin[i].Data)
		if err != nil {
			t.Fatalf("thin %s: %v", thin[i].Type, err)
		}
		want, got := wanted.Observations, found.Observations
		if len(want) > 60 && full[i].Type == stats.Vulnerability {
			want = want[:60]
		}
		if diff := cmp.Diff(values(want), values(got)); diff != "" {
			t.Errorf("values of %s (-full +thin):\n%s", full[i].Type, diff)
		}
		labelled := strings.Contains(string(thin[i].Data), "label1")
		if wanted := i < 5 && isList(thin[i].Type); labelled != wanted {
			t.Errorf("thin %s of item %d has labels: %v, want %v", thin[i].Type, i, labelled, wanted)
		}
	}
}

func isList(t stats.Type) bool { return t == stats.Threat || t == stats.Vulnerability }

// values formats observations without their labels.
func values(observations []stats.Observation) []string {
	var text []string
	for _, o := range observations {
		line := o.Key.Object
		for _, v := range o.Values {
			line += " " + v.String()
		}
		text = append(text, line)
	}
	return text
}

func TestPlanCheck(t *testing.T) {
	t.Parallel()
	_, err := New(Plan{Clients: 1, Analyses: 0, Days: 1, Step: -1, PerPost: -1, Changed: 101, Types: []stats.Type{"weather"}})
	want := "analyses must be at least 1\nstep must be at least 1\n" +
		"first, objects, distinct and per-post must not be negative\nchanged must be between 0 and 100\nunknown type weather"
	if err == nil {
		t.Fatal("the plan is accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestUnchangedDaysRepeatDocuments sends the same documents again on the days without a change.
func TestUnchangedDaysRepeatDocuments(t *testing.T) {
	t.Parallel()
	const days = 200
	for _, changed := range []int{0, 10, 100} {
		d := dataset(t, Plan{Clients: 1, Analyses: 1, Days: days, Step: 1, Changed: changed, Types: []stats.Type{stats.Vulnerability}})
		changes, before := 0, ""
		for day := range days {
			data := string(items(t, d, day)[0].Data)
			if day > 0 && data != before {
				changes++
			}
			before = data
		}
		if least, most := changed*days/200, changed*days*3/200; changes < least || changes > most {
			t.Errorf("%d %%: %d of %d days differ from the day before", changed, changes, days-1)
		}
	}
}

// TestPartsAreTheWholeDataset divides a dataset by days, without a change of what is sent.
func TestPartsAreTheWholeDataset(t *testing.T) {
	t.Parallel()
	plan := Plan{Clients: 2, Analyses: 2, Days: 4, Step: 1, Changed: 50, Types: []stats.Type{stats.Risk}}
	whole := dataset(t, plan)
	first, rest := whole.Part(1, false), whole.Part(1, true)
	if first.Len()+rest.Len() != whole.Len() || first.Rows()+rest.Rows() != whole.Rows() {
		t.Fatalf("%d and %d batches of %d", first.Len(), rest.Len(), whole.Len())
	}
	for i := range whole.Len() {
		part, place := first, i
		if i >= first.Len() {
			part, place = rest, i-first.Len()
		}
		want, err := whole.Batch(i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := part.Batch(place)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want.Body), string(got.Body)); diff != "" {
			t.Errorf("batch %d (-want +got):\n%s", i, diff)
		}
	}
}
