// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/postgres/replica"
	"github.com/monarc-project/stats-service/internal/stats"
)

// ListQuery selects and orders the stats for EachStat.
type ListQuery struct {
	stats.Filter
	stats.Page
	// GroupByANR orders by analysis first.
	GroupByANR bool
	// LastOnly selects the newest stat of each analysis and type, and ignores the dates
	// of the filter.
	LastOnly bool
}

// EachStat calls fn with the stats in scope that match query, newest date first, then
// by UUID. It stops at the first error of fn, and returns it unchanged. more reports
// whether there are stats after the page.
//
// It streams rows of one snapshot: memory does not grow with their number, Stat.Data is
// valid only until fn returns, and a connection is in use until EachStat returns. Lists
// share half of the connections; if all of these stay in use for a while, the error is
// stats.ErrBusy.
func (s StatStore) EachStat(ctx context.Context, scope stats.Scope, query ListQuery, fn func(stats.Stat) error) (more bool, err error) {
	turn, err := s.AwaitList(ctx)
	if err != nil {
		return false, err
	}
	defer turn.End()
	return turn.EachStat(ctx, scope, query, fn)
}

// ListTurn is the right to read lists, one at a time.
type ListTurn struct {
	store StatStore
	leave func()
}

// AwaitList waits until a list may be read. The caller must end the turn. Errors are
// those of EachStat.
func (s StatStore) AwaitList(ctx context.Context) (ListTurn, error) {
	leave, err := s.lists.enter(ctx)
	if err != nil {
		return ListTurn{}, fmt.Errorf("list stats: %w", err)
	}
	return ListTurn{store: s, leave: leave}, nil
}

// End lets the next list be read.
func (t ListTurn) End() { t.leave() }

// EachStat is StatStore.EachStat without waiting for other lists.
func (t ListTurn) EachStat(ctx context.Context, scope stats.Scope, query ListQuery, fn func(stats.Stat) error) (more bool, err error) {
	s := t.store
	distributed, err := s.distributed(ctx)
	if err != nil {
		return false, fmt.Errorf("list stats: %w", translate(ctx, err))
	}
	if distributed && query.windowed() {
		return false, s.eachByDays(ctx, scope, query, fn)
	}
	return s.eachOnce(ctx, scope, query, distributed, fn)
}

// eachOnce implements EachStat with one statement.
func (s StatStore) eachOnce(ctx context.Context, scope stats.Scope, query ListQuery, distributed bool, fn func(stats.Stat) error) (more bool, err error) {
	statement, args := listStatement(scope, query, distributed)
	err = s.read(ctx, func(source db.DBTX) (err error) {
		more, err = eachOf(ctx, source, statement, args, query.Limit, fn)
		return err
	})
	return more, err
}

// eachOf calls fn with the rows of a statement.
func eachOf(ctx context.Context, source db.DBTX, statement string, args []any, limit int64, fn func(stats.Stat) error) (more bool, err error) {
	queryCtx, cancel := context.WithCancel(ctx)
	rows, err := source.Query(queryCtx, statement, args...)
	if err != nil {
		cancel()
		return false, fmt.Errorf("list stats: %w", translate(ctx, err))
	}
	defer rows.Close()
	defer cancel() // before Close, which would otherwise fetch the remaining rows
	return eachRow(ctx, rows, limit, fn)
}

// eachRow marks errors after the first row as final: fn has seen that row.
func eachRow(ctx context.Context, rows pgx.Rows, limit int64, fn func(stats.Stat) error) (more bool, err error) {
	n := int64(0)
	for ; rows.Next(); n++ {
		if limit > 0 && n == limit {
			return true, nil
		}
		stat, err := scanStat(rows)
		if err != nil {
			return false, replica.FinalError{Err: fmt.Errorf("read stats: %w", translate(ctx, err))}
		}
		if err := fn(stat); err != nil {
			return false, replica.FinalError{Err: err}
		}
	}
	if err = rows.Err(); err != nil {
		err = fmt.Errorf("list stats: %w", translate(ctx, err))
	}
	if err != nil && n > 0 {
		err = replica.FinalError{Err: err}
	}
	return false, err
}

// scanStat reads the columns of ListStats and ListLastStats. Data refers to the
// driver's buffer.
func scanStat(rows pgx.Rows) (stats.Stat, error) {
	var stat stats.Stat
	err := rows.Scan(&stat.UUID, &stat.ANR, &stat.Type, &stat.Date,
		(*pgtype.DriverBytes)(&stat.Data), &stat.CreatedAt, &stat.ClientID)
	stat.CreatedAt = stat.CreatedAt.UTC()
	return stat, err
}

