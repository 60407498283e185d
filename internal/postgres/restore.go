// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/backup"
)

// ErrNotEmpty reports that a database is in use already.
var ErrNotEmpty = errors.New("a backup is restored into an empty database only, and this one is not: " +
	"db_create makes another one, and db_empty drops what this one holds")

// seeded are the tables in which migrations leave rows. The others are empty until the
// service is used.
var seeded = []string{"rollup_state"}

// statementBytes is roughly the bytes of rows in a statement of a restore. Until its
// end, the server keeps what it has to check in memory.
const statementBytes = 16 << 20

// Restore fills an empty database with a backup. It creates missing tables and then
// migrates them; it fills the tables of a distributed database as they are.
//
// All rows are restored in one transaction, which ends after the backup was found
// undamaged: an interrupted restore leaves an empty database. Restore calls beforeCommit
// when only the commit is left. An error of it, which Restore returns as it is, undoes
// everything.
func Restore(ctx context.Context, url string, archive *backup.Reader, beforeCommit func() error, progress Progress) error {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer closeSoon(ctx, conn)
	var stopped error // of beforeCommit
	r := restoring{conn: conn, archive: archive, progress: progress, beforeCommit: func() error {
		stopped = beforeCommit()
		return stopped
	}}
	if err := r.run(ctx); stopped != nil {
		return stopped
	} else if err != nil {
		return r.explain(ctx, err)
	}
	if _, err := Initialize(ctx, url); err != nil {
		return fmt.Errorf("the backup is restored, but migrating its tables failed; run db_upgrade: %w", err)
	}
	vacuum(ctx, r.conn, r.schema, r.tables)
	return nil
}

// restoring is one call of Restore.
type restoring struct {
	conn        *pgx.Conn
	archive     *backup.Reader
	progress    Progress
	schema      string // quoted
	tables      []string
	counted     bool // the table of changes exists: a later migration created it
	distributed bool

	beforeCommit func() error
}

func (r *restoring) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil && sqlState(err) == codeLockNotAvailable:
		return fmt.Errorf("restore the database: another process has had the tables in use for %s: stop it, and run this again", handoverTimeout)
	case sqlState(err) == codeUndefinedColumn:
		err = fmt.Errorf("the backup does not fit the tables: %s", errorText(err))
	case ctx.Err() != nil, sqlState(err) != "", isConnectionError(err):
		err = translate(ctx, err)
	}
	return fmt.Errorf("restore the database: %w", err)
}

func (r *restoring) run(ctx context.Context) error {
	if err := CheckBackup(r.archive.Manifest()); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		if err := r.fill(ctx, tx); err != nil {
			return err
		}
		return r.beforeCommit()
	})
}

// CheckBackup checks that this release can restore a backup, as far as its manifest
// shows.
func CheckBackup(manifest backup.Manifest) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if manifest.SchemaVersion > newest {
		return fmt.Errorf("the backup has schema version %d, this release knows up to %d: run the release that made it, %s",
			manifest.SchemaVersion, newest, manifest.Program)
	}
	for _, table := range manifest.Tables {
		if slices.Contains(unsaved, table.Name) || !slices.Contains(ownTables, table.Name) {
			return fmt.Errorf("the backup has a table %q, which this release does not know", table.Name)
		}
	}
	return nil
}

// prepare creates the tables of the backup's version. It fails if one of them has rows.
func (r *restoring) prepare(ctx context.Context) error {
	found, err := inspect(ctx, r.conn)
	if err != nil {
		return err
	}
	if err := found.err(); err != nil {
		return err
	}
	r.schema = pgx.Identifier{found.schema}.Sanitize()
	if found.kind == ours {
		fits, err := r.fits(ctx, found)
		if err != nil {
			return err
		}
		if !fits {
			if err := r.drop(ctx, found); err != nil {
				return err
			}
			found.kind = empty
		}
	}
	if found.kind == empty {
		if err := migrateTo(ctx, r.conn.Config(), r.archive.Manifest().SchemaVersion); err != nil {
			return err
		}
	}
	return r.findTables(ctx)
}

// fits reports whether the existing tables have the version of the backup.
func (r *restoring) fits(ctx context.Context, found inspection) (bool, error) {
	version, err := schemaVersion(ctx, r.conn, r.schema)
	if err != nil {
		return false, err
	}
	wanted := r.archive.Manifest().SchemaVersion
	if r.distributed, err = isDistributed(ctx, r.conn); err != nil {
		return false, err
	}
	if r.distributed && version != wanted {
		return false, fmt.Errorf("the backup has schema version %d and the distributed tables have version %d: "+
			"drop them with db_empty, restore the backup, and distribute what it holds with db_distribute", wanted, version)
	}
	return version == wanted, nil
}

// drop drops tables of another version.
func (r *restoring) drop(ctx context.Context, found inspection) error {
	return pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		if err := r.lockEmpty(ctx, tx, tablesWithRows(found)); err != nil {
			return err
		}
		return execute(ctx, r.conn, dropStatements...)
	})
}

