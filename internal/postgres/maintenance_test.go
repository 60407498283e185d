// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// history stores a threat stat of client with a UUID on each of n days from 2010-01-01 on.
func history(t *testing.T, store *postgres.Store, client stats.Client, n int) {
	t.Helper()
	items := make([]stats.Item, n)
	for i := range items {
		items[i] = named(threat(t, 1, "2010-01-01", "1 1 1 1 one"), int(client.ID)*100_000+i)
		items[i].Date = date("2010-01-01").AddDate(0, 0, i)
	}
	insert(t, store, client, items...)
}

// reports collects the calls of a Progress.
func reports(told *[]string) postgres.Progress {
	return func(done, total int64) { *told = append(*told, fmt.Sprintf("%d of %d", done, total)) }
}

func TestDeleteStatsOfClient(t *testing.T) {
	t.Parallel()
	store := setup(t)
	leaver, other := newClient(t, store, "leaver"), newClient(t, store, "other")
	history(t, store, leaver, 2500)
	history(t, store, other, 2)
	if n, err := store.CountStatsOfClient(t.Context(), leaver.UUID); n != 2500 || err != nil {
		t.Errorf("counted %d, %v; want 2500", n, err)
	}
	id, err := store.PeerID(t.Context(), "https://stats.example.org")
	if err != nil {
		t.Fatal(err)
	}
	position := func(client stats.Client) postgres.PullKey {
		return postgres.PullKey{PeerID: id, ClientID: client.ID, PeerClient: "as", Type: stats.Threat}
	}
	for _, client := range []stats.Client{leaver, other} {
		if err := store.SetPullPosition(t.Context(), position(client), date("2011-01-01")); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	if n, err := store.DeleteStatsOfClient(t.Context(), leaver.UUID, reports(&told)); n != 2500 || err != nil {
		t.Errorf("deleted %d, %v; want 2500", n, err)
	}
	want := []string{"0 of 2500", "1000 of 2500", "2000 of 2500", "2500 of 2500"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if left := everything(t, store); len(left) != 2 {
		t.Errorf("%d stats left, want 2", len(left))
	}
	findClient(t, store, leaver.UUID)
	if day, err := store.PullPosition(t.Context(), position(leaver)); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("the next pull would go on at %s (%v)", day, err)
	}
	if _, err := store.PullPosition(t.Context(), position(other)); err != nil {
		t.Errorf("the position of another client: %v", err)
	}
}

func TestPurgeStats(t *testing.T) {
	t.Parallel()
	store := setup(t)
	history(t, store, newClient(t, store, "client"), 1300)
	before := date("2010-01-01").AddDate(0, 0, 1200)
	if n, err := store.CountPurgeable(t.Context(), before); n != 1200 || err != nil {
		t.Errorf("counted %d, %v; want 1200", n, err)
	}
	if day, err := store.PurgedBefore(t.Context()); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("purged before %s, %v; want stats.ErrNotFound", day, err)
	}
	if n, err := store.PurgeStats(t.Context(), before, nil); n != 1200 || err != nil {
		t.Errorf("purged %d, %v; want 1200", n, err)
	}
	if n, err := store.PurgeStats(t.Context(), before.AddDate(-1, 0, 0), nil); n != 0 || err != nil {
		t.Errorf("purged %d more, %v", n, err)
	}
	if day, err := store.PurgedBefore(t.Context()); !day.Equal(before) || err != nil {
		t.Errorf("purged before %s, %v; want %s", day, err, before)
	}
	left, _ := list(t, store, stats.Everything(), postgres.ListQuery{})
	if len(left) != 100 || !left[len(left)-1].Date.Equal(before) {
		t.Errorf("%d stats left, want the 100 from %s on", len(left), before)
	}
}

// Stats that were deleted before an interruption stay deleted and are counted.
func TestPurgeInterrupted(t *testing.T) {
	t.Parallel()
	store := setup(t)
	history(t, store, newClient(t, store, "client"), 2500)
	ctx, cancel := context.WithCancel(t.Context())
	n, err := store.PurgeStats(ctx, date("2030-01-01"), func(done, _ int64) {
		if done == 1000 {
			cancel()
		}
	})
	if n != 1000 || !errors.Is(err, context.Canceled) {
		t.Errorf("purged %d, %v; want 1000 and context.Canceled", n, err)
	}
	if left := everything(t, store); len(left) != 1500 {
		t.Errorf("%d stats left, want 1500", len(left))
	}
}

