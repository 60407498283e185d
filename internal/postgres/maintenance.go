// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/stats"
)

// deletionBatch bounds the stats that one transaction deletes: others do not wait long,
// and an interruption loses little work.
const deletionBatch = 1_000

// Progress is called after each step of long work with the number of processed stats
// and the total at the start. It may be nil.
type Progress func(done, total int64)

func (p Progress) tell(done, total int64) {
	if p != nil {
		p(done, max(done, total))
	}
}

// CountStatsOfClient returns how many stats DeleteStatsOfClient would delete. The error
// for an unknown client is stats.ErrNotFound.
func (s ClientStore) CountStatsOfClient(ctx context.Context, id uuid.UUID) (int64, error) {
	client, err := s.ClientByUUID(ctx, id)
	if err != nil {
		return 0, err
	}
	n, err := s.queries.CountStatsOfClient(ctx, client.ID)
	if err != nil {
		return 0, fmt.Errorf("count stats of client %s: %w", id, translate(ctx, err))
	}
	return n, nil
}

// DeleteStatsOfClient deletes all stats of the client, but not the client, and returns
// their number. It also deletes its pull positions, so that the next pull fetches the
// stats again. It works in batches: beside the error of an interruption, it returns how
// many were deleted. The error for an unknown client is stats.ErrNotFound.
func (s ClientStore) DeleteStatsOfClient(ctx context.Context, id uuid.UUID, progress Progress) (deleted int64, err error) {
	client, err := s.ClientByUUID(ctx, id)
	if err != nil {
		return 0, err
	}
	total, err := s.CountStatsOfClient(ctx, id)
	if err != nil {
		return 0, err
	}
	// First, so that an interruption cannot leave a position before a gap.
	err = s.transact(ctx, func(w *writing) error {
		if err := w.queries.ForgetPullPositions(ctx, client.ID); err != nil {
			return err
		}
		return w.auditDeletion(ctx, audit.StatsDelete, audit.Client(id.String()), total, nil)
	})
	if err != nil {
		return 0, fmt.Errorf("delete the pull positions of client %s: %w", id, translate(ctx, err))
	}
	deleted, err = s.deleteBatches(ctx, total, progress, func() ([]statKey, error) {
		rows, err := s.queries.NextStatsOfClient(ctx, db.NextStatsOfClientParams{ClientID: client.ID, MaxRows: deletionBatch})
		return statKeys(rows), err
	})
	if err != nil {
		return deleted, fmt.Errorf("delete stats of client %s: %w", id, err)
	}
	return deleted, nil
}

// CountPurgeable returns how many stats PurgeStats would delete.
func (s Maintenance) CountPurgeable(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.queries.CountStatsBefore(ctx, before)
	if err != nil {
		return 0, fmt.Errorf("count stats before %s: %w", before.Format(time.DateOnly), translate(ctx, err))
	}
	return n, nil
}

// PurgeStats deletes all stats before a day, stores that day and returns the number of
// deleted stats. It works in batches like DeleteStatsOfClient.
func (s Maintenance) PurgeStats(ctx context.Context, before time.Time, progress Progress) (deleted int64, err error) {
	total, err := s.CountPurgeable(ctx, before)
	if err != nil {
		return 0, err
	}
	// First, so that nothing comes back after an interruption.
	err = s.transact(ctx, func(w *writing) error {
		if err := w.queries.RecordPurge(ctx, before); err != nil {
			return err
		}
		return w.auditDeletion(ctx, audit.StatsPurge, audit.AllStats, total, map[string]any{"before": before.Format(time.DateOnly)})
	})
	if err != nil {
		return 0, fmt.Errorf("record the purge before %s: %w", before.Format(time.DateOnly), translate(ctx, err))
	}
	deleted, err = s.deleteBatches(ctx, total, progress, func() ([]statKey, error) {
		rows, err := s.queries.NextStatsBefore(ctx, db.NextStatsBeforeParams{Before: before, MaxRows: deletionBatch})
		return statKeys(rows), err
	})
	if err != nil {
		return deleted, fmt.Errorf("purge stats before %s: %w", before.Format(time.DateOnly), err)
	}
	return deleted, nil
}

// PurgedBefore returns the latest day before which all stats were purged, or
// stats.ErrNotFound if there was no purge.
func (s Maintenance) PurgedBefore(ctx context.Context) (time.Time, error) {
	day, err := s.queries.PurgedBefore(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the day of the last purge: %w", translate(ctx, err))
	}
	return day, nil
}

// deleteBatches deletes what next returns, each batch in a transaction, until next
// returns nothing.
func (s *shared) deleteBatches(ctx context.Context, total int64, progress Progress, next func() ([]statKey, error)) (deleted int64, err error) {
	progress.tell(0, total)
	for {
		batch, err := next()
		if err != nil || len(batch) == 0 {
			return deleted, translate(ctx, err)
		}
		var n int64
		err = s.transact(ctx, func(w *writing) (err error) {
			n, err = w.deleteStats(ctx, batch)
			return err
		})
		if err != nil {
			return deleted, translate(ctx, err)
		}
		deleted += n
		progress.tell(deleted, total)
	}
}

