package postgres

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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
	conn    *pgxpool.Conn
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
	return s.transactLocked(ctx, db.LockShared, nil, fn)
}

// transactLocked also runs the statements that open queues, if it is not nil,
// right after the transaction has begun and in the same round trip.
func (s *Store) transactLocked(ctx context.Context, lock string, open func(*pgx.Batch, *writing), fn func(w *writing) error) error {
	for attempt := 1; ; attempt++ {
		appended, err := s.attempt(ctx, lock, open, fn)
		if err == nil {
			s.foldWhenDue(ctx, appended)
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

// attempt runs fn in a transaction and returns how many deltas it appended. The
// statements before and after those of fn travel together: a small post is over
// in three round trips.
func (s *Store) attempt(ctx context.Context, lock string, open func(*pgx.Batch, *writing), fn func(w *writing) error) (appended int, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release() // which discards a connection that is still in a transaction
	w := &writing{conn: conn, queries: db.New(conn), totals: totals{}, locals: map[int64]bool{}, changed: map[Change]bool{}}
	if err = w.begin(ctx, conn, lock, open); err == nil {
		if err = fn(w); err == nil {
			appended, err = w.commit(ctx, conn, s.replicas)
		}
	}
	if err != nil {
		rollback(ctx, conn)
		return 0, err
	}
	return appended, nil
}

// begin takes the lock before it looks at anything.
func (w *writing) begin(ctx context.Context, conn *pgxpool.Conn, lock string, open func(*pgx.Batch, *writing)) error {
	var batch pgx.Batch
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
	batch.Queue(lock, localsLock)
	if open != nil {
		open(&batch, w)
	}
	return conn.SendBatch(ctx, &batch).Close()
}

// queueLocal has the batch look whether the client is local, which saves looking
// when its stats are counted.
func (w *writing) queueLocal(batch *pgx.Batch, clientID int64) {
	batch.Queue(db.ClientsLocal, []int64{clientID}).Query(func(rows pgx.Rows) error {
		var id int64
		var local bool
		_, err := pgx.ForEachRow(rows, []any{&id, &local}, func() error {
			w.locals[id] = local
			return nil
		})
		return err
	})
}

// commit appends what changed to the deltas, announces it and commits.
func (w *writing) commit(ctx context.Context, conn *pgxpool.Conn, replicas *replicas) (appended int, err error) {
	deltas, err := w.totals.packed()
	if err != nil {
		return 0, err
	}
	var batch pgx.Batch
	if len(deltas.types) > 0 {
		batch.Queue(db.AppendDeltas, deltas.types, deltas.dates, deltas.locals, deltas.packed)
	}
	if len(w.changed) > 0 {
		batch.Queue(db.Notify, channel, slices.Sorted(maps.Keys(w.changed)))
	}
	batch.Queue("COMMIT")
	if replicas != nil {
		return len(deltas.types), replicas.horizon.commit(ctx, conn, &batch)
	}
	return len(deltas.types), conn.SendBatch(ctx, &batch).Close()
}

// rollback ends the transaction also when ctx has ended.
func rollback(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK") // or the connection is discarded
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

// send runs statements in a single round trip.
func (w *writing) send(ctx context.Context, batch *pgx.Batch) error {
	return w.conn.SendBatch(ctx, batch).Close()
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
