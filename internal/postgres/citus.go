// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// How Citus differs from PostgreSQL, in one place. Settings of connections are in
// sessionSettings, the tables in distribute.go.

// sequentially makes the statements of a transaction visit shards one after the other,
// over one connection to each node. After parallel work, Citus refuses to write a table
// that distributed ones refer to. It has to be the first statement.
const sequentially = `SET LOCAL citus.multi_shard_modify_mode TO 'sequential'`

// How the statements of sql/queries read documents last, and how Citus can.
const (
	documentsLast = `CROSS JOIN LATERAL (
    SELECT document.data FROM document WHERE document.anr = s.anr AND document.digest = s.digest OFFSET 0
) AS d`
	documentsJoined  = `JOIN document AS d ON d.anr = s.anr AND d.digest = s.digest`
	observationsLast = `CROSS JOIN LATERAL (
    SELECT document.observations FROM document WHERE document.anr = k.anr AND document.digest = k.digest OFFSET 0
) AS d`
	observationsJoined = `JOIN document AS d ON d.anr = k.anr AND d.digest = k.digest`
	// ofAnalyses ends the condition of a join where $2 names analyses, or is NULL.
	ofAnalyses = ` AND ($2::uuid[] IS NULL OR d.anr = ANY ($2::uuid[]))`
)

// distributedForms maps statements that Citus refuses to equivalent ones. A statement
// that looks rows up by analyses names them a second time: Citus then queries only the
// nodes of these analyses, and works while others are down.
var distributedForms = map[string]string{
	db.ListStats:          strings.Replace(db.ListStats, documentsLast, documentsJoined+ofAnalyses, 1),
	db.ObservationsByDay:  strings.Replace(db.ObservationsByDay, observationsLast, observationsJoined+ofAnalyses, 1),
	db.UnsentOfDay:        strings.Replace(db.UnsentOfDay, documentsLast, documentsJoined, 1),
	db.NewestStats:        db.NewestStatsDistributed,
	db.KnownDocuments:     db.KnownDocuments + `WHERE d.anr = ANY ($1::uuid[])`,
	db.StoredDocuments:    db.StoredDocuments + `WHERE d.anr = ANY ($1::uuid[])`,
	db.StoredStats:        strings.Replace(db.StoredStats, `WHERE `, `WHERE s.anr = ANY ($1::uuid[]) AND `, 1),
	db.SetFingerprints:    db.SetFingerprints + `AND document.anr = ANY ($1::uuid[])`,
	db.DeleteUnreferenced: db.DeleteUnreferenced + `AND d.anr = ANY ($1::uuid[])`,
}

// inForm replaces the statements of a batch with the forms for distributed tables, if
// needed.
func inForm(batch *pgx.Batch, distributed bool) *pgx.Batch {
	for _, query := range batch.QueuedQueries {
		if form, differs := distributedForms[query.SQL]; differs && distributed {
			query.SQL = form
		}
	}
	return batch
}

// primaryDB sends statements to the primary, in the form for its tables.
type primaryDB struct{ *shared }

// Exec implements db.DBTX.
func (p primaryDB) Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error) {
	return p.pool.Exec(ctx, statement, args...)
}

// Query implements db.DBTX.
func (p primaryDB) Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error) {
	if form, differs := distributedForms[statement]; differs {
		distributed, err := p.distributed(ctx)
		if err != nil {
			return nil, err
		}
		if distributed {
			statement = form
		}
	}
	return p.pool.Query(ctx, statement, args...)
}

// QueryRow implements db.DBTX.
func (p primaryDB) QueryRow(ctx context.Context, statement string, args ...any) pgx.Row {
	return p.pool.QueryRow(ctx, statement, args...)
}

// listedAtOnce is the number of days of an unlimited list that are read at once from a
// distributed table: the coordinator collects all rows of a statement before it sends
// the first.
const listedAtOnce = 20

