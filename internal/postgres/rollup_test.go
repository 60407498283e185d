// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// agree fails the test if the rollups do not match the stats.
func agree(t *testing.T, store *postgres.Store) {
	t.Helper()
	differences, err := store.RollupsAgree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range differences {
		t.Errorf("%s", difference)
	}
}

func count(t *testing.T, url, query string) (n int) {
	t.Helper()
	if err := dial(t, url).QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMergeDeltas(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	filter := stats.Filter{Type: stats.Threat}
	var want []string
	for round, step := range []struct {
		change  func()
		rollups int // afterwards
	}{
		{func() { insert(t, store, client, threat(t, 1, "2024-05-01", "1 1 2 0.5 one")) }, 1},
		{func() {
			insert(t, store, client, threat(t, 2, "2024-05-01", "1 1 2 0.5 one"), threat(t, 2, "2024-05-02", "2 1 1 1 two"))
		}, 2},
		{func() { remove(t, store, 2) }, 1},
		{func() { remove(t, store, 1) }, 0},
	} {
		step.change()
		before := sums(t, store, filter)
		if n := count(t, url, `SELECT count(*) FROM rollup_delta`); n == 0 {
			t.Errorf("round %d: the change left no delta", round)
		}
		if err := store.MergeDeltas(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, sums(t, store, filter)); diff != "" {
			t.Errorf("round %d: folding changed the sums (-before +after):\n%s", round, diff)
		}
		if cmp.Equal(want, before) {
			t.Errorf("round %d: the change did not change the sums", round)
		}
		want = before
		if n := count(t, url, `SELECT count(*) FROM rollup_delta`); n != 0 {
			t.Errorf("round %d: %d deltas left", round, n)
		}
		if n := count(t, url, `SELECT count(*) FROM rollup`); n != step.rollups {
			t.Errorf("round %d: %d rollups, want %d", round, n, step.rollups)
		}
		agree(t, store)
	}
}

func remove(t *testing.T, store *postgres.Store, anr int) {
	t.Helper()
	if _, err := store.DeleteStats(t.Context(), stats.Everything(), id(anr), nil); err != nil {
		t.Fatal(err)
	}
}

// A process that appends many deltas merges them.
func TestManyDeltasAreMerged(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	history(t, store, newClient(t, store, "client"), 300) // a delta for each day
	if n := count(t, url, `SELECT count(*) FROM rollup_delta`); n != 0 {
		t.Errorf("%d deltas left, want 0", n)
	}
	if n := count(t, url, `SELECT count(*) FROM rollup`); n != 300 {
		t.Errorf("%d rollups, want 300", n)
	}
}

// While KeepMerging runs, posts do not wait for a merge.
func TestKeepMergingMergesWhenThereAreMany(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	ctx, stop := context.WithCancel(t.Context())
	var merging sync.WaitGroup
	merging.Go(func() { store.KeepMerging(ctx, time.Hour) })
	defer merging.Wait()
	defer stop()
	client := newClient(t, store, "client")
	history(t, store, client, 127)
	if n := count(t, url, `SELECT count(*) FROM rollup_delta`); n != 127 {
		t.Errorf("%d deltas were merged though they are few", 127-n)
	}
	insert(t, store, client, threat(t, 9, "2024-05-01", "1 1 2 0.5 one"))
	for deadline := time.Now().Add(time.Minute); count(t, url, `SELECT count(*) FROM rollup_delta`) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("128 deltas are not merged after a minute")
		}
	}
	agree(t, store)
}

// Retries append nothing.
func TestRetriesLeaveRollupsAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	for range 3 {
		insert(t, store, client, threat(t, 1, "2024-05-01", "1 1 1 1 one"), named(threat(t, 2, "2024-05-01", "1 1 1 1 one"), 2))
	}
	if n := count(t, url, `SELECT count(*) FROM rollup_delta`); n != 1 {
		t.Errorf("%d deltas, want that of the first call", n)
	}
	agree(t, store)
}

func TestUpdateLocalMovesStats(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	insert(t, store, client, threat(t, 1, "2024-05-01", "1 2 2 2 one"))
	insert(t, store, other, threat(t, 1, "2024-05-01", "1 5 5 5 one"))
	local := stats.Filter{Type: stats.Threat, LocalStatsOnly: true}
	all := stats.Filter{Type: stats.Threat}
	for _, step := range []struct {
		local bool
		want  string
	}{
		{true, "05-01 object 1: 2 stats, 7/7/7 one"},
		{false, "05-01 object 1: 1 stats, 5/5/5 one"},
		{false, "05-01 object 1: 1 stats, 5/5/5 one"},
		{true, "05-01 object 1: 2 stats, 7/7/7 one"},
	} {
		if _, err := store.UpdateClient(t.Context(), client.UUID, postgres.ClientChange{Local: ptr(step.local)}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{step.want}, sums(t, store, local)); diff != "" {
			t.Errorf("local %t (-want +got):\n%s", step.local, diff)
		}
		if diff := cmp.Diff([]string{"05-01 object 1: 2 stats, 7/7/7 one"}, sums(t, store, all)); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		agree(t, store)
	}
}

