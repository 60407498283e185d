// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Status is the state of the database.
type Status struct {
	SchemaVersion   int64    // of the last applied migration; 0: not initialized
	Pending         []string // migrations to be applied, in order
	PostgresVersion string   // such as 15.4
	Size            int64    // bytes of the whole database
	Clients         int64
	Stats           map[stats.Type]int64 // every type is present
	Documents       int64                // stats may share a document
	// Unprocessable is the number of stats that are left out of processing because their
	// data does not validate.
	Unprocessable int64
	// RollupsComplete reports whether processing over all analyses can use rollups.
	// Otherwise it reads document by document, until a rebuild.
	RollupsComplete bool
	// Deltas is the number of changes that are not merged into the rollups yet.
	Deltas int64
}

// Status describes the database. It counts nothing while migrations are pending.
func (s Maintenance) Status(ctx context.Context) (Status, error) {
	status := Status{Stats: map[stats.Type]int64{}}
	for _, t := range stats.Types() {
		status.Stats[t] = 0
	}
	if err := s.readSchema(ctx, &status); err != nil {
		return Status{}, err
	}
	if err := s.readServer(ctx, &status); err != nil {
		return Status{}, fmt.Errorf("read the state of the database server: %w", translate(ctx, err))
	}
	if len(status.Pending) > 0 {
		return status, nil
	}
	if err := s.countRecords(ctx, &status); err != nil {
		return Status{}, fmt.Errorf("count the records of the database: %w", translate(ctx, err))
	}
	return status, nil
}

func (s *shared) readServer(ctx context.Context, status *Status) error {
	distributed, err := s.distributed(ctx)
	if err != nil {
		return err
	}
	size := `SELECT pg_database_size(current_database())`
	if distributed {
		size = sizeStatement
	}
	return s.pool.QueryRow(ctx, `SELECT current_setting('server_version'), (`+size+`)`).Scan(&status.PostgresVersion, &status.Size)
}

func (s *shared) readSchema(ctx context.Context, status *Status) (err error) {
	provider, closeConn, err := openProvider(s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	status.SchemaVersion, err = provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", migrationError(ctx, err))
	}
	known, err := provider.Status(ctx)
	if err != nil {
		return fmt.Errorf("read the migrations of the database: %w", migrationError(ctx, err))
	}
	for _, migration := range known {
		if migration.State == goose.StatePending {
			status.Pending = append(status.Pending, migration.Source.Path)
		}
	}
	return nil
}

func (s *shared) countRecords(ctx context.Context, status *Status) (err error) {
	if status.Clients, err = s.queries.CountClients(ctx); err != nil {
		return err
	}
	if status.Unprocessable, err = s.queries.CountUnprocessableStats(ctx); err != nil {
		return err
	}
	if status.Documents, err = s.queries.CountDocuments(ctx); err != nil {
		return err
	}
	if status.Deltas, err = s.queries.CountDeltas(ctx); err != nil {
		return err
	}
	if status.RollupsComplete, err = s.queries.RollupsComplete(ctx); err != nil {
		return err
	}
	rows, err := s.queries.CountStatsByType(ctx)
	for _, row := range rows {
		status.Stats[stats.Type(row.Type)] = row.Rows
	}
	return err
}

// ownTables lists all tables that the migrations and an adoption create, and goose's
// version table. Tables come before the tables that they refer to, and distributed
// tables before those that db_distribute copies to each node.
var ownTables = []string{
	"peer_receipt", "stats", "document", "rollup", "rollup_delta",
	changeTable, "audit_log", "transfer", "pull_position", "peer", "rollup_state", "purge_state", "subject", "client", "adoption_state",
	goose.DefaultTablename,
}

// EmptyDatabase drops the service's own tables, so that a migration starts from
// scratch. Other objects in the database stay. Processes that use the database must be
// restarted afterwards.
func (s Maintenance) EmptyDatabase(ctx context.Context) error {
	err := s.dropTables(ctx)
	s.subjects.forget()
	s.complete.Store(false)
	if err != nil {
		return fmt.Errorf("empty the database: %w", translate(ctx, err))
	}
	return nil
}

func (s *shared) dropTables(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, statement := range dropStatements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return announce(ctx, tx, ChangeEverything)
	})
}

// dropStatements drop without CASCADE: they fail if a foreign table refers to ours,
// instead of changing it.
var dropStatements = []string{"DROP VIEW IF EXISTS stats_with_data", "DROP TABLE IF EXISTS " + strings.Join(ownTables, ", "),
	"DROP FUNCTION IF EXISTS audit_log_append_only()"}