// findTables finds the tables to fill.
func (r *restoring) findTables(ctx context.Context) error {
	for _, table := range r.archive.Manifest().Tables {
		if table.Name == "adoption_state" {
			if _, err := r.conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS `+r.schema+adoptionState); err != nil {
				return err
			}
		}
	}
	found, err := inspect(ctx, r.conn)
	if err != nil {
		return err
	}
	r.tables, r.counted = tablesWithRows(found), slices.Contains(found.tables, changeTable)
	return nil
}

// lockEmpty locks tables, and refuses those that have rows.
func (r *restoring) lockEmpty(ctx context.Context, tx pgx.Tx, tables []string) error {
	if r.distributed {
		if err := execute(ctx, r.conn, sequential); err != nil {
			return err
		}
	}
	if err := beginTransfer(ctx, r.conn, r.schema, tables, "ACCESS EXCLUSIVE"); err != nil {
		return err
	}
	for _, table := range tables {
		var used bool
		statement := `SELECT EXISTS (SELECT 1 FROM ` + r.schema + `.` + table + `)`
		if err := tx.QueryRow(ctx, statement).Scan(&used); err != nil {
			return err
		}
		if used && !slices.Contains(seeded, table) {
			return fmt.Errorf("%w (table %s has rows)", ErrNotEmpty, table)
		}
	}
	return nil
}

// fill restores the rows of all tables.
func (r *restoring) fill(ctx context.Context, tx pgx.Tx) error {
	if err := r.lockEmpty(ctx, tx, r.tables); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, tx, r.schema)
	if err != nil {
		return err
	}
	if version != r.archive.Manifest().SchemaVersion {
		return errors.New("another process has just changed the tables: run this again")
	}
	// Filling a table is cheaper after a TRUNCATE in the same transaction. A trigger of
	// the audit log allows that only with this setting.
	if err := execute(ctx, r.conn, `SET LOCAL stats_service.audit_retention = 'on'`, `TRUNCATE `+qualified(r.schema, r.tables)); err != nil {
		return err
	}
	for {
		table, rows, err := r.archive.Next()
		if err == io.EOF {
			return r.announce(ctx, tx)
		}
		if err != nil {
			return err
		}
		if err := r.copy(ctx, table, rows); err != nil {
			return err
		}
		if err := r.continueSequences(ctx, tx, table); err != nil {
			return err
		}
	}
}

func (r *restoring) announce(ctx context.Context, tx pgx.Tx) error {
	if !r.counted {
		return announce(ctx, tx, ChangeEverything)
	}
	return notify(ctx, db.New(tx), []Change{ChangeEverything})
}

// copy fills a table. A vacuum need not rewrite rows that are frozen.
func (r *restoring) copy(ctx context.Context, table backup.Table, rows io.Reader) error {
	statement := fmt.Sprintf(`COPY %s.%s (%s) FROM STDIN`, r.schema, table.Name, quoted(table.Columns))
	if !r.distributed {
		statement += ` WITH (FREEZE)`
	}
	lines := bufio.NewReaderSize(rows, 64<<10)
	for {
		if _, err := lines.Peek(1); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		part := &someRows{from: lines}
		if _, err := r.conn.PgConn().CopyFrom(ctx, part, statement); err != nil {
			if part.err != nil { // more precise than the error of the server
				return part.err
			}
			return err
		}
		r.progress.tell(r.archive.Done(), r.archive.Manifest().Rows())
	}
}

// someRows reads whole rows, up to the first row that ends after statementBytes.
type someRows struct {
	from  *bufio.Reader
	n     int
	ended bool
	err   error // of the underlying reader
}

// Read implements io.Reader.
func (s *someRows) Read(p []byte) (int, error) {
	if s.ended {
		return 0, io.EOF
	}
	if _, err := s.from.Peek(1); err != nil {
		if err != io.EOF {
			s.err = err
		}
		return 0, err
	}
	ready, _ := s.from.Peek(min(len(p), s.from.Buffered()))
	if s.n >= statementBytes {
		if end := bytes.IndexByte(ready, '\n'); end >= 0 {
			ready, s.ended = ready[:end+1], true
		}
	}
	n := copy(p, ready)
	s.n += n
	_, err := s.from.Discard(n)
	return n, err
}

// continueSequences makes columns continue after the last number.
func (r *restoring) continueSequences(ctx context.Context, tx pgx.Tx, table backup.Table) error {
	for column, last := range table.Sequences {
		const statement = `SELECT setval(pg_get_serial_sequence($1, $2)::regclass, $3)`
		if _, err := tx.Exec(ctx, statement, r.schema+"."+table.Name, column, last); err != nil {
			return err
		}
	}
	return nil
}

// migrateTo creates the tables of a version in an empty database.
func migrateTo(ctx context.Context, config *pgx.ConnConfig, version int64) (err error) {
	provider, closeConn, err := openProvider(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	if _, err := provider.UpTo(ctx, version); err != nil {
		return fmt.Errorf("create the tables: %w", migrationError(ctx, err))
	}
	return nil
}
