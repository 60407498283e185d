package postgres

import (
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// A client must not change sides while a transaction adds to one of them.
func TestSetLocalWaitsForWriters(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store, err := Open(ctx, Options{URL: pgtest.New(t), Secret: secret.New("secret key of the tests")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	client, err := store.CreateClient(ctx, stats.Client{Name: "client", Local: true})
	if err != nil {
		t.Fatal(err)
	}
	moved := make(chan error, 1)
	err = store.transact(ctx, func(*writing) error {
		go func() {
			_, err := store.SetLocal(ctx, client.UUID, false)
			moved <- err
		}()
		for waiting := false; !waiting; time.Sleep(time.Millisecond) {
			const query = `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
			if err := store.pool.QueryRow(ctx, query).Scan(&waiting); err != nil {
				return err
			}
			select {
			case err := <-moved:
				t.Errorf("SetLocal did not wait: %v", err)
				moved <- nil
				return nil
			default:
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err != nil {
		t.Error(err)
	}
}
