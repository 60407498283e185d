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
	"github.com/monarc-project/stats-service/internal/stats"
)

// Difference is a rollup that differs from the sum of its stats.
type Difference struct {
	Type  stats.Type
	Date  time.Time
	Local bool // the rollup of local clients
	// Objects counts the measured objects (each under each of its labels) whose count
	// or sums differ.
	Objects int
	// Damaged reports whether the rollup or one of its deltas cannot be read.
	Damaged bool
}

// String describes the difference in a sentence.
func (d Difference) String() string {
	side := "local clients"
	if !d.Local {
		side = "clients that are not local"
	}
	stats := fmt.Sprintf("%s stats of %s, %s", d.Type, d.Date.Format(time.DateOnly), side)
	if d.Damaged {
		return stats + ": the rollup cannot be read"
	}
	return fmt.Sprintf("%s: the rollup differs from the stats in %d objects", stats, d.Objects)
}

// RollupsAgree compares the rollups with the sum of all stats, in one snapshot. Others
// may write meanwhile, except to distributed tables. It returns the differences by
// date, and nil if there are none. If Status.RollupsComplete is false, everything from
// before the adoption differs.
func (s Maintenance) RollupsAgree(ctx context.Context) ([]Difference, error) {
	var found []Difference
	err := s.inOneState(ctx, pgx.ReadOnly, nil, func(tx pgx.Tx) (err error) {
		found, err = compareRollups(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare the rollups with the stats: %w", translate(ctx, err))
	}
	return found, nil
}

func compareRollups(ctx context.Context, tx pgx.Tx) (found []Difference, err error) {
	queries := db.New(tx)
	for day := (time.Time{}); ; day = day.AddDate(0, 0, windowDays) {
		day, err = firstDay(ctx, queries, day)
		if errors.Is(err, pgx.ErrNoRows) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		rest := rollup.Totals{}
		if _, err := addRows(ctx, tx, rest, day); err != nil {
			return nil, err
		}
		damaged, err := subtractRollups(ctx, queries, rest, day)
		if err != nil {
			return nil, err
		}
		found = append(append(found, damaged...), differences(rest)...)
	}
}

// firstDay returns the first day from the given one on that has stats, rollups or
// deltas.
func firstDay(ctx context.Context, queries *db.Queries, from time.Time) (time.Time, error) {
	rolled, rolledErr := queries.FirstRollupDay(ctx, from)
	if rolledErr != nil && !errors.Is(rolledErr, pgx.ErrNoRows) {
		return time.Time{}, rolledErr
	}
	day, err := queries.FirstStatsDay(ctx, from)
	if rolledErr == nil && (errors.Is(err, pgx.ErrNoRows) || (err == nil && rolled.Before(day))) {
		return rolled, nil
	}
	return day, err
}

// subtractRollups subtracts rollups from rest, and returns those that cannot be read.
func subtractRollups(ctx context.Context, queries *db.Queries, rest rollup.Totals, day time.Time) (damaged []Difference, err error) {
	rollups, err := queries.RollupsBetween(ctx, db.RollupsBetweenParams{DateFrom: day, DateTo: lastOfWindow(day)})
	if err != nil {
		return nil, err
	}
	for _, r := range rollups {
		key := rollupKey(r.Type, r.Date, r.Local)
		if err := rest.Merge(key, r.Packed, -1); err != nil {
			damaged = append(damaged, Difference{Type: key.Type, Date: key.Day.Date(), Local: key.Local, Damaged: true})
		}
	}
	return damaged, nil
}

// differences returns the totals that are not zero.
func differences(totals rollup.Totals) (found []Difference) {
	for _, key := range totals.Keys() {
		if n := totals.Subjects(key); n > 0 {
			found = append(found, Difference{Type: key.Type, Date: key.Day.Date(), Local: key.Local, Objects: n})
		}
	}
	return found
}
