// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// schemaKind says whose tables a database has.
type schemaKind int

const (
	empty    schemaKind = iota // none of the service's tables
	ours                       // the tables of this release, or of a later one
	earlier                    // those of a build from before there were documents
	python                     // those of the Python stats service
	adopting                   // those of the Python stats service, while it is being taken over
	foreign                    // others with the same names
)

// Errors about databases that the service cannot work with as they are.
var (
	// ErrEarlierBuild reports that the tables of a database cannot be migrated.
	ErrEarlierBuild = errors.New("the database was created by a build before the first release, which stored stats differently: " +
		"give the service an empty database, and fetch the stats with stats_pull from the build that created this one")
	// ErrPython reports that a database has to be taken over first.
	ErrPython = errors.New("the database is one of the Python stats service: `stats-service db_adopt` takes it over " +
		"(with --dry-run, it only reports what it would do; see docs/migrating.md)")
	// ErrAdopting reports that a database has been taken over in part.
	ErrAdopting = errors.New("the database of the Python stats service has been taken over in part: " +
		"`stats-service db_adopt` continues where it was interrupted")
	// ErrForeign reports that a database belongs to another program.
	ErrForeign = errors.New("the database has tables of another program, neither this service's nor those of the " +
		"Python stats service v0.3.0 to v0.5.3, and was not changed: give the service a database of its own")
)

// inspection is the result of inspect.
type inspection struct {
	kind     schemaKind
	schema   string   // where the tables are, or would be created
	tables   []string // those of ownTables that exist
	encoding string   // of the database
	revision int      // of a Python instance's tables, an index of pythonClient
	odd      string   // what makes the tables foreign
}

// err returns nil if the database has the service's own tables, or can get them.
func (i inspection) err() error {
	switch i.kind {
	case empty:
		if i.encoding != encodingUTF8 {
			return errors.New(wrongEncoding(i.encoding))
		}
	case earlier:
		return ErrEarlierBuild
	case python:
		return ErrPython
	case adopting:
		return ErrAdopting
	case foreign:
		return fmt.Errorf("%w (%s)", ErrForeign, i.odd)
	}
	return nil
}

const encodingUTF8 = "UTF8"

// wrongEncoding returns the message about a database that cannot store every text.
func wrongEncoding(encoding string) string {
	return fmt.Sprintf("the encoding of the database is %s, but the service needs %s: create another database "+
		"(createdb --encoding UTF8 --template template0), and move the data there (pg_dump, pg_restore)", encoding, encodingUTF8)
}

// nothing returns why there is nothing to take over. It is called if err is nil.
func (i inspection) nothing() error {
	if i.kind == empty {
		return ErrEmpty
	}
	return ErrNothingToAdopt
}

// The columns of the Python service's tables, in the order of their names. Its two
// Alembic revisions each added some to client.
var (
	pythonClient = [][]string{
		pythonColumns(),
		pythonColumns("is_sharing_enabled boolean"),
		pythonColumns("is_sharing_enabled boolean", "latitude double precision", "longitude double precision"),
	}
	pythonStats = []string{
		"anr uuid", "client_id integer", "created_at timestamp without time zone", "data jsonb", "date date",
		"type character varying", "uuid uuid",
	}
)

func pythonColumns(added ...string) []string {
	columns := append([]string{
		"created_at timestamp without time zone", "id integer", "is_active boolean", "last_seen timestamp without time zone",
		"local boolean", "name character varying", "role integer", "token character varying",
		"updated_at timestamp without time zone", "uuid uuid",
	}, added...)
	slices.Sort(columns)
	return columns
}

// inspectStatement reads only the catalog: it needs no rights.
const inspectStatement = `
SELECT to_regclass('` + goose.DefaultTablename + `') IS NOT NULL,
	current_setting('server_encoding'),
	coalesce((SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	          WHERE c.oid = coalesce(to_regclass('client'), to_regclass('stats'))), current_schema(), 'public')::text,
	to_regclass('` + adoptionSchema + `.progress') IS NOT NULL,
	ARRAY(SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
	      WHERE attrelid = to_regclass('client') AND attnum > 0 AND NOT attisdropped)::text[],
	ARRAY(SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
	      WHERE attrelid = to_regclass('stats') AND attnum > 0 AND NOT attisdropped)::text[],
	ARRAY(SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL)::text[]`

// inspect finds out whose tables a database has. It changes nothing.
func inspect(ctx context.Context, conn querier) (inspection, error) {
	var found inspection
	var hasGoose, begun bool
	var client, stats []string
	err := conn.QueryRow(ctx, inspectStatement, ownTables).Scan(&hasGoose, &found.encoding, &found.schema, &begun, &client, &stats, &found.tables)
	if err != nil {
		return found, fmt.Errorf("reach the database: %w", translate(ctx, err))
	}
	slices.Sort(client)
	slices.Sort(stats)
	found.revision = slices.IndexFunc(pythonClient, func(columns []string) bool { return slices.Equal(columns, client) })
	has := func(table string) bool { return slices.Contains(found.tables, table) }
	switch {
	case found.revision >= 0 && slices.Equal(stats, pythonStats):
		found.kind = python
		if begun {
			found.kind = adopting
		}
		return found, nil
	case len(found.tables) == 0 || len(found.tables) == 1 && hasGoose:
		return found, nil
	case hasGoose && has("stats") && has("document"):
		found.kind = ours
		return found, nil
	}
	found.kind, found.odd = foreign, oddity(client, stats, found.tables)
	if hasGoose && has("stats") {
		var version int64
		if err := conn.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+goose.DefaultTablename).Scan(&version); err != nil {
			return found, fmt.Errorf("read the version of the database: %w", translate(ctx, err))
		}
		if version > 0 {
			found.kind = earlier
		}
	}
	return found, nil
}

// oddity returns what makes the tables foreign.
func oddity(client, stats, present []string) string {
	if len(client) == 0 || len(stats) == 0 {
		return "tables: " + strings.Join(slices.DeleteFunc(present, func(name string) bool { return name == goose.DefaultTablename }), ", ")
	}
	latest := pythonClient[len(pythonClient)-1]
	for _, table := range []struct {
		name        string
		known, seen []string
	}{{"client", latest, client}, {"stats", pythonStats, stats}} {
		for _, column := range table.seen {
			if !slices.Contains(table.known, column) {
				return fmt.Sprintf("table %s has a column %s", table.name, column)
			}
		}
	}
	return "tables client and stats lack columns"
}

// inspectURL inspects the database of a URL.
func inspectURL(ctx context.Context, url string) (inspection, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return inspection{}, err
	}
	defer closeSoon(ctx, conn)
	return inspect(ctx, conn)
}

// connect opens a connection outside of a Store.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL is invalid: %s", err)
	}
	setConnDefaults(config)
	config.DefaultQueryExecMode = pooledMode // there may be a pooler
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("reach the database: %w", translate(ctx, err))
	}
	return conn, nil
}
