// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// shown formats sums in the notation of the tests.
func shown(sums []processor.DailySum) []string {
	lines := []string{}
	for _, s := range sums {
		object := strings.TrimLeft(strings.TrimPrefix(s.Key.Object, "00000000-0000-4000-8000-"), "0")
		lines = append(lines, fmt.Sprintf("%s object %s%s%s%s: %d stats, %s/%s/%s %s", s.Date.Format("01-02"),
			object, s.Key.State, s.Key.Kind, s.Key.Level, s.Count, s.Sums[0], s.Sums[1], s.Sums[2], strings.Join(s.Labels[:], "")))
	}
	return lines
}

func sums(t *testing.T, store *postgres.Store, filter stats.Filter) []string {
	t.Helper()
	found, err := store.DailySums(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return shown(found)
}

func TestDailySums(t *testing.T) {
	t.Parallel()
	store := setup(t)
	local := newClient(t, store, "local")
	remote, err := store.CreateClient(t.Context(), stats.Client{Name: "remote", IsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	insert(t, store, local,
		threat(t, 1, "2024-05-02", "1 1 2 0.1 one", "2 5 5 5 two"),
		threat(t, 2, "2024-05-02", "1 2 3 0.2 one"),
		threat(t, 1, "2024-05-01", "1 1 1 1.25 one"),
		threat(t, 3, "2024-05-01")) // measured nothing
	insert(t, store, remote, threat(t, 4, "2024-05-02", "1 10 10 10 one"))

	threats := stats.Filter{Type: stats.Threat}
	with := func(change func(*stats.Filter)) stats.Filter { f := threats; change(&f); return f }
	first := "05-01 object 1: 1 stats, 1/1/1.25 one"
	tests := map[string]struct {
		filter stats.Filter
		want   []string
	}{
		"everything": {threats, []string{
			first,
			"05-02 object 1: 3 stats, 13/15/10.3 one", // 1+2+10, 2+3+10, 0.1+0.2+10
			"05-02 object 2: 1 stats, 5/5/5 two",
		}},
		"local clients": {with(func(f *stats.Filter) { f.LocalStatsOnly = true }), []string{
			first,
			"05-02 object 1: 2 stats, 3/5/0.3 one", // 0.1+0.2 is 0.3 exactly
			"05-02 object 2: 1 stats, 5/5/5 two",
		}},
		"analyses": {with(func(f *stats.Filter) { f.ANRs = ids(2, 4) }), []string{
			"05-02 object 1: 2 stats, 12/13/10.2 one",
		}},
		"to":           {with(func(f *stats.Filter) { f.DateTo = date("2024-05-01") }), []string{first}},
		"from":         {with(func(f *stats.Filter) { f.DateFrom = date("2024-05-03") }), []string{}},
		"another type": {stats.Filter{Type: stats.Vulnerability}, []string{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, sums(t, store, tc.filter)); diff != "" {
				t.Errorf("sums (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDailySumsOfRisks(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	risk := func(anr int, low string) stats.Item {
		return item(t, stats.Stat{ANR: id(anr), Type: stats.Risk, Date: date("2024-05-01"), Data: fmt.Appendf(nil,
			`{"total":{},"risks":{"current":{"informational":[{"level":"Low risks","value":%s},{"level":"High risks","value":1}]}}}`, low)})
	}
	insert(t, store, client, risk(1, "3"), risk(2, "0.5"))
	want := []string{
		"05-01 object currentinformationalHigh risks: 2 stats, 2/0/0 ",
		"05-01 object currentinformationalLow risks: 2 stats, 3.5/0/0 ",
		"05-01 object currentinformationalMedium risks: 2 stats, 0/0/0 ",
	}
	for _, absent := range []string{"currentoperational", "residualinformational", "residualoperational"} {
		for _, level := range []string{"High", "Low", "Medium"} {
			want = append(want, "05-01 object "+absent+level+" risks: 2 stats, 0/0/0 ")
		}
	}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Risk})); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

// A changed label makes another subject, but the same object in results.
func TestDailySumsLabels(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	for _, it := range []stats.Item{
		threat(t, 1, "2024-05-01", "1 1 1 1 old"),
		threat(t, 2, "2024-05-01", "1 2 2 2 new"),
		threat(t, 3, "2024-05-01", "1 4 4 4 -"), // newest of the day, without labels
		threat(t, 1, "2024-05-02", "1 8 8 8 -"),
		threat(t, 4, "2024-05-03", "1 1 1 1 new"),
		threat(t, 5, "2024-05-03", "1 1 1 1 old"),
	} {
		insert(t, store, client, it)
	}
	// On one day, the labels that the database learned last win.
	want := []string{
		"05-01 object 1: 3 stats, 7/7/7 new",
		"05-02 object 1: 1 stats, 8/8/8 ",
		"05-03 object 1: 2 stats, 2/2/2 new",
	}
	for name, filter := range map[string]stats.Filter{
		"from rollups": {Type: stats.Threat},
		"from rows":    {Type: stats.Threat, ANRs: ids(1, 2, 3, 4, 5)},
	} {
		if diff := cmp.Diff(want, sums(t, store, filter)); diff != "" {
			t.Errorf("sums %s (-want +got):\n%s", name, diff)
		}
	}
}

// A second process, which has to read the dictionary, gets the same sums.
func TestDailySumsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	writer, reader := open(t, url), open(t, url)
	client := newClient(t, writer, "client")
	insert(t, writer, client, threat(t, 1, "2024-05-01", "1 1 1 1 one"), threat(t, 2, "2024-05-01", "2 1 1 1 two"))
	insert(t, reader, client, threat(t, 3, "2024-05-01", "2 1 1 1 two", "3 1 1 1 three"))
	filter := stats.Filter{Type: stats.Threat}
	if diff := cmp.Diff(sums(t, writer, filter), sums(t, reader, filter)); diff != "" || len(sums(t, reader, filter)) != 3 {
		t.Errorf("sums (-writer +reader):\n%s", diff)
	}
}

func TestDailySumsErrors(t *testing.T) {
	t.Parallel()
	store := setup(t)
	if _, err := store.DailySums(t.Context(), stats.Filter{}); err == nil {
		t.Error("without type: no error")
	}
	if _, err := store.DailySums(cancelled(), stats.Filter{Type: stats.Risk}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

// Rows of an adopted database that do not validate have no observations.
func TestDailySumsLeaveOutInvalidStats(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	opts := options(t, url)
	var log bytes.Buffer
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := servicetest.Open(t, opts)
	client := newClient(t, store, "client")
	insert(t, store, client,
		threat(t, 1, "2024-05-01", "1 1 1 1 one"),
		named(threat(t, 2, "2024-05-01", "1 2 2 2 one"), 2),
		named(threat(t, 3, "2024-05-01", "1 4 4 4 one"), 3))
	create(t, url, `UPDATE document SET observations = NULL, fingerprint = NULL WHERE `+documentOf(2))
	create(t, url, `UPDATE document SET observations = '\x0103ff' WHERE `+documentOf(3))

	want := []string{"05-01 object 1: 1 stats, 1/1/1 one"}
	for range 3 {
		if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat, ANRs: ids(1, 2, 3)})); diff != "" {
			t.Errorf("sums (-want +got):\n%s", diff)
		}
	}
	if warnings := strings.Count(log.String(), "level=WARN"); warnings != 1 || !strings.Contains(log.String(), "stats=2") {
		t.Errorf("want one warning about 2 stats, log is\n%s", &log)
	}
	if n, err := store.CountUnprocessable(t.Context()); err != nil || n != 1 {
		t.Errorf("%d unprocessable, %v; want 1", n, err)
	}
}

func TestDailySumsWithoutSubject(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	writer := open(t, url)
	client := newClient(t, writer, "client")
	insert(t, writer, client, threat(t, 1, "2024-05-01", "1 1 1 1 one", "2 2 2 2 two"))
	execute(t, url, `DELETE FROM subject WHERE label1 = 'two'`)
	want := []string{"05-01 object 1: 1 stats, 1/1/1 one"}
	if diff := cmp.Diff(want, sums(t, open(t, url), stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

// execute changes the database without the store.
func execute(t *testing.T, url, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if tag, err := conn.Exec(t.Context(), statement, args...); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%s: %v, %v; want one row changed", statement, tag, err)
	}
}

// TestDailySumsEqualRecomputation adds up random stats from their JSON.
func TestDailySumsEqualRecomputation(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	random := rand.New(rand.NewPCG(3, 4))
	type cell struct{ day, object string }
	counts, rates := map[cell]int64{}, map[cell]udecimal.Decimal{}
	var items []stats.Item
	for anr := range 300 {
		day := fmt.Sprintf("2024-05-%02d", 1+random.IntN(20))
		var objects []string
		for object := range 12 {
			if random.IntN(3) == 0 {
				continue
			}
			rate := udecimal.MustFromInt64(random.Int64N(1e15), uint8(6+random.IntN(12)))
			c := cell{day, id(object).String()}
			counts[c]++
			rates[c] = rates[c].Add(rate)
			objects = append(objects, fmt.Sprintf("%d 1 2 %s label%d", object, rate, random.IntN(3)))
		}
		items = append(items, threat(t, anr, day, objects...))
	}
	insert(t, store, client, items...)

	got, err := store.DailySums(t.Context(), stats.Filter{Type: stats.Threat})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(counts) {
		t.Errorf("%d sums, want %d", len(got), len(counts))
	}
	for _, s := range got {
		c := cell{s.Date.Format("2006-01-02"), s.Key.Object}
		if s.Count != counts[c] || !s.Sums[2].Equal(rates[c]) {
			t.Errorf("%v: %d stats with a rate of %s, want %d with %s", c, s.Count, s.Sums[2], counts[c], rates[c])
		}
		if !strings.HasPrefix(s.Labels[0], "label") {
			t.Errorf("%v: labels are %q", c, s.Labels)
		}
	}
}
