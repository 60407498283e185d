// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// openNew opens a store on a new database.
func openNew(t *testing.T) *Store {
	t.Helper()
	store, err := Open(t.Context(), Options{URL: pgtest.New(t), Secret: secret.New("secret key of the tests")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func storeWithClient(t *testing.T) (*Store, stats.Client) {
	t.Helper()
	store := openNew(t)
	client, err := store.CreateClient(t.Context(), stats.Client{Name: "client", Local: true})
	if err != nil {
		t.Fatal(err)
	}
	return store, client
}

// riskOf returns a stat of the analysis whose UUID ends in n.
func riskOf(n byte) stats.Batch {
	item := stats.Item{
		ANR: uuid.UUID{6: 0x40, 8: 0x80, 15: n}, Type: stats.Risk, Date: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC),
		Data: []byte(`{"total":{},"risks":{"current":{"informational":[{"level":"Low risks","value":3}]}}}`),
	}
	if err := item.Read(); err != nil {
		panic(err)
	}
	return stats.Batch{Items: []stats.Item{item}}
}

// awaitWriter waits until a session waits for an advisory lock; it returns false if done
// has a value first.
func awaitWriter(ctx context.Context, store *Store, done <-chan error) (waits bool, err error) {
	for ; !waits && len(done) == 0; time.Sleep(time.Millisecond) {
		const query = `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
		if err := store.pool.QueryRow(ctx, query).Scan(&waits); err != nil {
			return false, err
		}
	}
	return waits, nil
}

// Writers read whether a client is local after they have the lock: an earlier answer may be
// outdated, and would count in the wrong rollup.
func TestWritersReadClientsAfterTheLock(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, s *Store, client stats.Client) error{
		"insert": func(ctx context.Context, s *Store, client stats.Client) error {
			_, err := s.InsertBatch(ctx, client, riskOf(2))
			return err
		},
		"delete": func(ctx context.Context, s *Store, _ stats.Client) error {
			_, err := s.DeleteStats(ctx, stats.Everything(), riskOf(1).Items[0].ANR, nil)
			return err
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			store, client := storeWithClient(t)
			if _, err := store.InsertBatch(ctx, client, riskOf(1)); err != nil {
				t.Fatal(err)
			}
			wrote, no := make(chan error, 1), false
			_, err := store.changeClientUnder(ctx, db.LockExclusive, client.UUID, func(w *writing, before db.Client) (db.Client, error) {
				after := before
				after.Local = no
				if err := w.recount(ctx, before, after); err != nil {
					return db.Client{}, err
				}
				go func() { wrote <- write(ctx, store, client) }()
				if waits, err := awaitWriter(ctx, store, wrote); err != nil || !waits {
					return db.Client{}, errors.Join(err, errors.New("nobody waits"))
				}
				return w.queries.UpdateClient(ctx, db.UpdateClientParams{UUID: client.UUID, Local: &no, UpdatedAt: client.UpdatedAt})
			})
			if err := errors.Join(err, <-wrote); err != nil {
				t.Fatal(err)
			}
			differences, err := store.RollupsAgree(ctx)
			if err != nil || len(differences) > 0 {
				t.Errorf("the rollups differ from the stats: %v, %v", differences, err)
			}
		})
	}
}

// A client must not become local or not local while a transaction adds to a rollup.
func TestUpdateLocalWaitsForWriters(t *testing.T) {
	t.Parallel()
	ctx, no := t.Context(), false
	store, client := storeWithClient(t)
	moved := make(chan error, 1)
	err := store.transact(ctx, func(*writing) error {
		go func() {
			_, err := store.UpdateClient(ctx, client.UUID, ClientChange{Local: &no})
			moved <- err
		}()
		waits, err := awaitWriter(ctx, store, moved)
		if err == nil && !waits {
			t.Error("the change did not wait")
		}
		return err
	})
	if err := errors.Join(err, <-moved); err != nil {
		t.Error(err)
	}
}
