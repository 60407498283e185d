// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// DailySums adds up exactly what the stats of a filter have measured: for each day and
// key the number of stats and the sums of their values, ordered by date, then by the
// fields of the key. If an object had several labels on a day, the result has those
// that the database learned last. filter.Type is required.
//
// Sums for filter.ANRs and filter.OfClient come from documents, all others from
// rollups: their cost depends on days and objects, not on the number of stats. The sums
// are the same.
//
// Stats of muted clients and stats whose data does not validate are left out; the log
// warns of the latter.
func (s SumStore) DailySums(ctx context.Context, filter stats.Filter) ([]processor.DailySum, error) {
	if filter.Type == "" {
		return nil, stats.Invalid("type", "a type is required to aggregate stats")
	}
	var sums []processor.DailySum
	err := s.read(ctx, func(source db.DBTX) (err error) {
		sums, err = s.dailySums(ctx, source, filter)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("aggregate %s stats: %w", filter.Type, err)
	}
	return sums, nil
}

func (s *shared) dailySums(ctx context.Context, source db.DBTX, filter stats.Filter) ([]processor.DailySum, error) {
	complete, err := s.rollupsComplete(ctx, source)
	if err != nil {
		return nil, err
	}
	sums := rollup.NewAccumulator()
	if complete && len(filter.ANRs) == 0 && filter.OfClient == 0 {
		err = s.addRollups(ctx, source, filter, sums)
	} else {
		err = s.addObservations(ctx, source, filter, sums)
	}
	if err != nil {
		return nil, err
	}
	return s.sumsOf(ctx, source, filter.Type, sums)
}

// sumsOf looks up the subjects of the sums.
func (s *shared) sumsOf(ctx context.Context, source db.DBTX, t stats.Type, sums *rollup.Accumulator) ([]processor.DailySum, error) {
	subjects, err := s.subjectsByID(ctx, source, sums.Subjects())
	if err != nil {
		return nil, err
	}
	if missing := len(sums.Subjects()) - len(subjects); missing > 0 {
		s.log.ErrorContext(ctx, "observations refer to subjects that the database does not have; they are left out",
			slog.String("type", string(t)), slog.Int("subjects", missing))
	}
	return sums.DailySums(subjects), nil
}

// CountUnprocessable returns the number of stats that DailySums leaves out because
// their data does not validate.
func (s Maintenance) CountUnprocessable(ctx context.Context) (int64, error) {
	n, err := s.queries.CountUnprocessableStats(ctx)
	if err != nil {
		return 0, fmt.Errorf("count unprocessable stats: %w", translate(ctx, err))
	}
	return n, nil
}

// warnLeftOut warns once for each type: dashboards repeat their requests every minute.
func (s *shared) warnLeftOut(ctx context.Context, t stats.Type, n int) {
	if n == 0 {
		return
	}
	level := slog.LevelWarn
	if _, again := s.warned.LoadOrStore(t, true); again {
		level = slog.LevelDebug
	}
	s.log.Log(ctx, level, "stats left out of processing because their data does not validate",
		slog.String("type", string(t)), slog.Int("stats", n))
}

func (s *shared) addObservations(ctx context.Context, source db.DBTX, filter stats.Filter, sums *rollup.Accumulator) error {
	rows, err := source.Query(ctx, db.ObservationsByDay, string(filter.Type), anrFilter(filter.ANRs), clientFilter(filter.OfClient),
		dateFilter(filter.DateFrom), dateFilter(filter.DateTo), filter.LocalStatsOnly)
	if err != nil {
		return translate(ctx, err)
	}
	leftOut := 0
	err = eachDocument(rows, nil, func(days []rollup.Day, packed []byte) {
		if sums.ObserveOn(days, packed) != nil {
			leftOut += len(days)
		}
	})
	s.warnLeftOut(ctx, filter.Type, leftOut)
	return translate(ctx, err)
}

// eachDocument calls fn with the days on which a document counts and with its
// observations, which are valid only until fn returns. The columns of rows are first,
// days and observations.
func eachDocument(rows pgx.Rows, first []any, fn func(days []rollup.Day, packed []byte)) error {
	var numbers []int32
	var packed pgtype.DriverBytes
	var days []rollup.Day
	_, err := pgx.ForEachRow(rows, append(first, &numbers, &packed), func() error {
		days = days[:0]
		for _, n := range numbers {
			days = append(days, rollup.Day(n))
		}
		fn(days, packed)
		return nil
	})
	return err
}
