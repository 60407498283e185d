// SPDX-License-Identifier: AGPL-3.0-or-later

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
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/postgres/replica"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// transactAttempts bounds the attempts of a transaction that keeps conflicting with
	// others.
	transactAttempts = 6
	// sharedAttempts of them run concurrently with others; the rest lock others out.
	sharedAttempts = 4
	retryPause     = 20 * time.Millisecond
	// reconnectInterval limits reconnecting to a database that stays read-only.
	reconnectInterval = time.Second
)

// countingLock is shared by all writers. It is held exclusively to change where the
// stats of a client count or what documents measure, so that everybody adds a stat to
// the rollup from which it is later removed.
var countingLock = lockKey("where stats count")

// writing is one attempt at a transaction that changes stats or clients. It collects
// changes for rollups, listeners and the audit log.
type writing struct {
	conn        *pgxpool.Conn
	distributed bool
	pooled      bool
	queries     *db.Queries
	now         func() time.Time
	totals      rollup.Totals
	clients     map[int64]counting // by id, as far as known
	changed     map[Change]bool
	events      []audit.Event // for the audit log
}

// counting says where the stats of a client count.
type counting struct {
	local     bool
	processed bool // or nowhere
}

// nobody is the client id of stats without a client.
const nobody int64 = 0

// transact runs fn in a transaction, again from the start if it lost against another
// one. Errors are those of the driver or of fn. Read committed lets a statement see the
// row that caused a conflict in an earlier one.
func (s *shared) transact(ctx context.Context, fn func(w *writing) error) error {
	return s.transactLocked(ctx, db.LockShared, nil, fn)
}

