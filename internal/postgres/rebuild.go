// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
)

// windowDays is the number of days that are added up at once, which bounds memory.
const windowDays = 7

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	Completed     int64 // documents that got observations; their stats count from now on
	Corrected     int64 // documents whose observations did not match their data, or could not be read
	Unprocessable int64 // stats that do not validate, and do not count
	Stats         int64 // stats in the rollups
}

// Rebuild recomputes everything that is derived from the data of stats: the
// observations of each document and then all rollups. Others may read and write
// meanwhile, and see the old rollups until the end. While rollups of distributed tables
// are computed, writers have to wait.
//
// After an interruption, the old rollups and the new observations so far remain.
func (s Maintenance) Rebuild(ctx context.Context, progress Progress) (Rebuilt, error) {
	documents, err := s.queries.CountDocuments(ctx)
	if err != nil {
		return Rebuilt{}, fmt.Errorf("count documents: %w", translate(ctx, err))
	}
	rows, err := s.queries.CountStats(ctx)
	if err != nil {
		return Rebuilt{}, fmt.Errorf("count stats: %w", translate(ctx, err))
	}
	r := rebuilding{shared: s.shared, steps: documents + rows, progress: progress}
	r.advance(0)
	if err := r.derive(ctx); err != nil {
		return r.Rebuilt, fmt.Errorf("compute the observations of documents: %w", translate(ctx, err))
	}
	if r.Stats, err = r.rollups(ctx); err != nil {
		return r.Rebuilt, fmt.Errorf("rebuild the rollups: %w", translate(ctx, err))
	}
	r.Unprocessable, err = s.CountUnprocessable(ctx)
	return r.Rebuilt, err
}

// rebuilding is one call of Rebuild. Each document is a step, and so is adding up each
// stat.
type rebuilding struct {
	*shared
	Rebuilt
	progress    Progress
	done, steps int64
}

func (r *rebuilding) advance(n int64) {
	r.done += n
	r.progress.tell(r.done, r.steps)
}

// rollups replaces all rollups, and returns the number of stats in them.
//
// It adds up the stats of one snapshot, and replaces the rollups and deltas of that
// snapshot with the result. Writes after the snapshot append deltas that are not in it,
// and these stay. No other process may merge from before the snapshot until the end.
// Another transaction holds the lock for that: the statement that takes a lock also takes
// the snapshot of its transaction, before it gets the lock. On distributed tables,
// writers wait, see inOneState.
func (r *rebuilding) rollups(ctx context.Context) (rows int64, err error) {
	err = r.inOneState(ctx, pgx.ReadWrite, []int64{mergeLock}, func(tx pgx.Tx) error {
		rows, err = r.replaceRollups(ctx, tx)
		return err
	})
	return rows, err
}

func (r *rebuilding) replaceRollups(ctx context.Context, tx pgx.Tx) (rows int64, err error) {
	queries := db.New(tx)
	if err := queries.ClearRollups(ctx); err != nil {
		return 0, err
	}
	if err := queries.ClearDeltas(ctx); err != nil {
		return 0, err
	}
	for day := (time.Time{}); ; day = day.AddDate(0, 0, windowDays) {
		day, err = queries.FirstStatsDay(ctx, day)
		if errors.Is(err, pgx.ErrNoRows) {
			break
		}
		if err != nil {
			return 0, err
		}
		sums := rollup.Totals{}
		n, err := addRows(ctx, tx, sums, day)
		if err != nil {
			return 0, err
		}
		if err := putRollups(ctx, queries, sums); err != nil {
			return 0, err
		}
		rows += n
		r.advance(n)
	}
	if err := queries.SetRollupsComplete(ctx); err != nil {
		return 0, err
	}
	return rows, notify(ctx, queries, []Change{ChangeEverything})
}

// addRows adds the stats of the window that starts with day to sums, and returns their
// number. It leaves out those of muted clients.
func addRows(ctx context.Context, tx pgx.Tx, sums rollup.Totals, day time.Time) (n int64, err error) {
	rows, err := tx.Query(ctx, db.ObservationsBetween, day, lastOfWindow(day))
	if err != nil {
		return 0, err
	}
	var key rollup.Key
	err = eachDocument(rows, []any{&key.Type, &key.Local}, func(days []rollup.Day, packed []byte) {
		n += int64(len(days))
		for _, key.Day = range days {
			_ = sums.Observe(key, packed, 1) // damaged observations do not count
		}
	})
	return n, err
}

func lastOfWindow(day time.Time) time.Time { return day.AddDate(0, 0, windowDays-1) }
