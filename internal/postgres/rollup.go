// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// columnsOf returns rows of rollup or rollup_delta as columns.
func columnsOf(rows []rollup.Row) (c db.PutRollupsParams) {
	for _, row := range rows {
		c.Types, c.Dates = append(c.Types, string(row.Type)), append(c.Dates, row.Day.Date())
		c.Locals, c.Packed = append(c.Locals, row.Local), append(c.Packed, row.Packed)
	}
	return c
}

func rollupKey(t string, date time.Time, local bool) rollup.Key {
	return rollup.Key{Type: stats.Type(t), Day: rollup.DayOf(date), Local: local}
}

// rollupsComplete reports whether rollups and deltas cover all stats. Once they do,
// they always will.
func (s *shared) rollupsComplete(ctx context.Context, source db.DBTX) (bool, error) {
	if s.complete.Load() {
		return true, nil
	}
	complete, err := db.New(source).RollupsComplete(ctx)
	if err != nil {
		return false, translate(ctx, err)
	}
	s.complete.Store(complete)
	return complete, nil
}

// addRollups reads rollups and their unmerged deltas.
func (s *shared) addRollups(ctx context.Context, source db.DBTX, filter stats.Filter, sums *rollup.Accumulator) error {
	rows, err := source.Query(ctx, db.RollupsByDay,
		string(filter.Type), dateFilter(filter.DateFrom), dateFilter(filter.DateTo), filter.LocalStatsOnly)
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var date time.Time
		var packed pgtype.DriverBytes
		if err := rows.Scan(&date, &packed); err != nil {
			return translate(ctx, err)
		}
		if err := sums.Merge(rollup.DayOf(date), packed); err != nil {
			return fmt.Errorf("read the rollup of %s: %w: run the command db_rebuild", date.Format(time.DateOnly), err)
		}
	}
	if err := rows.Err(); err != nil {
		return translate(ctx, err)
	}
	s.warnUnprocessable(ctx, source, filter.Type)
	return nil
}

// warnUnprocessable warns of stats that no rollup covers, the first time that rollups of
// the type are read. If counting them fails, it logs that, and reading continues: rollups
// do not need the nodes that store documents.
func (s *shared) warnUnprocessable(ctx context.Context, source db.DBTX, t stats.Type) {
	if _, warned := s.warned.Load(t); warned {
		return
	}
	n, err := db.New(source).CountUnprocessableOfType(ctx, string(t))
	if err != nil {
		s.log.DebugContext(ctx, "counting stats that no rollup covers failed; will retry", slog.Any("error", translate(ctx, err)))
		return
	}
	s.warnLeftOut(ctx, t, int(n))
	s.warned.Store(t, true)
}

const (
	// mergeThreshold is the number of appended deltas after which a process merges, so
	// that readers have few to add up.
	mergeThreshold = 128
	// mergeBatch bounds the deltas that one transaction merges.
	mergeBatch = 1_000
	// mergeTimeout bounds one merge by KeepMerging: the database may stall.
	mergeTimeout = time.Minute
)

// mergeLock is held while rollups are changed.
var mergeLock = lockKey("merge deltas into rollups")

// KeepMerging merges deltas at every interval, and when this process has appended many,
// until ctx ends. It logs failures and retries. Without KeepMerging, the caller that
// appends the mergeThreshold-th delta merges before it returns.
func (s Maintenance) KeepMerging(ctx context.Context, interval time.Duration) {
	s.keepsMerging.Store(true)
	defer s.keepsMerging.Store(false)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.mergeDue:
		}
		limited, cancel := context.WithTimeout(ctx, mergeTimeout)
		s.merge(limited)
		cancel()
	}
}

// mergeWhenDue merges deltas if this process has appended enough, or has KeepMerging
// do it.
func (s *shared) mergeWhenDue(ctx context.Context, appended int) {
	if s.appended.Add(int64(appended)) < mergeThreshold {
		return
	}
	s.appended.Store(0)
	if !s.keepsMerging.Load() {
		s.merge(ctx)
		return
	}
	select {
	case s.mergeDue <- struct{}{}:
	default: // KeepMerging has been notified already
	}
}

// merge only logs a failure: what was written is committed already, and the next merge
// makes up for it.
func (s *shared) merge(ctx context.Context) {
	if err := (Maintenance{s}).MergeDeltas(ctx); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.log.WarnContext(ctx, "merging rollup deltas failed; will retry", slog.Any("error", err))
	}
}

// MergeDeltas merges deltas into the rollups, unless another process is doing so.
// Results are right without it, but take longer the more deltas there are.
func (s Maintenance) MergeDeltas(ctx context.Context) error {
	for {
		n, err := s.mergeBatch(ctx)
		if err != nil {
			return fmt.Errorf("merge rollup deltas: %w", translate(ctx, err))
		}
		if n < mergeBatch {
			return nil
		}
	}
}

// mergeBatch merges some deltas and returns their number, 0 if another process merges.
func (s *shared) mergeBatch(ctx context.Context) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		queries := s.queries.WithTx(tx)
		alone, err := queries.TryLockExclusive(ctx, mergeLock)
		if err != nil || !alone {
			return err
		}
		deltas, err := queries.OldestDeltas(ctx, mergeBatch)
		if err != nil || len(deltas) == 0 {
			return err
		}
		n = len(deltas)
		return mergeRows(ctx, queries, deltas)
	})
	return n, err
}

func mergeRows(ctx context.Context, queries *db.Queries, deltas []db.RollupDelta) error {
	totals, ids := rollup.Totals{}, make([]int64, len(deltas))
	for i, delta := range deltas {
		ids[i] = delta.ID
		if err := totals.Merge(rollupKey(delta.Type, delta.Date, delta.Local), delta.Packed, 1); err != nil {
			return fmt.Errorf("delta %d: %w", delta.ID, err)
		}
	}
	if err := mergeStored(ctx, queries, totals); err != nil {
		return err
	}
	if err := putRollups(ctx, queries, totals); err != nil {
		return err
	}
	return queries.DeleteDeltas(ctx, ids)
}

// mergeStored adds the stored rollups of the same keys to totals.
func mergeStored(ctx context.Context, queries *db.Queries, totals rollup.Totals) error {
	var wanted db.RollupsParams
	for _, key := range totals.Keys() {
		wanted.Types, wanted.Dates = append(wanted.Types, string(key.Type)), append(wanted.Dates, key.Day.Date())
		wanted.Locals = append(wanted.Locals, key.Local)
	}
	rollups, err := queries.Rollups(ctx, wanted)
	if err != nil {
		return err
	}
	for _, r := range rollups {
		if err := totals.Merge(rollupKey(r.Type, r.Date, r.Local), r.Packed, 1); err != nil {
			return fmt.Errorf("rollup of %s on %s: %w", r.Type, r.Date.Format(time.DateOnly), err)
		}
	}
	return nil
}

// putRollups replaces the rollups of the same keys with totals. It deletes empty ones.
func putRollups(ctx context.Context, queries *db.Queries, totals rollup.Totals) error {
	rows, err := totals.Rows()
	if err != nil {
		return err
	}
	if err := queries.PutRollups(ctx, columnsOf(rows)); err != nil {
		return err
	}
	stored := map[rollup.Key]bool{}
	for _, row := range rows {
		stored[row.Key] = true
	}
	for key := range totals {
		if stored[key] {
			continue
		}
		err := queries.DeleteRollup(ctx, db.DeleteRollupParams{Type: string(key.Type), Date: key.Day.Date(), Local: key.Local})
		if err != nil {
			return err
		}
	}
	return nil
}
