// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !citus

package postgres_test

// These tests change roles and settings of the server, which the nodes of a cluster do not
// share.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// as returns the URL of a database for another role.
func as(t *testing.T, address, role string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.User(role)
	return parsed.String()
}

// asSuperuser returns the URL of a database for the superuser. The owner cannot end
// sessions of a superuser, so the test waits for their end before it drops the database.
func asSuperuser(t *testing.T, address string) string {
	t.Helper()
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		for open := true; open; time.Sleep(5 * time.Millisecond) {
			const statement = `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = 'postgres')`
			if err := conn.QueryRow(context.Background(), statement).Scan(&open); err != nil {
				t.Fatal(err)
			}
		}
	})
	return as(t, address, "postgres")
}

// An adoption that would fail at its end, or lose a row, is refused at its start, also in
// a dry run. The error says what to do.
func TestAdoptPreflight(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ statement, says string }{
		"a view":                {`CREATE VIEW report AS SELECT count(*) FROM stats`, "view report depends on the old tables"},
		"a view of a view":      {`CREATE VIEW report AS SELECT uuid FROM stats; CREATE VIEW more AS TABLE report`, "view report depends on"},
		"a foreign key":         {`CREATE TABLE owned (client_id integer REFERENCES client)`, "constraint owned_client_id_fkey on table owned depends on"},
		"a table that inherits": {`CREATE TABLE child () INHERITS (stats)`, "table child depends on"},
		"a function":            {`CREATE FUNCTION twice(stats) RETURNS int LANGUAGE sql AS 'SELECT 2'`, "function twice(stats) depends on"},
		"a table of that name":  {`CREATE TABLE document (id int)`, "table document is in the way of a table of that name: rename it"},
		"a sequence apart":      {`ALTER SEQUENCE client_id_seq OWNED BY NONE`, "sequence client_id_seq is in the way"},
		"no key of stats":       {`ALTER TABLE stats DROP CONSTRAINT stats_pkey`, "the column uuid of the table stats is not unique"},
		"no key of tokens":      {`ALTER TABLE client DROP CONSTRAINT client_token_key`, "the column token of the table client is not unique"},
		"a part of a key":       {`ALTER TABLE client DROP CONSTRAINT client_name_key; CREATE UNIQUE INDEX ON client (name) WHERE id > 3`, "the column name of"},
		"no analysis":           {`ALTER TABLE stats ALTER COLUMN anr DROP NOT NULL; UPDATE stats SET anr = NULL`, "the column anr of the table stats may be NULL"},
		"a client that is gone": {
			`ALTER TABLE stats DROP CONSTRAINT stats_client_id_fkey; UPDATE stats SET client_id = 999 WHERE client_id = 4`,
			"3 stats belong to a client that does not exist",
		},
		"a day without end":       {`UPDATE stats SET date = 'infinity' WHERE client_id = 4`, "3 stats have a date"},
		"a day before our era":    {`UPDATE stats SET date = '0044-03-15 BC' WHERE client_id = 4`, "3 stats have a date"},
		"a time of stats":         {`UPDATE stats SET created_at = '-infinity' WHERE client_id = 4`, "3 stats have a date or a time"},
		"a time of a client":      {`UPDATE client SET last_seen = 'infinity' WHERE id = 1`, "the client 00000000-0000-4000-8000-000000000901 has a time"},
		"a place nowhere":         {`UPDATE client SET latitude = 'NaN' WHERE id = 1`, "the client 00000000-0000-4000-8000-000000000901 has coordinates that are not numbers"},
		"rows that are not shown": {`ALTER TABLE stats ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`, "row-level security"},
		"two at once":             {`CREATE TABLE peer (); CREATE TABLE subject ()`, "\n- table peer is in the way"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pythonDatabase(t, 2)
			if _, err := dial(t, url).PgConn().Exec(t.Context(), tc.statement).ReadAll(); err != nil {
				t.Fatal(err)
			}
			before := tables(t, url)
			_, surveyed := postgres.SurveyAdoption(t.Context(), options(t, url), nil)
			_, adopted := postgres.Adopt(t.Context(), options(t, url), nil)
			for what, err := range map[string]error{"survey": surveyed, "adopt": adopted} {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: got %v, want an error that says %q", what, err, tc.says)
				}
			}
			if diff := cmp.Diff(before, tables(t, url)); diff != "" {
				t.Errorf("tables (-before +after)\n%s", diff)
			}
			change(t, url, `UPDATE client SET last_seen = now()`) // nothing was begun
		})
	}
}