func TestRollupsAgreeNamesDifferences(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"lost stats":    `DELETE FROM stats WHERE uuid = '` + id(1).String() + `'`,
		"changed stats": `UPDATE document SET observations = NULL, fingerprint = NULL WHERE ` + documentOf(1),
		"lost delta":    `DELETE FROM rollup_delta WHERE date = '2024-05-01'`,
		"moved delta": `WITH moved AS (DELETE FROM rollup_delta WHERE date = '2024-05-01' RETURNING type, local, packed)
			INSERT INTO rollup_delta (type, date, local, packed) SELECT type, DATE '2025-01-01', local, packed FROM moved`,
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			store := open(t, url)
			insert(t, store, newClient(t, store, "client"),
				named(threat(t, 1, "2024-05-01", "1 1 1 1 one", "2 1 1 1 two"), 1), threat(t, 1, "2024-05-02", "1 1 1 1 one"))
			agree(t, store)
			execute(t, url, damage)
			got, err := store.RollupsAgree(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := "threat stats of 2024-05-01, local clients: the rollup differs from the stats in 2 objects"
			if len(got) == 0 || got[0].String() != want {
				t.Errorf("got %v, want first %q", got, want)
			}
			if _, err := store.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			agree(t, store)
		})
	}
}

// adopt turns the database into one from before there were rollups: it has no derived
// data, and one invalid row.
func adopt(t *testing.T, url string) {
	t.Helper()
	for _, statement := range []string{
		`UPDATE document SET observations = NULL, fingerprint = NULL`, `DELETE FROM rollup_delta`, `DELETE FROM rollup`,
		`DELETE FROM subject`, `UPDATE rollup_state SET complete = false`,
		`UPDATE document SET data = '[{"uuid": 5}]' WHERE ` + documentOf(3),
	} {
		create(t, url, statement)
	}
}

func TestRebuildAdoptedDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	before := open(t, url)
	client := newClient(t, before, "client")
	one := threat(t, 1, "2024-05-01", "1 1 2 2.50 one")
	two := threat(t, 2, "2024-05-01", "1 2 2 2 one")
	insert(t, before, client, named(one, 1), named(two, 2), named(threat(t, 3, "2024-05-01", "1 4 4 4 one"), 3))
	adopt(t, url)

	store := open(t, url)
	if got := sums(t, store, stats.Filter{Type: stats.Threat}); len(got) != 0 {
		t.Errorf("before: %v, want nothing", got)
	}
	insert(t, store, client, threat(t, 4, "2024-05-01", "1 8 8 8 one")) // counts at once
	want := []string{"05-01 object 1: 1 stats, 8/8/8 one"}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}

	var told []string
	done, err := store.Rebuild(t.Context(), reports(&told))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(postgres.Rebuilt{Completed: 2, Unprocessable: 1, Stats: 4}, done); diff != "" {
		t.Errorf("rebuilt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0 of 8", "4 of 8", "8 of 8"}, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	want = []string{"05-01 object 1: 3 stats, 11/12/12.5 one"}
	for name, reader := range map[string]*postgres.Store{"same process": store, "another process": open(t, url)} {
		if diff := cmp.Diff(want, sums(t, reader, stats.Filter{Type: stats.Threat})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"known", "known"}, fates(insert(t, store, client, one, two))); diff != "" {
		t.Errorf("retries (-want +got):\n%s", diff)
	}
	agree(t, store)
}

