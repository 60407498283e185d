// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/monarc-project/stats-service/internal/backup"
)

// ErrNothingToBackUp reports that a database has no tables of the service.
var ErrNothingToBackUp = errors.New("the database is empty: there is nothing to back up")

// BackupOptions say how to make a backup. URL is required.
type BackupOptions struct {
	URL      string
	Now      func() time.Time
	Program  string // version of the service
	KeyCheck []byte // see backup.Manifest
	Key      string // stored in the backup, unless it is empty
}

// Backup writes all that the service stores in one snapshot. Others may read and write
// meanwhile. Distributed tables have no common snapshot: nobody can write to them until
// the end.
//
// The tables may be those of an earlier release: the backup has their version.
func Backup(ctx context.Context, opts BackupOptions, w io.Writer, progress Progress) (backup.Manifest, error) {
	conn, err := connect(ctx, opts.URL)
	if err != nil {
		return backup.Manifest{}, err
	}
	defer closeSoon(ctx, conn)
	b := backing{BackupOptions: opts, conn: conn, w: &heldError{w: w}, progress: progress}
	if err := b.findTables(ctx); err != nil {
		return backup.Manifest{}, err
	}
	for attempt := 1; ; attempt++ {
		err = pgx.BeginTxFunc(ctx, conn, b.isolation(), func(tx pgx.Tx) error { return b.run(ctx, tx) })
		if err == nil {
			return b.manifest, nil
		}
		if b.begun || !isRetryable(err) || attempt == transactAttempts {
			return backup.Manifest{}, b.explain(ctx, err)
		}
	}
}

// backing is one call of Backup.
type backing struct {
	BackupOptions
	conn        *pgx.Conn
	w           *heldError
	progress    Progress
	schema      string   // quoted
	tables      []string // in the order of the manifest
	distributed bool
	manifest    backup.Manifest
	begun       bool // writing has begun
}

func (b *backing) explain(ctx context.Context, err error) error {
	switch {
	case b.w.err != nil:
		return fmt.Errorf("write the backup: %w", b.w.err)
	case ctx.Err() == nil && sqlState(err) == codeLockNotAvailable:
		return fmt.Errorf("back up the database: another process has had the tables in use for %s: run this again", handoverTimeout)
	case ctx.Err() != nil, sqlState(err) != "", isConnectionError(err):
		err = translate(ctx, err)
	}
	return fmt.Errorf("back up the database: %w", err)
}

// findTables refuses a database that is not the service's.
func (b *backing) findTables(ctx context.Context) error {
	found, err := inspect(ctx, b.conn)
	if err != nil {
		return err
	}
	if found.kind != ours {
		return cmp.Or(found.err(), ErrNothingToBackUp)
	}
	b.schema, b.tables = pgx.Identifier{found.schema}.Sanitize(), tablesWithRows(found)
	b.distributed, err = isDistributed(ctx, b.conn)
	return translate(ctx, err)
}

// unsaved are tables about the database itself, which are not part of a backup.
var unsaved = []string{goose.DefaultTablename, changeTable}

// tablesWithRows returns the tables of a backup, in an order in which they can be
// filled.
func tablesWithRows(found inspection) []string {
	var tables []string
	for _, table := range slices.Backward(ownTables) {
		if !slices.Contains(unsaved, table) && slices.Contains(found.tables, table) {
			tables = append(tables, table)
		}
	}
	return tables
}

// isolation makes all statements see the same rows. Locks do so for distributed tables.
func (b *backing) isolation() pgx.TxOptions {
	if b.distributed {
		return pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	}
	return pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
}

// transferSettings are for a transaction that moves all rows: it has no timeouts, and
// the format of values depends on neither server nor role.
const transferSettings = `
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL row_security = off;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL datestyle = 'ISO';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL lock_timeout = `

// execute runs statements without parameters in one round trip.
func execute(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	return conn.PgConn().Exec(ctx, strings.Join(statements, ";")).Close()
}

// beginTransfer begins a transaction and locks tables. It takes no snapshot: the first
// query afterwards sees what the locks protect.
func beginTransfer(ctx context.Context, conn *pgx.Conn, schema string, tables []string, mode string) error {
	return execute(ctx, conn, transferSettings+fmt.Sprint(handoverTimeout.Milliseconds()),
		fmt.Sprintf(`LOCK TABLE %s IN %s MODE`, qualified(schema, tables), mode))
}

