// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
)

// ErrNoCitus reports that the database cannot be distributed.
var ErrNoCitus = errors.New("the database does not have the extension citus: install Citus 12.1 or later on every node, " +
	"put it into shared_preload_libraries, run CREATE EXTENSION citus in this database, and add the workers with citus_add_node")

// ErrDistributed reports that the tables are distributed already.
var ErrDistributed = errors.New("the tables are distributed already")

// citusTables are the tables that are registered with Citus.
var citusTables = []string{"client", "peer", "document", "stats", "peer_receipt", "pull_position", "rollup", "rollup_delta"}

// distribution turns the tables into distributed ones, all or none.
//
//   - A table cannot be distributed while foreign keys connect it to other tables:
//     they are dropped first and created again last.
//   - Tables that distributed ones refer to, or are joined with, become reference
//     tables: every node has a full copy.
//   - Documents, stats and receipts are distributed by analysis and colocated. Their
//     unique keys must include the analysis, so the service itself checks that a UUID
//     is unique in the whole instance before it stores a stat.
//   - Rollups and deltas stay on the coordinator, so a post needs only the nodes of
//     its analyses. They are Citus local tables: a two-phase commit covers them
//     together with the stats.
//   - All other tables stay on the coordinator too. They are never joined with
//     distributed ones, and can be written while a worker is down.
var distribution = []string{
	sequential,
	`LOCK TABLE ` + strings.Join(citusTables, ", ") + ` IN ACCESS EXCLUSIVE MODE`,
	`ALTER TABLE peer_receipt DROP CONSTRAINT peer_receipt_stats_fkey, DROP CONSTRAINT peer_receipt_peer_id_fkey`,
	`ALTER TABLE pull_position DROP CONSTRAINT pull_position_peer_id_fkey, DROP CONSTRAINT pull_position_client_id_fkey`,
	`ALTER TABLE stats DROP CONSTRAINT stats_client_id_fkey, DROP CONSTRAINT stats_document_fkey, DROP CONSTRAINT stats_pkey`,
	`ALTER TABLE stats ADD CONSTRAINT stats_pkey PRIMARY KEY (anr, uuid)`,
	`CREATE INDEX stats_uuid_idx ON stats (uuid)`,
	`SELECT create_reference_table('client')`,
	`SELECT create_reference_table('peer')`,
	`SELECT create_reference_table('pull_position')`,
	`SELECT create_distributed_table('document', 'anr', colocate_with => 'none')`,
	`SELECT create_distributed_table('stats', 'anr', colocate_with => 'document')`,
	`SELECT create_distributed_table('peer_receipt', 'anr', colocate_with => 'document')`,
	`SELECT citus_add_local_table_to_metadata('rollup')`,
	`SELECT citus_add_local_table_to_metadata('rollup_delta')`,
	`ALTER TABLE stats ADD CONSTRAINT stats_client_id_fkey FOREIGN KEY (client_id) REFERENCES client (id)`,
	`ALTER TABLE stats ADD CONSTRAINT stats_document_fkey FOREIGN KEY (anr, digest) REFERENCES document (anr, digest)`,
	`ALTER TABLE peer_receipt ADD CONSTRAINT peer_receipt_stats_fkey FOREIGN KEY (anr, stats_uuid) REFERENCES stats (anr, uuid) ON DELETE CASCADE`,
	`ALTER TABLE peer_receipt ADD CONSTRAINT peer_receipt_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer (id)`,
	`ALTER TABLE pull_position ADD CONSTRAINT pull_position_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES peer (id)`,
	`ALTER TABLE pull_position ADD CONSTRAINT pull_position_client_id_fkey FOREIGN KEY (client_id) REFERENCES client (id) ON DELETE CASCADE`,
}

// sequential makes the rest of a transaction use one connection to each node: only then
// can it change both reference tables and distributed ones.
const sequential = `SET LOCAL citus.multi_shard_modify_mode TO 'sequential'`

