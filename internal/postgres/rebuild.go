package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// deriveBatch bounds the documents in memory while observations are made.
	deriveBatch = 100
	// windowDays is how many days are added up at a time, which bounds memory.
	windowDays = 7
)

// Rebuilt is what Rebuild did.
type Rebuilt struct {
	Completed     int64 // stats that got observations, and count from now on
	Unprocessable int64 // stats that still do not validate
	Stats         int64 // stats in the rollups
}

// Rebuild makes everything derived that is missing or may be wrong: the
// observations and content ids of stats that have none, as in an adopted
// database, and then all rollups. Others may read and write meanwhile, and see
// the old rollups until the new ones are there.
//
// Interrupted, it leaves the old rollups and the observations made so far.
func (s *Store) Rebuild(ctx context.Context, progress Progress) (Rebuilt, error) {
	var done Rebuilt
	ids, err := s.queries.UnderivedStats(ctx)
	if err != nil {
		return done, fmt.Errorf("find stats without observations: %w", translate(ctx, err))
	}
	rows, err := s.queries.CountStats(ctx)
	if err != nil {
		return done, fmt.Errorf("count stats: %w", translate(ctx, err))
	}
	r := rebuilding{Store: s, total: int64(len(ids)) + rows, progress: progress}
	r.advance(0)
	if done.Completed, err = r.derive(ctx, ids); err != nil {
		return done, fmt.Errorf("make observations of stats: %w", translate(ctx, err))
	}
	if done.Stats, err = r.rollups(ctx); err != nil {
		return done, fmt.Errorf("rebuild the rollups: %w", translate(ctx, err))
	}
	done.Unprocessable, err = s.CountUnprocessable(ctx)
	return done, err
}

// rebuilding is one call of Rebuild.
type rebuilding struct {
	*Store
	progress    Progress
	done, total int64
}

func (r *rebuilding) advance(n int64) {
	r.done += n
	r.progress.tell(r.done, r.total)
}

// derive makes observations and content ids, and returns how many stats got
// observations.
func (r *rebuilding) derive(ctx context.Context, ids []uuid.UUID) (completed int64, err error) {
	for chunk := range slices.Chunk(ids, deriveBatch) {
		n, err := r.deriveChunk(ctx, chunk)
		if err != nil {
			return completed, err
		}
		completed += n
		r.advance(int64(len(chunk)))
	}
	return completed, nil
}

func (r *rebuilding) deriveChunk(ctx context.Context, ids []uuid.UUID) (completed int64, err error) {
	rows, err := r.queries.StatsToDerive(ctx, ids)
	if err != nil {
		return 0, err
	}
	contents := contentsOf(rows)
	observations, err := r.observationsOf(ctx, rows)
	if err != nil {
		return 0, err
	}
	err = r.transact(ctx, func(w *writing) error {
		if err := w.queries.SetContentIDs(ctx, contents); err != nil {
			return err
		}
		changed, err := w.queries.SetObservations(ctx, observations)
		if err != nil {
			return err
		}
		counted := make([]observedRow, len(changed))
		for i, row := range changed {
			counted[i] = observedRow(row)
		}
		completed = int64(len(changed))
		return w.added(ctx, counted)
	})
	return completed, err
}

func contentsOf(rows []db.StatsToDeriveRow) db.SetContentIDsParams {
	var params db.SetContentIDsParams
	for i := range rows {
		contentID, err := stats.ContentID(rows[i].ClientUuid, derivable(&rows[i]))
		if err != nil {
			contentID = rows[i].UUID // what has no canonical form is equal to nothing
		}
		params.UUIDs = append(params.UUIDs, rows[i].UUID)
		params.ContentIDs = append(params.ContentIDs, contentID)
	}
	return params
}

// observationsOf leaves out rows that do not validate.
func (r *rebuilding) observationsOf(ctx context.Context, rows []db.StatsToDeriveRow) (params db.SetObservationsParams, err error) {
	var items []Item
	for i := range rows {
		stat := derivable(&rows[i])
		observations, err := stats.Observations(stat.Type, stat.Data)
		if err == nil {
			items = append(items, Item{Stat: stat, Observations: observations})
		}
	}
	packed, err := r.packItems(ctx, items)
	if err != nil {
		return params, err
	}
	for i, item := range items {
		params.UUIDs = append(params.UUIDs, item.Stat.UUID)
		params.Observations = append(params.Observations, packed[i])
	}
	return params, nil
}

func derivable(row *db.StatsToDeriveRow) stats.Stat {
	return stats.Stat{UUID: row.UUID, ANR: row.ANR, Type: processor.Type(row.Type), Date: row.Date, Data: row.Data}
}

// rollups replaces all rollups, and returns how many stats they are of.
//
// It adds up one snapshot of the database, in which each stat is there together
// with its delta, and replaces by that the rollups and the deltas of the
// snapshot. What is written meanwhile leaves deltas that the snapshot does not
// have, and which therefore stay. Nobody may fold from before the snapshot until
// the end; the lock has to be held by the session, since a transaction's
// snapshot is as old as the statement that would take it.
func (r *rebuilding) rollups(ctx context.Context) (rows int64, err error) {
	conn, err := pgx.ConnectConfig(ctx, r.pool.Config().ConnConfig)
	if err != nil {
		return 0, err
	}
	defer closeSoon(ctx, conn)
	if err := db.New(conn).LockSession(ctx, foldLock); err != nil {
		return 0, err
	}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
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
		sums := totals{}
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

// addRows adds the stats of the window that starts with day to sums, and
// returns how many there are.
func addRows(ctx context.Context, tx pgx.Tx, sums totals, day time.Time) (n int64, err error) {
	rows, err := tx.Query(ctx, db.ObservationsBetween, day, lastOfWindow(day))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var key rollupKey
		var packed pgtype.DriverBytes
		if err := rows.Scan(&key.typ, &key.date, &key.local, &packed); err != nil {
			return n, err
		}
		key.date = key.date.UTC()
		_ = sums.add(key, observed, packed, 1) // what does not unpack does not count
	}
	return n, rows.Err()
}

func lastOfWindow(day time.Time) time.Time { return day.AddDate(0, 0, windowDays-1) }
