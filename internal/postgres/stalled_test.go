// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// TestCanceledQueriesFreeTheirConnections cancels a query on each connection while the
// database is silent. Once the database answers again, the next query must get a
// connection before its timeout: the driver by itself would wait longer for the old
// connections.
func TestCanceledQueriesFreeTheirConnections(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	opts := options(t, proxy.URL+"&connect_timeout=1")
	opts.MaxConns = 2
	store := servicetest.Open(t, opts)
	ask := func(check func(error)) {
		var all sync.WaitGroup
		for range opts.MaxConns {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				check(store.Ping(ctx))
			})
		}
		all.Wait()
	}
	ask(func(error) {}) // connects
	proxy.Stall()
	ask(func(err error) {
		if err == nil {
			t.Error("the database answers, although it is silent")
		}
	})
	proxy.Resume()
	if err := store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
