// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package cli_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

const migratingFile = root + "/docs/migrating.md"

// between are requests that front offices send to the new service.
const between = `
request GET http://127.0.0.1:$SERVICE_PORT/api/v1/client/me nc3 | grep '"name":"NC3"'
request POST http://127.0.0.1:$SERVICE_PORT/api/v1/stats/ nc3 '[{"anr":"00000000-0000-4000-8000-000000000004","type":"threat","date":"2024-05-03","data":[]}]' | grep '^201'
`

var pythonInstance = []string{
	`CREATE TABLE client (id serial PRIMARY KEY, uuid uuid UNIQUE NOT NULL, name varchar(100) UNIQUE, token varchar(100) UNIQUE, role integer,
		last_seen timestamp, local boolean, created_at timestamp, updated_at timestamp, is_active boolean)`,
	`CREATE TABLE stats (uuid uuid PRIMARY KEY, anr uuid NOT NULL, type varchar NOT NULL, date date NOT NULL, data jsonb NOT NULL,
		created_at timestamp, client_id integer REFERENCES client (id))`,
	`INSERT INTO client (uuid, name, token, role, created_at, last_seen) VALUES
		('00000000-0000-4000-8000-000000000001', 'NC3', 'nc3', 1, '2024-05-01', '2024-05-02 03:04:05')`,
	`INSERT INTO stats VALUES
		('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000004', 'threat', '2024-05-01', '[]', '2024-05-01', 1),
		('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000004', 'threat', '2024-05-02', '{}', '2024-05-02', NULL)`,
}

// TestMigratingPage types what docs/migrating.md shows, there and back, and nothing else.
func TestMigratingPage(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "psql", "pg_dump", "createdb")
	host, pgPort, server := clusterOf(t)
	superuser := connect(t, server("postgres", "postgres"))
	execAll(t, superuser, `CREATE ROLE migrating LOGIN`, `CREATE DATABASE migrating OWNER migrating`)
	address := func(database string) string { return server("migrating", database) }
	old := connect(t, address("migrating"))
	execAll(t, old, pythonInstance...)
	const rows = `SELECT concat_ws('|', uuid, anr, type, date, data, created_at, client_id) FROM stats ORDER BY date`
	const clients = `SELECT concat_ws('|', id, uuid, name, token, role, created_at, last_seen) FROM client`
	wantRows, wantClients := texts(t, old, rows), texts(t, old, clients)
	// What an adoption that was given up leaves behind.
	execAll(t, old, `CREATE SCHEMA statsservice_adoption`, `CREATE TABLE statsservice_adoption.page ()`)
	_ = old.Close(t.Context())

	here := migratingHere(address, pgPort)
	page := here(read(t, migratingFile))
	m := newMachine(t, "", "")
	port := strings.TrimPrefix(m.address, "127.0.0.1:")
	settings, giveUp := here(block(t, "docs/migrating.md", "port = 5005")), here(block(t, "docs/migrating.md", "DROP SCHEMA"))
	m.write(filepath.Base(m.settings), strings.Replace(settings, "port = 5005", "port = "+port, 1)+fmt.Sprintf("data_dir = %q\n", m.dir))
	there, back, found := strings.Cut(page, "## The way back")
	back, _, alsoFound := strings.Cut(back, "## Side by side")
	if !found || !alsoFound {
		t.Fatal("the page has other headings")
	}
	wantTaken(t, settings+giveUp+typedIn(there)+typedIn(back), here, blocksBy(t))
	giveUp = strings.ReplaceAll(giveUp, "migrating_adoption", "statsservice_adoption")
	environ := fmt.Sprintf("export PGHOST=%s PGPORT=%s SERVICE_PORT=%s\n", host, pgPort, port)
	output := m.types(environ + giveUp + typedIn(there) + between + typedIn(back))
	t.Logf("%s", output)
	for _, said := range []string{"Dry run, to be taken over: clients: 1, stats: 2", "Taken over: clients: 1, stats: 2", "Rollups and stats: agree"} {
		if !strings.Contains(output, said) {
			t.Errorf("nothing said %q", said)
		}
	}
	returned := connect(t, address("migrating"))
	if diff := cmp.Diff(wantRows, texts(t, returned, rows)[:len(wantRows)]); diff != "" {
		t.Errorf("stats (-before +after)\n%s", diff)
	}
	if n := len(texts(t, returned, rows)); n != len(wantRows)+1 {
		t.Errorf("%d stats came back, want the old ones and the new one", n)
	}
	seen := strings.NewReplacer("|2024-05-02 03:04:05", "")
	if got := texts(t, returned, clients); !strings.HasPrefix(got[0], seen.Replace(wantClients[0])) {
		t.Errorf("client %q, want %q that was seen later", got, wantClients)
	}
}

// migratingHere returns a function that changes a text of the page for the server of the
// tests, which already has a role and a database of the page's name.
func migratingHere(address func(database string) string, port string) func(text string) string {
	inPage := regexp.MustCompile(`postgresql://migrating:password@localhost:5432/(\w+)`)
	return func(text string) string {
		text = strings.ReplaceAll(text, "statsservice", "migrating")
		return inPage.ReplaceAllStringFunc(text, func(found string) string {
			// In a shell, what follows an ampersand would be another command.
			return strings.Replace(address(inPage.FindStringSubmatch(found)[1]), "&port="+port, "", 1)
		})
	}
}

// typedIn are the commands of the transcripts in a text.
func typedIn(text string) string {
	var commands strings.Builder
	for _, step := range tourSteps(text) {
		commands.WriteString(step.command)
	}
	return commands.String()
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execAll(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func texts(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// execAtEnd is execAll for when the test is over.
func execAtEnd(t *testing.T, address string, statements ...string) {
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