// Rebuild derives the observations from the data, whatever the stored ones are.
func TestRebuildIgnoresStoredObservations(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	insert(t, store, newClient(t, store, "client"),
		named(threat(t, 1, "2024-05-01", "1 1 2 2.50 one", "2 7 7 7 two"), 1), named(threat(t, 2, "2024-05-01", "1 4 4 4 one"), 2),
		named(threat(t, 3, "2024-05-02"), 3), named(threat(t, 4, "2024-05-02", "1 1e2 1.0 0 one"), 4))
	filter := stats.Filter{Type: stats.Threat}
	want := sums(t, store, filter)
	var second []byte
	if err := dial(t, url).QueryRow(t.Context(), `SELECT observations FROM document WHERE `+documentOf(2)).Scan(&second); err != nil {
		t.Fatal(err)
	}
	swapped := fmt.Sprintf(`UPDATE document SET observations = '\x%x' WHERE `, second) + documentOf(1)
	tests := []struct {
		name, damage string
		want         postgres.Rebuilt
	}{
		{"nothing", `SELECT 1`, postgres.Rebuilt{Stats: 4}},
		{"missing", `UPDATE document SET observations = NULL, fingerprint = NULL WHERE ` + documentOf(3), postgres.Rebuilt{Completed: 1, Stats: 4}},
		{"unreadable", `UPDATE document SET observations = '\x00ff' WHERE ` + documentOf(1), postgres.Rebuilt{Corrected: 1, Stats: 4}},
		{"empty", `UPDATE document SET observations = '' WHERE ` + documentOf(2), postgres.Rebuilt{Corrected: 1, Stats: 4}},
		{"of another", swapped, postgres.Rebuilt{Corrected: 1, Stats: 4}},
		{"all of it", `UPDATE document SET observations = '\x01'; DELETE FROM rollup; DELETE FROM rollup_delta`, postgres.Rebuilt{Corrected: 4, Stats: 4}},
	}
	for _, tc := range tests { // one after the other: each begins where the last ended
		create(t, url, tc.damage)
		got, err := store.Rebuild(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(want, sums(t, store, filter)); diff != "" {
			t.Errorf("%s: sums (-want +got):\n%s", tc.name, diff)
		}
		agree(t, store)
	}
	create(t, url, `UPDATE document SET data = '[{"uuid": 5}]' WHERE `+documentOf(2))
	got, err := store.Rebuild(t.Context(), nil)
	if diff := cmp.Diff(postgres.Rebuilt{Corrected: 1, Unprocessable: 1, Stats: 4}, got); err != nil || diff != "" {
		t.Errorf("malformed: %v (-want +got):\n%s", err, diff)
	}
	agree(t, store)
}

// A migration of a database with stats leaves the rollups to Rebuild.
func TestRollupsOfOlderDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	before := open(t, url)
	insert(t, before, newClient(t, before, "client"), threat(t, 1, "2024-05-01", "1 1 1 1 one"))
	create(t, url, `UPDATE rollup_state SET complete = false; DELETE FROM rollup_delta`)
	store := open(t, url)
	want := []string{"05-01 object 1: 1 stats, 1/1/1 one"}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("before Rebuild (-want +got):\n%s", diff)
	}
	if status, err := store.Status(t.Context()); err != nil || status.RollupsComplete {
		t.Errorf("status says that the rollups are complete, %v", err)
	}
	if _, err := store.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("after Rebuild (-want +got):\n%s", diff)
	}
	agree(t, store)
}

func TestRollupsWarnOfUnprocessable(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	opts := options(t, url)
	var log bytes.Buffer
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := servicetest.Open(t, opts)
	insert(t, store, newClient(t, store, "client"), named(threat(t, 1, "2024-05-01"), 1))
	create(t, url, `UPDATE document SET observations = NULL, fingerprint = NULL WHERE `+documentOf(1))
	for range 3 {
		sums(t, store, stats.Filter{Type: stats.Threat})
	}
	if warnings := strings.Count(log.String(), "level=WARN"); warnings != 1 || !strings.Contains(log.String(), "stats=1") {
		t.Errorf("want one warning about 1 stats, log is\n%s", &log)
	}
}

func TestDamagedRollup(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	insert(t, store, newClient(t, store, "client"), threat(t, 1, "2024-05-01", "1 1 1 1 one"))
	execute(t, url, `UPDATE rollup_delta SET packed = '\x0203ff'`)
	if _, err := store.DailySums(t.Context(), stats.Filter{Type: stats.Threat}); err == nil || !strings.Contains(err.Error(), "db_rebuild") {
		t.Errorf("sums: got %v, want an error that says db_rebuild", err)
	}
	found, err := store.RollupsAgree(t.Context())
	if err != nil || len(found) == 0 || found[0].String() != "threat stats of 2024-05-01, local clients: the rollup cannot be read" {
		t.Errorf("compared: %v, %v", found, err)
	}
	if _, err := store.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	agree(t, store)
}

// A client with stats cannot be deleted by accident: only the service deletes its stats
// first.
func TestClientWithStatsCannotVanish(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	insert(t, store, newClient(t, store, "client"), threat(t, 1, "2024-05-01"))
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `DELETE FROM client`); err == nil {
		t.Error("a client with stats was deleted without the store")
	}
}
