// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// shortWait is long enough to connect on a busy machine.
const shortWait = 3 * time.Second

// impatient opens a store whose queries wait only briefly for a connection.
func impatient(t *testing.T, url string) *postgres.Store {
	t.Helper()
	opts := options(t, url)
	opts.AcquireTimeout = shortWait
	return servicetest.Open(t, opts)
}

// Every kind of query gives up waiting for a connection.
func TestAllConnectionsInUse(t *testing.T) {
	t.Parallel()
	store := impatient(t, pgtest.New(t)+"&pool_max_conns=1")
	client := newClient(t, store, "client")
	insert(t, store, client, threat(t, 1, "2024-05-01"))
	ctx := t.Context()
	_, err := store.EachStat(ctx, stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error {
		post := []stats.Item{threat(t, 2, "2024-05-01")}
		var asking sync.WaitGroup
		for name, ask := range map[string]func() error{
			"client":   func() error { _, err := store.ClientByToken(ctx, "token"); return err },
			"post":     func() error { _, err := store.InsertBatch(ctx, client, stats.Batch{Items: post}); return err },
			"deletion": func() error { _, err := store.DeleteStats(ctx, stats.Everything(), id(1), nil); return err },
			"sums":     func() error { _, err := store.DailySums(ctx, stats.Filter{Type: "threat"}); return err },
			"list": func() error {
				_, err := store.EachStat(ctx, stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error { return nil })
				return err
			},
			"fold": func() error { return store.MergeDeltas(ctx) },
			"ping": func() error { return store.Ping(ctx) },
		} {
			asking.Go(func() {
				if err := ask(); !errors.Is(err, stats.ErrBusy) {
					t.Errorf("%s: got %v, want ErrBusy", name, err)
				}
			})
		}
		asking.Wait()
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := store.EachStat(gone, stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that has gone: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	insert(t, store, client, threat(t, 2, "2024-05-01"))
}

// Slow readers of lists leave half of the connections to other queries.
func TestListsShareConnections(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	tests := map[string]struct {
		url      string
		maxConns int32
		lists    int
	}{
		"default":      {url: url, lists: 8},
		"of the store": {url: url, maxConns: 6, lists: 3},
		"of the URL":   {url: url + "&pool_max_conns=4", maxConns: 6, lists: 2},
		"least":        {url: url, maxConns: 1, lists: 1},
	}
	insertOne := impatient(t, url)
	insert(t, insertOne, newClient(t, insertOne, "client"), threat(t, 1, "2024-05-01"))
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, tc.url)
			opts.MaxConns, opts.AcquireTimeout = tc.maxConns, shortWait
			if got := nested(t, servicetest.Open(t, opts)); got != tc.lists {
				t.Errorf("%d lists at once, want %d", got, tc.lists)
			}
		})
	}
}

// A list that waits for its turn is counted, for metrics.
func TestWaitingListsAreCounted(t *testing.T) {
	t.Parallel()
	opts := options(t, pgtest.New(t))
	opts.MaxConns = 2 // lists may use one of them
	store := servicetest.Open(t, opts)
	insert(t, store, newClient(t, store, "client"), threat(t, 1, "2024-05-01"))
	list := func(during func()) {
		_, err := store.EachStat(t.Context(), stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error {
			during()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	var second sync.WaitGroup
	list(func() {
		second.Go(func() { list(func() {}) })
		servicetest.Eventually(t, "the second list waits", func() bool { return store.WaitingLists() == 1 })
	})
	second.Wait()
	if n := store.WaitingLists(); n != 0 {
		t.Errorf("%d lists wait at the end", n)
	}
}

// nested starts a list within a list until no connection is available for another one, and
// returns their number.
func nested(t *testing.T, store *postgres.Store) (lists int) {
	t.Helper()
	_, err := store.EachStat(t.Context(), stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error {
		lists = 1 + nested(t, store)
		return nil
	})
	if err != nil && !errors.Is(err, stats.ErrBusy) {
		t.Error(err)
	}
	return lists
}