// transactLocked also runs the statements that open queues, right after the transaction
// has begun and in the same round trip. After some attempts it takes the lock
// exclusively: then it cannot lose.
func (s *shared) transactLocked(ctx context.Context, lock string, open func(*pgx.Batch, *writing), fn func(w *writing) error) error {
	if open == nil {
		open = func(start *pgx.Batch, w *writing) {
			if w.distributed {
				start.Queue(sequentially)
			}
		}
	}
	for attempt := 1; ; attempt++ {
		if attempt > sharedAttempts {
			lock = db.LockExclusive
		}
		appended, err := s.attempt(ctx, lock, open, fn)
		if err == nil {
			s.mergeWhenDue(ctx, appended)
			return nil
		}
		if sqlState(err) == codeReadOnly && s.reconnect() {
			continue
		}
		if !isRetryable(err) || attempt == transactAttempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// reconnect replaces the connections, unless it did so a moment ago: after a failover,
// old connections may lead to a former primary that is now a standby.
func (s *shared) reconnect() bool {
	last, now := s.reconnected.Load(), time.Now().UnixNano()
	if now-last < int64(reconnectInterval) || !s.reconnected.CompareAndSwap(last, now) {
		return false
	}
	s.pool.Reset()
	return true
}

// attempt runs fn in a transaction and returns the number of deltas that it appended.
// The statements before and after those of fn are batched: a small post takes three
// round trips.
func (s *shared) attempt(ctx context.Context, lock string, open func(*pgx.Batch, *writing), fn func(w *writing) error) (appended int, err error) {
	distributed, err := s.distributed(ctx)
	if err != nil {
		return 0, err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release() // discards a connection that is still in a transaction
	w := &writing{
		conn: conn, pooled: s.pooled, distributed: distributed, queries: db.New(conn), now: s.timestamp, totals: rollup.Totals{}, changed: map[Change]bool{},
		clients: map[int64]counting{nobody: {processed: true}},
	}
	if err = w.begin(ctx, lock, open); err == nil {
		if err = fn(w); err == nil {
			appended, err = w.commit(ctx, s.replicas)
		}
	}
	if err != nil {
		rollback(ctx, conn)
		return 0, err
	}
	return appended, nil
}

// begin takes the lock before any other statement.
func (w *writing) begin(ctx context.Context, lock string, open func(*pgx.Batch, *writing)) error {
	var batch pgx.Batch
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
	if w.pooled {
		batch.Queue(transactionSettings)
	}
	batch.Queue(lock, countingLock)
	open(&batch, w)
	return w.send(ctx, &batch)
}

// send runs statements in one round trip.
func (w *writing) send(ctx context.Context, batch *pgx.Batch) error {
	return w.conn.SendBatch(ctx, inForm(batch, w.distributed)).Close()
}

// commit appends deltas and audit entries, announces the changes and commits.
func (w *writing) commit(ctx context.Context, replicas *replica.Replicas) (appended int, err error) {
	rows, err := w.totals.Rows()
	if err != nil {
		return 0, err
	}
	var batch pgx.Batch
	if len(rows) > 0 {
		c := columnsOf(rows)
		batch.Queue(db.AppendDeltas, c.Types, c.Dates, c.Locals, c.Packed)
	}
	queueAudit(&batch, w.events)
	if len(w.changed) > 0 {
		batch.Queue(db.Notify, channel, slices.Sorted(maps.Keys(w.changed)))
	} else { // the commit of the rows that were found may not have reached any replica
		batch.Queue(db.AwaitStandby)
	}
	batch.Queue("COMMIT")
	return len(rows), replicas.Commit(ctx, w.conn, &batch)
}

// rollback rolls back, even if ctx has ended.
func rollback(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK") // or the connection is discarded
}

// pause waits a little longer after each attempt, with jitter, so that two transactions
// do not collide again.
func pause(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryPause*time.Duration(attempt) + rand.N(retryPause)):
		return nil
	}
}

// findClients looks up where the stats of clients count.
func (w *writing) findClients(ctx context.Context, ids []int64) error {
	var batch pgx.Batch
	w.queueClients(&batch, ids)
	return w.send(ctx, &batch)
}

// queueClients queues a lookup of where the stats of clients count. ids may have
// duplicates.
func (w *writing) queueClients(batch *pgx.Batch, ids []int64) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	batch.Queue(db.ClientsCounted, ids).Query(func(rows pgx.Rows) error {
		var id int64
		var c counting
		_, err := pgx.ForEachRow(rows, []any{&id, &c.local, &c.processed}, func() error {
			w.clients[id] = c
			return nil
		})
		return err
	})
}

// count adds a document's observations to a day times times; a negative number removes
// them. The client must be known.
func (w *writing) count(client int64, t stats.Type, day rollup.Day, packed []byte, times int64) {
	w.changed[Change(t)] = true
	if c := w.clients[client]; c.processed {
		// Damaged observations were never counted, here or by readers.
		_ = w.totals.Observe(rollup.Key{Type: t, Day: day, Local: c.local}, packed, times)
	}
}

// deletedRow is a row of the statements that delete stats.
type deletedRow = db.DeleteStatsRow

// deleted removes deleted stats from the rollups, and deletes documents that are no
// longer referenced. It has to run before their client is deleted.
func (w *writing) deleted(ctx context.Context, rows []deletedRow) error {
	if len(rows) == 0 {
		return nil
	}
	keys := map[stats.DocumentKey]bool{}
	clients := make([]int64, len(rows))
	for i := range rows {
		keys[keyOf(rows[i].ANR, rows[i].Digest)] = true
		clients[i] = rows[i].ClientID
	}
	sorted := sortedKeys(maps.Keys(keys))
	observations := map[stats.DocumentKey][]byte{}
	var batch pgx.Batch
	w.queueClients(&batch, clients)
	queueStored(&batch, sorted, func(key stats.DocumentKey, found storedDocument) { observations[key] = found.observations })
	queueUnreferenced(&batch, sorted)
	if err := w.send(ctx, &batch); err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		w.count(row.ClientID, stats.Type(row.Type), rollup.DayOf(row.Date), observations[keyOf(row.ANR, row.Digest)], -1)
	}
	return nil
}
