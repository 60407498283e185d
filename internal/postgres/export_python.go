// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/secret"
)

// Exported is the result of ExportPython.
type Exported struct {
	Clients int64
	Stats   int64
	Muted   int64 // clients whose stats will count: the Python service cannot mute them
}

// ExportPython writes a script for psql that creates the tables of the Python stats
// service in an empty database, with every client and every stat of one snapshot. It
// contains the tokens in clear text. Distributed tables are locked against writes
// meanwhile.
//
// The tables are those of the revision that the database was taken over from, or of the
// latest one. The error wraps secret.ErrCannotOpen if a token was sealed with another
// key.
func (s Maintenance) ExportPython(ctx context.Context, w io.Writer) (Exported, error) {
	e := export{secret: s.secret, w: &heldError{w: w}}
	err := s.inOneState(ctx, pgx.ReadOnly, nil, func(tx pgx.Tx) error { return e.run(ctx, tx) })
	switch {
	case e.w.err != nil:
		err = fmt.Errorf("write the export: %w", e.w.err)
	case sqlState(err) != "", isConnectionError(err), ctx.Err() != nil:
		err = fmt.Errorf("export the database: %w", translate(ctx, err))
	}
	return e.Exported, err
}

// heldError remembers the first error of a writer, and then writes nothing more.
type heldError struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (h *heldError) Write(text []byte) (n int, err error) {
	if h.err == nil {
		n, h.err = h.w.Write(text)
	}
	return n, h.err
}

// export is one call of ExportPython.
type export struct {
	Exported
	secret *secret.Box
	w      *heldError
}

// latestRevision is for a database that was not taken over.
var latestRevision = len(pythonClient) - 1

// exportSettings make PostgreSQL write values in a format that every server reads
// alike.
const exportSettings = `SELECT set_config('datestyle', 'ISO', true), set_config('extra_float_digits', '3', true)`

func (e *export) run(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, exportSettings); err != nil {
		return err
	}
	revision, version, err := adoptedFrom(ctx, tx)
	if err != nil {
		return err
	}
	columns := "id, uuid, name, token, role, last_seen, local, created_at, updated_at, is_active"
	added := ""
	if revision >= 1 {
		columns, added = columns+", is_sharing_enabled", ", is_sharing_enabled boolean"
	}
	if revision >= 2 {
		columns, added = columns+", latitude, longitude", added+", latitude double precision, longitude double precision"
	}
	fmt.Fprintf(e.w, pythonTables, added)
	if version != nil {
		fmt.Fprintf(e.w, "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY);\nCOPY alembic_version FROM stdin;\n%s\n\\.\n",
			copyField(version))
	}
	fmt.Fprintf(e.w, "COPY client (%s) FROM stdin;\n", columns)
	if err := e.clients(ctx, tx, strings.Count(columns, ",")+1); err != nil {
		return err
	}
	fmt.Fprint(e.w, "\\.\nCOPY stats (uuid, anr, type, date, data, created_at, client_id) FROM stdin;\n")
	tag, err := tx.Conn().PgConn().CopyTo(ctx, e.w, `COPY (
		SELECT uuid, anr, type, date, data, created_at AT TIME ZONE 'UTC', client_id FROM stats_with_data) TO STDOUT`)
	if err != nil {
		return err
	}
	e.Stats = tag.RowsAffected()
	fmt.Fprint(e.w, "\\.\n"+pythonIndexes)
	return e.w.err
}

const pythonTables = `-- The tables of the Python stats service. Restore them into an empty database:
-- psql --set ON_ERROR_STOP=1 --file THIS DATABASE
-- The tokens of the clients are in here: keep it from others.
SET client_encoding = 'UTF8';
BEGIN;
CREATE TABLE client (id serial PRIMARY KEY, uuid uuid NOT NULL UNIQUE, name varchar(100) UNIQUE, token varchar(512) UNIQUE,
	role integer, last_seen timestamp, local boolean, created_at timestamp, updated_at timestamp, is_active boolean%s);
CREATE TABLE stats (uuid uuid PRIMARY KEY, anr uuid NOT NULL, type varchar NOT NULL, date date NOT NULL, data jsonb NOT NULL,
	created_at timestamp, client_id integer);
`

const pythonIndexes = `ALTER TABLE stats ADD CONSTRAINT stats_client_id_fkey FOREIGN KEY (client_id) REFERENCES client (id);
CREATE INDEX ix_stats_type ON stats (type);
CREATE INDEX ix_stats_date ON stats (date);
SELECT setval('client_id_seq', greatest(1, (SELECT max(id) FROM client)));
COMMIT;
ANALYZE client, stats;
`

// adoptedFrom returns the revision that a database was taken over from, and its version
// in Alembic.
func adoptedFrom(ctx context.Context, tx pgx.Tx) (revision int, version *string, err error) {
	var adopted bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('adoption_state') IS NOT NULL`).Scan(&adopted); err != nil || !adopted {
		return latestRevision, nil, err
	}
	err = tx.QueryRow(ctx, `SELECT revision, alembic_version FROM adoption_state WHERE id = 1`).Scan(&revision, &version)
	return revision, version, err
}

// exportedClients returns the Python service's columns as text, except for the token.
const exportedClients = `
SELECT uuid, token_sealed, is_processed, ARRAY[id::text, uuid::text, name, NULL, role::text, (last_seen AT TIME ZONE 'UTC')::text,
	local::text, (created_at AT TIME ZONE 'UTC')::text, (updated_at AT TIME ZONE 'UTC')::text, is_active::text,
	is_sharing_enabled::text, latitude::text, longitude::text]
FROM client ORDER BY id`

// tokenColumn is the index of the token in exportedClients.
const tokenColumn = 3

func (e *export) clients(ctx context.Context, tx pgx.Tx, columns int) error {
	rows, err := tx.Query(ctx, exportedClients)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var sealed []byte
	var processed bool
	var values []*string
	_, err = pgx.ForEachRow(rows, []any{&id, &sealed, &processed, &values}, func() error {
		if sealed != nil {
			token, err := e.secret.Open(sealed, id[:])
			if err != nil {
				return fmt.Errorf("read the token of client %s: %w", id, err)
			}
			values[tokenColumn] = &token
		}
		fields := make([]string, columns)
		for i := range fields {
			fields[i] = copyField(values[i])
		}
		e.Clients++
		if !processed {
			e.Muted++
		}
		_, err := fmt.Fprintln(e.w, strings.Join(fields, "\t"))
		return err
	})
	return err
}

var copyEscapes = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r")

// copyField returns a value in the text format of COPY.
func copyField(value *string) string {
	if value == nil {
		return `\N`
	}
	return copyEscapes.Replace(*value)
}
