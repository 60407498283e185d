// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
)

func TestFlagsAreChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]options{
		"": {sizes: []int{1_040, 10_400, 104_000}, others: []int{50, 5_000}, posts: 384, spell: 2 * time.Second, limit: time.Hour},
		"-quick": {
			quick: true, sizes: []int{1_040, 10_400}, others: []int{50, 500}, posts: 128, spell: time.Second, limit: 10 * time.Minute,
		},
		"-only posts,answers -sizes 1040,2080 -limit 5m -binary b -markdown m": {
			only: []string{"posts", "answers"}, sizes: []int{1_040, 2_080}, others: []int{50, 5_000}, posts: 384,
			spell: 2 * time.Second, limit: 5 * time.Minute, binary: "b", markdown: "m",
		},
	}
	for args, want := range tests {
		got, err := parse(strings.Fields(args), io.Discard)
		if err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", args, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-only posts,lists":      `unknown scenario "lists"`,
		"-sizes 1000":            "multiples of 1040",
		"-sizes 0":               "multiples of 1040",
		"-sizes 10400,1040":      "must ascend",
		"everything":             `unexpected argument "everything"`,
		"-limit eternity":        "invalid value",
		"-only answers -sizes x": `-sizes has "x"`,
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
}

func TestColumnsOf(t *testing.T) {
	t.Parallel()
	d, err := load.New(load.Plan{Clients: 1, Analyses: 2, Days: 1, Step: 1, Until: time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Batch(0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := columnsOf(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.anrs) != 10 || len(got.types) != 10 || len(got.dates) != 10 || len(got.data) != 10 {
		t.Fatalf("columns of %d, %d, %d and %d values; want 10", len(got.anrs), len(got.types), len(got.dates), len(got.data))
	}
	for i, date := range got.dates {
		if got.anrs[i] != d.Analyses(0)[i/5] || date.Format(time.DateOnly) != "2026-03-31" || !json.Valid([]byte(got.data[i])) {
			t.Errorf("row %d: %s %s %s", i, got.anrs[i], got.types[i], date)
		}
	}
	if _, err := columnsOf(load.Batch{Body: []byte(`[{"date":"today"}]`)}); err == nil {
		t.Error("a date that is none is accepted")
	}
}

func TestQuestionsDiffer(t *testing.T) {
	t.Parallel()
	today := time.Date(2026, 3, 31, 23, 0, 0, 0, time.UTC)
	all := benchmarks(today)
	if want := 4 + len(processor.All()); len(all) != want {
		t.Errorf("%d answers are measured, want %d", len(all), want)
	}
	seen := map[string]bool{}
	for _, a := range all {
		for n := range 3 {
			seen[string(a.number(n).raw())] = true
		}
	}
	if len(seen) != 3*len(all) {
		t.Errorf("%d different questions, want %d", len(seen), 3*len(all))
	}
	want := `{"date_from":"2025-03-30","date_to":"2026-03-31","processor":"risk_averages"}`
	if diff := cmp.Diff(want, processedRequest("risk_averages", today, 1).body); diff != "" {
		t.Errorf("question (-want +got):\n%s", diff)
	}
}

func TestDashboardQuestion(t *testing.T) {
	t.Parallel()
	ids := make([]uuid.UUID, stored)
	for i := range ids {
		ids[i] = uuid.New()
	}
	chosen := choose(rand.New(rand.NewPCG(1, 1)), ids, asked)
	different := map[uuid.UUID]bool{}
	for _, id := range chosen {
		different[id] = true
	}
	if len(different) != asked {
		t.Errorf("%d different analyses are chosen, want %d", len(different), asked)
	}
	q := dashboardRequest(ids[:1], time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC))
	want := `{"anrs":["` + ids[0].String() + `"],"date_from":"2026-01-01","date_to":"2026-03-31",` +
		`"processor":"vulnerability_average_on_date","processor_params":null,"type":"vulnerability"}`
	if diff := cmp.Diff(want, q.body); diff != "" {
		t.Errorf("question (-want +got):\n%s", diff)
	}
}

func TestPostPlan(t *testing.T) {
	t.Parallel()
	for _, posts := range []int{128, 384} { // quick and full
		for _, writers := range writerCounts {
			d, err := load.New(postPlan(1, writers, posts/postRounds, usual))
			if err != nil {
				t.Fatal(err)
			}
			if measured := d.Part(1, true).Len(); measured != posts/postRounds {
				t.Errorf("%d writers send %d posts in a round, want as many as the others: %d", writers, measured, posts/postRounds)
			}
		}
	}
}

func TestTrialAddsUp(t *testing.T) {
	t.Parallel()
	var total trial
	total.add(load.Result{Posts: 10, Stats: 200, Bytes: 1e6, Elapsed: time.Second}, 30e6)
	total.add(load.Result{Posts: 10, Stats: 200, Bytes: 1e6, Elapsed: 3 * time.Second}, 20e6)
	total.bare.add(200, time.Second)
	total.bare.add(200, time.Second)
	total.lz4.add(400, time.Second)
	table := (&report{}).table("", "", "changed", "writers", "posts/s", "stats/s", "MB/s", "peak", "bare", "share", "lz4", "share")
	total.report(10, 4, table)
	(&trial{sent: load.Result{Elapsed: time.Second}, bare: baseline{rows: 1, took: time.Second}}).report(100, 1, table)
	want := [][]string{
		{"10 %", "4", "5.0", "100", "0.5", "30.0 MB", "200", "0.50", "400", "0.25"},
		{"100 %", "1", "0.0", "0", "0.0", none, "1", "0.00", none, none},
	}
	if diff := cmp.Diff(want, table.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