// DistributionStatements returns the statements that Distribute runs in one
// transaction, in order and without semicolons.
func DistributionStatements() []string { return slices.Clone(distribution) }

// CheckDistributable returns nil if Distribute can begin. Otherwise it returns
// ErrNoCitus, ErrDistributed, an error that names additions to the tables that Citus
// refuses, or the error of CheckSchema.
func (s Maintenance) CheckDistributable(ctx context.Context) error {
	if err := s.CheckSchema(ctx); err != nil {
		return err
	}
	var citus bool
	const installed = `SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'create_distributed_table')`
	if err := s.pool.QueryRow(ctx, installed).Scan(&citus); err != nil {
		return fmt.Errorf("look for Citus: %w", translate(ctx, err))
	}
	if !citus {
		return ErrNoCitus
	}
	distributed, err := isDistributed(ctx, s.pool)
	if err != nil {
		return fmt.Errorf("look for distributed tables: %w", translate(ctx, err))
	}
	if distributed {
		return ErrDistributed
	}
	return s.checkObstacles(ctx)
}

// obstacleStatement finds additions to the tables that Citus refuses.
const obstacleStatement = `
WITH ours AS (SELECT to_regclass(name) AS relation FROM unnest($1::text[]) AS name)
SELECT format('table %s refers to %s by the foreign key %s', conrelid::regclass, confrelid::regclass, conname)
FROM pg_constraint
WHERE contype = 'f' AND confrelid IN (SELECT relation FROM ours) AND conrelid NOT IN (SELECT relation FROM ours)
UNION ALL
SELECT format('table %s has the trigger %s', tgrelid::regclass, tgname)
FROM pg_trigger
WHERE tgrelid IN (SELECT relation FROM ours) AND NOT tgisinternal
ORDER BY 1`

func (s *shared) checkObstacles(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, obstacleStatement, citusTables)
	if err != nil {
		return fmt.Errorf("look for objects that cannot be distributed: %w", translate(ctx, err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for objects that cannot be distributed: %w", translate(ctx, err))
	}
	if len(found) > 0 {
		return fmt.Errorf("the tables cannot be distributed: %s: drop that first", strings.Join(found, "; "))
	}
	return nil
}

// Distribute distributes the tables with Citus, all or none. It waits until they are not
// in use, and locks them while it copies their rows. It also returns the errors of
// CheckDistributable.
func (s Maintenance) Distribute(ctx context.Context) error {
	if err := s.CheckDistributable(ctx); err != nil {
		return err
	}
	config := s.pool.Config().ConnConfig // without the timeouts of the pool
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("distribute the tables: %w", translate(ctx, err))
	}
	defer closeSoon(ctx, conn)
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return distribute(ctx, tx) })
	s.spread.Store(nil)
	if err != nil {
		return fmt.Errorf("distribute the tables (none was changed): %w", translate(ctx, err))
	}
	return nil
}

func distribute(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range distribution {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return notify(ctx, db.New(tx), []Change{ChangeEverything})
}

// distributed reports whether the tables are distributed. It caches the answer:
// distributing them announces ChangeEverything.
func (s *shared) distributed(ctx context.Context) (bool, error) {
	if known := s.spread.Load(); known != nil {
		return *known, nil
	}
	found, err := isDistributed(ctx, s.pool)
	if err == nil {
		s.spread.Store(&found)
	}
	return found, err
}

// isDistributed looks the tables up in the catalog of Citus, if there is one.
func isDistributed(ctx context.Context, conn querier) (distributed bool, err error) {
	const known = `SELECT to_regclass('pg_dist_partition') IS NOT NULL AND to_regclass('stats') IS NOT NULL`
	if err = conn.QueryRow(ctx, known).Scan(&distributed); err != nil || !distributed {
		return false, err
	}
	const found = `SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass('stats'))`
	err = conn.QueryRow(ctx, found).Scan(&distributed)
	return distributed, err
}
