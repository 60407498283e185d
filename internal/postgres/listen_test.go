// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// listener returns the announced changes until the test ends.
func listener(t *testing.T, store *postgres.Store) <-chan postgres.Change {
	t.Helper()
	heard, done := make(chan postgres.Change, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- store.Listen(ctx, func(change postgres.Change) { heard <- change }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Listen returned %v, want context.Canceled", err)
		}
	})
	return heard
}

func TestChangesAreHeard(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store, other := open(t, url), open(t, url)
	heard := listener(t, store)
	if got := <-heard; got != postgres.ChangeEverything {
		t.Fatalf("at the start: %q, want that everything may have changed", got)
	}
	client := newClient(t, other, "client")
	batch := []stats.Item{threat(t, 1, "2024-05-01", "1 1 1 1 one"), threat(t, 2, "2024-05-01")}
	insert(t, other, client, batch...)
	insert(t, other, client, batch...) // changes nothing
	remove(t, other, 1)
	if err := other.MergeDeltas(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.UpdateClient(t.Context(), client.UUID, postgres.ClientChange{Local: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []postgres.Change{"client", "threat", "threat", "client", "threat", postgres.ChangeEverything}
	var got []postgres.Change
	for range want {
		got = append(got, <-heard)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// After an interruption, anything may have changed.
func TestListenReconnects(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	heard := listener(t, store)
	<-heard
	execute(t, url, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if got := <-heard; got != postgres.ChangesUnheard {
		t.Fatalf("in a gap: %q, want that changes go unheard", got)
	}
	if got := <-heard; got != postgres.ChangeEverything {
		t.Fatalf("after a gap: %q, want that everything may have changed", got)
	}
	insert(t, open(t, url), newClient(t, open(t, url), "client"), threat(t, 1, "2024-05-01"))
	if got := []postgres.Change{<-heard, <-heard}; !cmp.Equal(got, []postgres.Change{"client", "threat"}) {
		t.Errorf("after the gap: %q", got)
	}
}

func TestFailedWriteIsNotAnnounced(t *testing.T) {
	t.Parallel()
	store := setup(t)
	heard := listener(t, store)
	<-heard
	if _, err := store.InsertBatch(t.Context(), stats.Client{ID: 404}, stats.Batch{Items: []stats.Item{threat(t, 1, "2024-05-01")}}); err == nil {
		t.Fatal("no error")
	}
	newClient(t, store, "client")
	if got := <-heard; got != postgres.ChangeClients {
		t.Errorf("heard %q first, want %q", got, postgres.ChangeClients)
	}
}