func TestRemoveDuplicates(t *testing.T) {
	t.Parallel()
	vulnerability := func(t *testing.T) stats.Item {
		return item(t, stats.Stat{ANR: id(1), Type: stats.Vulnerability, Date: date("2024-05-01"), Data: threats()})
	}
	tests := map[string]struct {
		query postgres.DuplicateQuery
		left  []int
	}{
		"all":       {left: []int{1, 3, 4, 6, 9}},
		"of a type": {query: postgres.DuplicateQuery{Type: stats.Threat}, left: []int{1, 3, 4, 6, 7, 9}},
		"since":     {query: postgres.DuplicateQuery{Since: date("2024-05-02")}, left: []int{1, 2, 3, 4, 6, 7, 8, 9}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			first, second := newClient(t, store, "first"), newClient(t, store, "second")
			old, new := threat(t, 1, "2024-05-01", "1 1 1 1 one"), threat(t, 1, "2024-05-02", "1 1 1 1 one")
			insert(t, store, first, named(old, 1), named(new, 4), named(vulnerability(t), 6))
			insert(t, store, first, named(old, 2), named(new, 5), named(vulnerability(t), 7))
			insert(t, store, first, named(threat(t, 1, "2024-05-01", "1 1 1 2 one"), 3)) // another content
			insert(t, store, first, named(old, 8))
			insert(t, store, second, named(old, 9)) // another client's
			wantRemoved := int64(9 - len(tc.left))
			if n, err := store.CountDuplicates(t.Context(), tc.query); n != wantRemoved || err != nil {
				t.Errorf("counted %d, %v; want %d", n, err, wantRemoved)
			}
			if n, err := store.RemoveDuplicates(t.Context(), tc.query, nil); n != wantRemoved || err != nil {
				t.Errorf("removed %d, %v; want %d", n, err, wantRemoved)
			}
			left := map[int]bool{}
			for _, stored := range everything(t, store) {
				for n := range 10 {
					left[n] = left[n] || stored == id(n)
				}
			}
			for n := 1; n < 10; n++ {
				if want := slices.Contains(tc.left, n); left[n] != want {
					t.Errorf("stats %d is there: %t, want %t", n, left[n], want)
				}
			}
		})
	}
}

func TestStatusOfTheDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	insert(t, store, client, named(threat(t, 1, "2024-05-01"), 1), threat(t, 1, "2024-05-02"), threat(t, 2, "2024-05-01"))
	create(t, url, `UPDATE document SET observations = NULL, fingerprint = NULL WHERE `+documentOf(1))
	got, err := store.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.PostgresVersion == "" || got.Size < 1_000_000 {
		t.Errorf("version %q, %d bytes", got.PostgresVersion, got.Size)
	}
	got.PostgresVersion, got.Size = "", 0
	want := postgres.Status{
		SchemaVersion: newestMigration(t), Clients: 1, Documents: 2, Unprocessable: 2, RollupsComplete: true,
		Stats: map[stats.Type]int64{
			stats.Threat: 3, stats.Risk: 0, stats.Vulnerability: 0, stats.Cartography: 0, stats.Compliance: 0,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// newestMigration is the number of the last of all migrations.
func newestMigration(t *testing.T) (number int64) {
	t.Helper()
	all := allMigrations(t)
	if _, err := fmt.Sscanf(all[len(all)-1], "%05d_", &number); err != nil {
		t.Fatal(err)
	}
	return number
}

func TestStatusOfEmptyDatabase(t *testing.T) {
	t.Parallel()
	got, err := open(t, pgtest.Empty(t)).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allMigrations(t), got.Pending); diff != "" || got.SchemaVersion != 0 {
		t.Errorf("version %d, pending (-want +got):\n%s", got.SchemaVersion, diff)
	}
}

func TestEmptyDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	insert(t, store, newClient(t, store, "client"), threat(t, 1, "2024-05-01", "1 1 1 1 one"))
	create(t, url, `CREATE TABLE of_somebody_else (id int)`)
	if err := store.EmptyDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := tables(t, url); len(left) != 1 || left[0] != "of_somebody_else" {
		t.Errorf("tables left: %v, want only of_somebody_else", left)
	}
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	insert(t, store, newClient(t, store, "client"), threat(t, 1, "2024-05-01", "2 1 1 1 two"), threat(t, 2, "2024-05-01", "1 1 1 1 one"))
	want := []string{"05-01 object 1: 1 stats, 1/1/1 one", "05-01 object 2: 1 stats, 1/1/1 two"}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums afterwards (-want +got):\n%s", diff)
	}
}

func create(t *testing.T, url, statement string) {
	t.Helper()
	if _, err := dial(t, url).Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestRotationUntil(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	if _, err := store.RotateToken(t.Context(), client.UUID, time.Duration(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.ClientByToken(t.Context(), client.Token); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("without grace: got %v, want ErrNotFound", err)
	}
}
