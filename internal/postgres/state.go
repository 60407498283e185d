// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/monarc-project/stats-service/sql/migrations"
)

// State is the state of the database as far as it matters to the service.
type State string

// The states of a database.
const (
	StateUp       State = "up"
	StateReadOnly State = "read-only" // it answers reads, but cannot store anything
	StateDown     State = "down"      // it cannot be reached, or refuses the service
	StateStalled  State = "stalled"   // it does not answer in time
	StateBehind   State = "behind"    // its schema lacks migrations of this release
	StateAhead    State = "ahead"     // a later release has migrated it
)

const codeTooManyConnections = "53300"

// State determines the state of the database within the deadline of ctx. The error says
// why it is not StateUp, for the log.
//
// It uses a new connection: those of the pool may all be in use, or older than a
// failover. Only if the server accepts no further connection, it uses the pool.
func (s *Store) State(ctx context.Context) (State, error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if sqlState(err) == codeTooManyConnections {
		return stateOf(ctx, s.pool)
	}
	if err != nil {
		return stateAfter(ctx, err), fmt.Errorf("connect to the database: %w", translateState(ctx, err))
	}
	defer closeSoon(ctx, conn)
	return stateOf(ctx, conn)
}

// stateOf compares the schema with the migrations of this release.
func stateOf(ctx context.Context, on querier) (State, error) {
	const statement = `SELECT current_setting('transaction_read_only')::boolean,
		(SELECT coalesce(max(version_id), 0)::bigint FROM goose_db_version)`
	var (
		readOnly bool
		version  int64
	)
	err := on.QueryRow(ctx, statement, pgx.QueryExecModeExec).Scan(&readOnly, &version)
	if sqlState(err) == codeUndefinedTable {
		return StateBehind, ErrNotMigrated
	}
	if err != nil {
		return stateAfter(ctx, err), fmt.Errorf("read the state of the database: %w", translateState(ctx, err))
	}
	newest, err := newestMigration()
	switch {
	case err != nil:
		return StateDown, err
	case version < newest:
		return StateBehind, fmt.Errorf("the database has schema version %d, this release needs %d: run `stats-service db_upgrade`", version, newest)
	case version > newest:
		return StateAhead, fmt.Errorf("the database has schema version %d, this release knows up to %d: run the newer release of the service", version, newest)
	case readOnly:
		return StateReadOnly, errors.New("the database is read-only: it is a standby, or default_transaction_read_only is on")
	}
	return StateUp, nil
}

// newestMigration returns the schema version of this release.
func newestMigration() (newest int64, err error) {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// stateAfter returns the state after a failed check: StateStalled if the database did not
// answer in time, otherwise StateDown or a more precise one.
func stateAfter(ctx context.Context, err error) State {
	if ctx.Err() != nil || pgconn.Timeout(err) {
		return StateStalled
	}
	return StateDown
}

// translateState is translate, but names the deadline that passed.
func translateState(ctx context.Context, err error) error {
	if deadline, limited := ctx.Deadline(); limited && ctx.Err() != nil {
		return fmt.Errorf("no answer by %s: %w", deadline.UTC().Format(time.TimeOnly), ctx.Err())
	}
	return translate(ctx, err)
}