// statKey identifies a stat, also in distributed tables.
type statKey struct{ ANR, UUID uuid.UUID }

// statKeys converts rows of queries to keys.
func statKeys[R ~struct{ ANR, UUID uuid.UUID }](rows []R) []statKey {
	keys := make([]statKey, len(rows))
	for i, row := range rows {
		keys[i] = statKey(row)
	}
	return keys
}

// deleteStats deletes those of the stats that still exist.
func (w *writing) deleteStats(ctx context.Context, keys []statKey) (deleted int64, err error) {
	var p db.DeleteStatsByKeyParams
	for _, key := range keys {
		p.ANRs, p.UUIDs = append(p.ANRs, key.ANR), append(p.UUIDs, key.UUID)
	}
	found, err := w.queries.DeleteStatsByKey(ctx, p)
	if err != nil {
		return 0, err
	}
	rows := make([]deletedRow, len(found))
	for i, row := range found {
		rows[i] = deletedRow(row)
	}
	return int64(len(rows)), w.deleted(ctx, rows)
}

// DuplicateQuery selects the stats among which to look for duplicates: stats of one
// client with the same analysis, type, date and document. The one that was stored first
// stays, the others are duplicates.
type DuplicateQuery struct {
	Type  stats.Type // empty: every type
	Since time.Time  // the first day; zero: from the beginning
}

// CountDuplicates returns how many stats RemoveDuplicates would delete.
func (s Maintenance) CountDuplicates(ctx context.Context, query DuplicateQuery) (n int64, err error) {
	err = s.eachRepeated(ctx, query, func(anr uuid.UUID) error {
		duplicates, err := duplicatesOf(ctx, s.queries, query, anr)
		n += int64(len(duplicates))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("count duplicate stats: %w", translate(ctx, err))
	}
	return n, nil
}

// RemoveDuplicates deletes the duplicates and returns their number. It works in batches
// like DeleteStatsOfClient.
func (s Maintenance) RemoveDuplicates(ctx context.Context, query DuplicateQuery, progress Progress) (deleted int64, err error) {
	total, err := s.CountDuplicates(ctx, query)
	if err != nil {
		return 0, err
	}
	progress.tell(0, total)
	err = s.transact(ctx, func(w *writing) error {
		return w.auditDeletion(ctx, audit.StatsDelete, audit.AllStats, total, map[string]any{"duplicates": true})
	})
	if err != nil {
		return 0, fmt.Errorf("remove duplicate stats: %w", translate(ctx, err))
	}
	err = s.eachRepeated(ctx, query, func(anr uuid.UUID) error {
		n, err := s.removeDuplicates(ctx, query, anr)
		deleted += n
		progress.tell(deleted, total)
		return err
	})
	if err != nil {
		return deleted, fmt.Errorf("remove duplicate stats: %w", translate(ctx, err))
	}
	return deleted, nil
}

func (s *shared) removeDuplicates(ctx context.Context, query DuplicateQuery, anr uuid.UUID) (deleted int64, err error) {
	err = s.transact(ctx, func(w *writing) error {
		duplicates, err := duplicatesOf(ctx, w.queries, query, anr)
		if err != nil {
			return err
		}
		deleted, err = w.deleteStats(ctx, duplicates)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// eachRepeated calls fn with the analyses that have duplicates.
func (s *shared) eachRepeated(ctx context.Context, query DuplicateQuery, fn func(anr uuid.UUID) error) error {
	anrs, err := s.queries.RepeatedAnalyses(ctx, db.RepeatedAnalysesParams{Type: typeFilter(query.Type), DateFrom: dateFilter(query.Since)})
	for _, anr := range anrs {
		if err := fn(anr); err != nil {
			return err
		}
	}
	return err
}

// duplicatesOf returns the stats of an analysis that repeat an older one.
func duplicatesOf(ctx context.Context, queries *db.Queries, query DuplicateQuery, anr uuid.UUID) ([]statKey, error) {
	rows, err := queries.RepeatedStats(ctx, db.RepeatedStatsParams{ANR: anr, Type: typeFilter(query.Type), DateFrom: dateFilter(query.Since)})
	return statKeys(rows), err
}

// ListLast calls fn with the newest stat of each client, analysis and type, in this
// order, without Data. It stops at the first error of fn, and returns it unchanged.
func (s StatStore) ListLast(ctx context.Context, fn func(stats.Stat) error) error {
	rows, err := primaryDB(s).Query(ctx, db.NewestStats)
	if err != nil {
		return fmt.Errorf("list the newest stats: %w", translate(ctx, err))
	}
	defer rows.Close()
	for rows.Next() {
		var stat stats.Stat
		err := rows.Scan(&stat.UUID, &stat.ANR, &stat.Type, &stat.Date, &stat.CreatedAt, &stat.ClientID)
		if err != nil {
			return fmt.Errorf("list the newest stats: %w", translate(ctx, err))
		}
		stat.CreatedAt = stat.CreatedAt.UTC()
		if err := fn(stat); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list the newest stats: %w", translate(ctx, err))
	}
	return nil
}