// A database that cannot store every text is refused, with or without tables.
func TestEncodingOfDatabase(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	database := "latin_" + strings.TrimPrefix(address.Path, "/")
	change(t, address.String(), `CREATE DATABASE `+database+` TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`)
	drop := dial(t, address.String())
	t.Cleanup(func() {
		if _, err := drop.Exec(context.Background(), `DROP DATABASE `+database); err != nil {
			t.Error(err)
		}
	})
	address.Path = "/" + database
	const says = "the encoding of the database is LATIN1, but the service needs UTF8"
	if err := postgres.MigrateURL(t.Context(), address.String()); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("migrate: got %v, want an error that says %q", err, says)
	}
	conn, err := pgx.Connect(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range pythonSchema(2) {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Adopt(t.Context(), options(t, address.String()), nil); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("adopt: got %v, want an error that says %q", err, says)
	}
}

// Replacing tables needs more rights than the Python service needed.
func TestAdoptWithoutRights(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ statement, says string }{
		"of the owner":    {`GRANT ALL ON DATABASE {database} TO {role}; GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}`, "does not own the table client: connect as its owner"},
		"on the database": {`GRANT {owner} TO {role}; ALTER DATABASE {database} OWNER TO postgres`, "may not create a schema here: GRANT CREATE ON DATABASE"},
		"on the schema":   {`GRANT {owner} TO {role}; ALTER SCHEMA public OWNER TO postgres; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {role}`, "may not create tables in the schema public: GRANT CREATE ON SCHEMA public TO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pythonDatabase(t, 2)
			superuser := asSuperuser(t, address)
			conn := dial(t, superuser)
			database, owner := conn.Config().Database, dial(t, address).Config().User
			role := "adopts_" + database
			exec := func(statements string) {
				t.Helper()
				statements = strings.NewReplacer("{role}", role, "{owner}", owner, "{database}", database).Replace(statements)
				if _, err := conn.PgConn().Exec(context.Background(), statements).ReadAll(); err != nil {
					t.Fatal(err)
				}
			}
			exec(`CREATE ROLE {role} LOGIN; ` + tc.statement)
			t.Cleanup(func() {
				exec(`ALTER DATABASE {database} OWNER TO {owner}; DROP OWNED BY {role}; DROP ROLE {role}`)
				_ = conn.Close(context.Background())
			})
			if _, err := postgres.Adopt(t.Context(), options(t, as(t, address, role)), nil); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error that says %q", err, tc.says)
			}
			change(t, superuser, `UPDATE client SET last_seen = now()`) // nothing was begun
		})
	}
}

// A superuser may take over the database: its tables stay those of the old owner.
func TestAdoptAsSuperuser(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	superuser := asSuperuser(t, url)
	change(t, url, `CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE TRIGGER logs AFTER INSERT ON stats EXECUTE FUNCTION log()`, `GRANT SELECT ON stats TO PUBLIC`)
	change(t, superuser, `CREATE PUBLICATION copies FOR TABLE client`)
	adopted, err := postgres.Adopt(t.Context(), options(t, superuser), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"publication copies of client", "rights of PUBLIC on stats", "trigger logs on stats"}
	if diff := cmp.Diff(want, adopted.DroppedObjects); diff != "" {
		t.Errorf("dropped with the old tables (-want +got)\n%s", diff)
	}
	checkAdopted(t, url, 2)
	if err := open(t, url).EmptyDatabase(t.Context()); err != nil {
		t.Error(err)
	}
}

