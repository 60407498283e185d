package postgres

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
)

const (
	// transactAttempts is how often a transaction is tried that keeps losing
	// against others.
	transactAttempts = 5
	retryPause       = 20 * time.Millisecond
)

// localsLock is shared by all who write and held alone by who changes whether a
// client is local, so that everybody adds stats to the same rollup that they are
// taken from.
var localsLock = lockKey("which clients are local")

// writing is one attempt at a transaction that changes stats or clients. It
// notes what changes, for the rollups and for those who listen.
type writing struct {
	queries *db.Queries
	totals  totals
	locals  map[int64]bool // by client id, as far as known
	changed map[Change]bool
}

// observedRow is a row of stats as far as rollups are concerned. It has the form
// of what the statements that delete return.
type observedRow = db.DeleteStatsRow

// transact runs fn in a transaction, again from the start when it lost against
// another one. Errors are the driver's or fn's. Read committed is what lets a
// statement see the row on which an earlier one found a conflict.
func (s *Store) transact(ctx context.Context, fn func(w *writing) error) error {
	return s.transactLocked(ctx, (*db.Queries).LockShared, fn)
}

// transactAlone is transact while nobody else is in it.
func (s *Store) transactAlone(ctx context.Context, fn func(w *writing) error) error {
	return s.transactLocked(ctx, (*db.Queries).LockExclusive, fn)
}

func (s *Store) transactLocked(ctx context.Context, lock func(*db.Queries, context.Context, int64) error, fn func(w *writing) error) error {
	for attempt := 1; ; attempt++ {
		w := &writing{totals: totals{}, locals: map[int64]bool{}, changed: map[Change]bool{}}
		err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			w.queries = s.queries.WithTx(tx)
			if err := lock(w.queries, ctx, localsLock); err != nil {
				return err
			}
			if err := fn(w); err != nil {
				return err
			}
			return w.finish(ctx)
		})
		if err == nil {
			s.foldWhenDue(ctx, len(w.totals))
			return nil
		}
		if !isRetryable(err) || attempt == transactAttempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// pause waits a little longer after each attempt, at random, so that two
// transactions that collided do not collide again.
func pause(ctx context.Context, attempt int) error {
	wait := retryPause*time.Duration(attempt) + rand.N(retryPause)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// added notes that rows were inserted, or got observations.
func (w *writing) added(ctx context.Context, rows []observedRow) error { return w.count(ctx, rows, 1) }

// removed notes that rows were deleted. It belongs before the deletion of their
// client.
func (w *writing) removed(ctx context.Context, rows []observedRow) error {
	return w.count(ctx, rows, -1)
}

func (w *writing) count(ctx context.Context, rows []observedRow, sign int64) error {
	if err := w.findLocals(ctx, rows); err != nil {
		return err
	}
	for _, row := range rows {
		w.changed[Change(row.Type)] = true
		key := rollupKey{row.Type, row.Date.UTC(), w.locals[row.ClientID]}
		// What does not unpack has never been counted, here or by readers.
		_ = w.totals.add(key, observed, row.Observations, sign)
	}
	return nil
}

// findLocals finds out which of the rows' clients are local.
func (w *writing) findLocals(ctx context.Context, rows []observedRow) error {
	unknown := map[int64]bool{}
	for _, row := range rows {
		if _, known := w.locals[row.ClientID]; !known {
			unknown[row.ClientID] = true
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	clients, err := w.queries.ClientsLocal(ctx, slices.Sorted(maps.Keys(unknown)))
	for _, client := range clients {
		w.locals[client.ID] = client.Local
	}
	return err
}

// finish appends what changed to the deltas and announces it at the commit.
func (w *writing) finish(ctx context.Context) error {
	params, err := w.totals.packed()
	if err != nil {
		return err
	}
	if len(params.types) > 0 {
		err := w.queries.AppendDeltas(ctx, db.AppendDeltasParams{
			Types: params.types, Dates: params.dates, Locals: params.locals, Packed: params.packed,
		})
		if err != nil {
			return err
		}
	}
	return notify(ctx, w.queries, slices.Sorted(maps.Keys(w.changed)))
}