// qualified returns the names of tables for a statement.
func qualified(schema string, tables []string) string {
	return schema + "." + strings.Join(tables, ", "+schema+".")
}

func (b *backing) run(ctx context.Context, tx pgx.Tx) error {
	mode := "ACCESS SHARE"
	if b.distributed {
		// Every writer of stats holds this lock, so that the tables cannot be locked in
		// a deadlocking order.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, countingLock); err != nil {
			return err
		}
		mode = "SHARE"
	}
	if err := beginTransfer(ctx, b.conn, b.schema, b.tables, mode); err != nil {
		return err
	}
	if err := b.describe(ctx, tx); err != nil {
		return err
	}
	b.begun = true
	archive, err := backup.NewWriter(b.w, b.manifest, b.Key)
	if err != nil {
		return err
	}
	w := progressWriter{Writer: archive, progress: b.progress, total: b.manifest.Rows()}
	for _, table := range b.manifest.Tables {
		if err := archive.Next(); err != nil {
			return err
		}
		statement := fmt.Sprintf(`COPY %s.%s (%s) TO STDOUT`, b.schema, table.Name, quoted(table.Columns))
		if _, err := b.conn.PgConn().CopyTo(ctx, w, statement); err != nil {
			return err
		}
	}
	return archive.Close()
}

// progressWriter reports the progress of a backup.
type progressWriter struct {
	*backup.Writer
	progress Progress
	total    int64
}

// Write implements io.Writer.
func (t progressWriter) Write(text []byte) (int, error) {
	n, err := t.Writer.Write(text)
	t.progress.tell(t.Done(), t.total)
	return n, err
}

// quoted returns the names of columns for a statement.
func quoted(columns []string) string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = pgx.Identifier{column}.Sanitize()
	}
	return strings.Join(names, ", ")
}

// describe returns the manifest.
func (b *backing) describe(ctx context.Context, tx pgx.Tx) error {
	b.manifest = backup.Manifest{CreatedAt: b.Now().UTC().Truncate(time.Second), Program: b.Program, KeyCheck: b.KeyCheck}
	const server = `SELECT current_setting('server_version')`
	if err := tx.QueryRow(ctx, server).Scan(&b.manifest.PostgreSQL); err != nil {
		return err
	}
	found, err := inspect(ctx, tx)
	if err != nil {
		return err
	}
	if !slices.Equal(tablesWithRows(found), b.tables) {
		return errors.New("another process has just changed the tables: run this again")
	}
	version, err := schemaVersion(ctx, tx, b.schema)
	if err != nil {
		return err
	}
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if version > newest {
		return fmt.Errorf("it has schema version %d, this release knows up to %d: run the newer release of the service", version, newest)
	}
	b.manifest.SchemaVersion = version
	for _, name := range b.tables {
		table, err := describeTable(ctx, tx, b.schema, name)
		if err != nil {
			return err
		}
		b.manifest.Tables = append(b.manifest.Tables, table)
	}
	return nil
}

// schemaVersion returns the version of the last migration.
func schemaVersion(ctx context.Context, on querier, schema string) (version int64, err error) {
	err = on.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+schema+`.`+goose.DefaultTablename).Scan(&version)
	return version, err
}

// describeColumns finds the columns of a table that a COPY can fill, and the last
// number that each has been given.
const describeColumns = `
SELECT attname::text, pg_sequence_last_value(pg_get_serial_sequence($1, attname)::regclass)
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`

func describeTable(ctx context.Context, tx pgx.Tx, schema, name string) (backup.Table, error) {
	table := backup.Table{Name: name}
	rows, err := tx.Query(ctx, describeColumns, schema+"."+name)
	if err != nil {
		return table, err
	}
	var column string
	var last *int64
	_, err = pgx.ForEachRow(rows, []any{&column, &last}, func() error {
		table.Columns = append(table.Columns, column)
		if last != nil {
			if table.Sequences == nil {
				table.Sequences = map[string]int64{}
			}
			table.Sequences[column] = *last
		}
		return nil
	})
	if err != nil {
		return table, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM `+schema+`.`+name).Scan(&table.Rows)
	return table, err
}