// awaitLock waits until a session holds or awaits a lock on a table, or ended has a value.
func awaitLock(t *testing.T, url, condition string, ended <-chan error) {
	t.Helper()
	conn := dial(t, url)
	for {
		select {
		case err := <-ended:
			t.Fatalf("it ended, with %v, before there was such a lock", err)
		default:
		}
		var found bool
		err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
			WHERE relation = 'client'::regclass AND `+condition+`)`).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A request of the Python service that has read and then waits to write deadlocks with the
// last transaction. The adoption must succeed if it is the victim.
func TestAdoptSurvivesADeadlock(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := postgres.Adopt(ctx, options(t, url), func(done, total int64) {
		if done == total {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	request := dial(t, asSuperuser(t, url))
	for _, statement := range []string{`SET deadlock_timeout = '1h'`, `BEGIN`, `SELECT FROM client`} {
		if _, err := request.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, err := postgres.Adopt(t.Context(), options(t, url), nil)
		ended <- err
	}()
	awaitLock(t, url, `mode = 'ShareRowExclusiveLock' AND granted`, ended)
	if _, err := request.Exec(t.Context(), `UPDATE client SET last_seen = now()`); err == nil || !strings.Contains(err.Error(), "takes this database over") {
		t.Errorf("the request may write: %v", err)
	}
	if _, err := request.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	checkAdopted(t, url, 2)
}

// Timeouts that an operator has set for the queries of the Python service do not apply to
// the copy.
func TestAdoptIgnoresTimeouts(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	writer := dial(t, url)
	if _, err := writer.Exec(t.Context(), `BEGIN; UPDATE client SET last_seen = now()`); err != nil {
		t.Fatal(err)
	}
	change(t, url, set(`statement_timeout = '500ms'`))
	ended := make(chan error, 1)
	go func() {
		_, err := postgres.Adopt(t.Context(), options(t, url), nil)
		ended <- err
	}()
	awaitLock(t, asSuperuser(t, url), `NOT granted AND query_start < clock_timestamp() - interval '700ms'`, ended)
	if _, err := writer.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Of two concurrent adoptions, the second waits and then finds nothing to do.
func TestAdoptTwiceAtOnce(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 1)
	results := make(chan string, 2)
	for range 2 {
		go func() {
			adopted, err := postgres.Adopt(t.Context(), options(t, url), nil)
			results <- fmt.Sprint(adopted.Stats, errors.Is(err, postgres.ErrNothingToAdopt))
		}()
	}
	got := map[string]bool{<-results: true, <-results: true}
	if diff := cmp.Diff(map[string]bool{fmt.Sprint(pythonStatsCount, false): true, fmt.Sprint(0, true): true}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	checkAdopted(t, url, 1)
}

// The old tables may be in another schema, which the role's search_path names.
func TestAdoptInSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	change(t, url, `CREATE SCHEMA "My Stats"`, `CREATE TABLE public.document (id int)`, set(`search_path = "My Stats"`))
	change(t, url, pythonSchema(2)...)
	change(t, url, pythonClients...)
	change(t, url, pythonStats()...)
	if _, err := postgres.Adopt(t.Context(), options(t, url), nil); err != nil {
		t.Fatal(err)
	}
	where := column(t, dial(t, url), `SELECT DISTINCT schemaname::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'document'`)
	if diff := cmp.Diff([]string{"My Stats"}, where); diff != "" {
		t.Errorf("schemas (-want +got)\n%s", diff)
	}
	if all := lines(t, url, newStats); len(all) != pythonStatsCount {
		t.Errorf("%d stats, want %d", len(all), pythonStatsCount)
	}
}