// noLimit is larger than any list. Citus returns no rows if LIMIT is NULL.
const noLimit = 1 << 60

// listStatement returns a statement of sql/queries and its arguments, in the order of the
// generated parameters. It requests one row more than the page, to know whether there are
// more.
func listStatement(scope stats.Scope, query ListQuery, distributed bool) (statement string, args []any) {
	p := db.ListStatsParams{
		GroupByAnr: query.GroupByANR,
		ClientID:   scope.ClientID(),
		Type:       typeFilter(query.Type),
		ANRs:       anrFilter(query.ANRs),
		DateFrom:   dateFilter(query.DateFrom),
		DateTo:     dateFilter(query.DateTo),
		LocalOnly:  query.LocalStatsOnly,
		SkipRows:   query.Offset,
		MaxRows:    noLimit,
	}
	if query.Limit > 0 {
		p.MaxRows = query.Limit + 1
	}
	switch {
	case query.LastOnly && distributed:
		return db.ListLastStatsDistributed, []any{p.Type, p.ANRs, p.ClientID, p.LocalOnly, p.GroupByAnr, p.SkipRows, p.MaxRows}
	case query.LastOnly && p.ANRs != nil:
		return db.ListLastStatsOfAnalyses, []any{p.ClientID, p.LocalOnly, p.Type, p.GroupByAnr, p.SkipRows, p.MaxRows, p.ANRs}
	case query.LastOnly:
		return db.ListLastStats, []any{p.ClientID, p.LocalOnly, p.Type, p.GroupByAnr, p.SkipRows, p.MaxRows}
	}
	return db.ListStats, []any{
		p.ClientID, p.ANRs, p.Type, p.DateFrom, p.DateTo, p.LocalOnly, p.GroupByAnr, p.SkipRows, p.MaxRows,
	}
}

// Stat returns the stat of the analysis with this UUID, or stats.ErrNotFound if it is
// not in scope.
func (s StatStore) Stat(ctx context.Context, scope stats.Scope, anr, id uuid.UUID) (stats.Stat, error) {
	var row db.StatByUUIDRow
	err := s.read(ctx, func(source db.DBTX) (err error) {
		row, err = db.New(source).StatByUUID(ctx, db.StatByUUIDParams{UUID: id, ANR: anr, ClientID: scope.ClientID()})
		return err
	})
	if err != nil {
		return stats.Stat{}, fmt.Errorf("read stats %s of analysis %s: %w", id, anr, translate(ctx, err))
	}
	return stats.Stat{
		UUID: row.UUID, ANR: row.ANR, Type: stats.Type(row.Type), Date: row.Date, Data: row.Data,
		ClientID: row.ClientID, CreatedAt: row.CreatedAt.UTC(),
	}, nil
}

// DeleteStats deletes the stats of the analysis that are in scope, or only the one with
// the UUID *id, and returns their number.
func (s StatStore) DeleteStats(ctx context.Context, scope stats.Scope, anr uuid.UUID, id *uuid.UUID) (n int64, err error) {
	err = s.transact(ctx, func(w *writing) error {
		rows, err := w.queries.DeleteStats(ctx, db.DeleteStatsParams{ANR: anr, UUID: id, ClientID: scope.ClientID()})
		if err != nil {
			return err
		}
		if n = int64(len(rows)); n == 0 {
			return nil
		}
		before := map[string]any{"stats": n}
		if id != nil {
			before["uuid"] = *id
		}
		if err := w.audit(ctx, audit.StatsDelete, audit.Analysis(anr.String()), before, nil); err != nil {
			return err
		}
		return w.deleted(ctx, rows)
	})
	if err != nil {
		return 0, fmt.Errorf("delete stats of analysis %s: %w", anr, translate(ctx, err))
	}
	return n, nil
}

// typeFilter, anrFilter, clientFilter and dateFilter return NULL for a zero value.

func typeFilter(t stats.Type) *string {
	if t == "" {
		return nil
	}
	return (*string)(&t)
}

// anrFilter matters because an empty array, unlike NULL, would match nothing.
func anrFilter(anrs []uuid.UUID) []uuid.UUID {
	if len(anrs) == 0 {
		return nil
	}
	return anrs
}

func clientFilter(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func dateFilter(date time.Time) *time.Time {
	if date.IsZero() {
		return nil
	}
	return &date
}