// eachByDays implements EachStat for lists that windowed accepts.
func (s StatStore) eachByDays(ctx context.Context, scope stats.Scope, query ListQuery, fn func(stats.Stat) error) error {
	newest := db.NewestDayParams{
		ClientID: scope.ClientID(), Type: typeFilter(query.Type), ANRs: anrFilter(query.ANRs),
		DateFrom: dateFilter(query.DateFrom), DateTo: dateFilter(query.DateTo),
	}
	for {
		day, err := s.queries.NewestDay(ctx, newest)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list stats: %w", translate(ctx, err))
		}
		some := query
		some.DateTo, some.DateFrom = day, day.AddDate(0, 0, 1-listedAtOnce)
		if some.DateFrom.Before(query.DateFrom) {
			some.DateFrom = query.DateFrom
		}
		if _, err := s.eachOnce(ctx, scope, some, true, fn); err != nil {
			return err
		}
		before := some.DateFrom.AddDate(0, 0, -1)
		newest.DateTo = &before
	}
}

// windowed reports whether eachByDays can read a list.
func (q ListQuery) windowed() bool {
	return q.Limit == 0 && q.Offset == 0 && !q.LastOnly && !q.GroupByANR
}

// inOneState runs fn in a transaction with one snapshot, on a connection of its own,
// and holds the locks. Nodes of Citus have no common snapshot: there it locks out
// writers and merges until fn returns.
func (s *shared) inOneState(ctx context.Context, access pgx.TxAccessMode, locks []int64, fn func(tx pgx.Tx) error) error {
	distributed, err := s.distributed(ctx)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer closeSoon(ctx, conn)
	if distributed {
		locks = []int64{mergeLock, countingLock}
	}
	if len(locks) > 0 {
		unlock, err := holdLock(ctx, s.pool.Config().ConnConfig, locks...)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if distributed {
		if err := awaitPrepared(ctx, conn); err != nil {
			return err
		}
	}
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: access}, fn)
}

// awaitPrepared waits until the prepared transactions of a lost node have ended.
func awaitPrepared(ctx context.Context, conn *pgx.Conn) error {
	for attempt := 1; ; attempt++ {
		var prepared int64
		if err := conn.QueryRow(ctx, preparedStatement).Scan(&prepared); err != nil || prepared == 0 {
			return err
		}
		if attempt == preparedAttempts {
			return errPrepared
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// preparedAttempts, with growing pauses, take some two minutes.
const preparedAttempts = 110

// errPrepared reports prepared transactions that Citus should have ended: it looks for
// them every minute by default.
var errPrepared = errors.New("the transactions of a lost worker have been open for two minutes, and Citus has not ended them: " +
	"look at pg_prepared_xacts of the workers, and try again")

// preparedStatement counts the transactions of this database that are prepared on
// workers. It fails if a node does not answer: its result is then an error message, which
// cannot be added up.
const preparedStatement = `SELECT coalesce(sum(result::bigint), 0)::bigint
	FROM run_command_on_workers('SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()')`

// sizeStatement returns the size of a database on all nodes.
const sizeStatement = `SELECT sum(result::bigint)::bigint
	FROM run_command_on_all_nodes('SELECT pg_database_size(current_database())')`

// An error of a worker has neither constraint nor table in fields of its own; its
// message names the constraint, with the number of the shard.
var (
	constraintNamed = regexp.MustCompile(`(?:unique|foreign key|check|exclusion) constraint "([^"]+)"`)
	shardNumber     = regexp.MustCompile(`_\d{6,}$`)
)

// constraintOf returns the name of the violated constraint without the number of a
// shard, or an empty string.
func constraintOf(err *pgconn.PgError) string {
	name := err.ConstraintName
	if name == "" {
		if match := constraintNamed.FindStringSubmatch(err.Message); match != nil {
			name = match[1]
		}
	}
	return shardNumber.ReplaceAllString(name, "")
}

// isOfLostNode reports whether an error means that the coordinator cannot reach a node.
// Only its text says so.
func isOfLostNode(err *pgconn.PgError) bool {
	if err.Code != codeInternal {
		return false
	}
	for _, text := range []string{"server closed the connection", "connection marked as essential", "could not establish", "connection not open", "terminating connection"} {
		if strings.Contains(err.Message, text) {
			return true
		}
	}
	return strings.Contains(err.Where, "while executing command on")
}
