// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	std "cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// pythonSchema returns the statements for the tables of the Python service: those of
// SQLAlchemy, and the additions of its two Alembic revisions.
func pythonSchema(revision int) []string {
	added := []string{"", ", is_sharing_enabled boolean", ", is_sharing_enabled boolean, latitude float, longitude float"}[revision]
	return []string{
		`CREATE TABLE client (
			id serial PRIMARY KEY, uuid uuid UNIQUE NOT NULL, name varchar(100) UNIQUE, token varchar(100) UNIQUE, role integer,
			last_seen timestamp, local boolean, created_at timestamp, updated_at timestamp, is_active boolean` + added + `)`,
		`CREATE TABLE stats (
			uuid uuid PRIMARY KEY, anr uuid NOT NULL, type varchar NOT NULL, date date NOT NULL, data jsonb NOT NULL,
			created_at timestamp, client_id integer REFERENCES client (id))`,
		`CREATE INDEX ix_stats_type ON stats (type)`,
		`CREATE INDEX ix_stats_date ON stats (date)`,
	}
}

const (
	adminToken = "the token of the admin"
	userToken  = "the token of the user"
)

// pythonClients has every oddity of clients.
var pythonClients = []string{
	`INSERT INTO client (uuid, name, token, role, local, created_at, updated_at, is_active, last_seen) VALUES
		('00000000-0000-4000-8000-000000000901', 'admin', '` + adminToken + `', 2, true, '2020-01-02 03:04:05.678901', '2020-02-03', true, '2024-05-01 10:00'),
		('00000000-0000-4000-8000-000000000902', 'user', '` + userToken + `', 1, false, '2020-01-02', '2020-02-03', true, NULL),
		('00000000-0000-4000-8000-000000000903', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		('00000000-0000-4000-8000-000000000904', 'inactive', 'the token of the inactive', 1, true, '2021-01-01', NULL, false, NULL),
		('00000000-0000-4000-8000-000000000905', E'caf\u00e9', 'composed', 7, true, '2021-01-01', '2021-01-01', true, NULL),
		('00000000-0000-4000-8000-000000000906', E'cafe\u0301', 'decomposed', 1, true, '2021-01-01', '2021-01-01', true, NULL),
		('00000000-0000-4000-8000-000000000907', 'no token', NULL, 1, true, '2021-01-01', '2021-01-01', true, NULL)`,
	`SELECT setval('client_id_seq', 20)`,
}

const threatData = `[{"uuid": "00000000-0000-4000-8000-000000000001", "label1": "one", "label2": "", "label3": null, "label4": "", ` +
	`"count": %d, "maxRisk": 3, "averageRate": "1.50"}]`

// pythonStats has every oddity of stats: documents that repeat, that differ only in the
// notation of a number or that are invalid, an unknown type, no client, duplicates.
func pythonStats() []string {
	insert := `INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id) VALUES `
	rows := []string{
		`('00000000-0000-0000-0000-000000000000', '%[1]s', 'threat', '2024-05-01', '%[2]s', '2024-05-01 01:02:03.000004', 2)`,
		`('ffffffff-ffff-ffff-ffff-ffffffffffff', '%[1]s', 'threat', '2024-05-02', '%[2]s', '2024-05-02', 2)`,
		`('00000000-0000-4000-8000-000000000003', '%[1]s', 'threat', '2024-05-03', replace('%[2]s', '"maxRisk": 3', '"maxRisk": 3.0')::jsonb, '2024-05-03', 2)`,
		`('00000000-0000-4000-8000-000000000004', '%[1]s', 'threat', '2024-05-04', '[]', '2024-05-04', 1)`,
		`('00000000-0000-4000-8000-000000000005', '%[1]s', 'threat', '2024-05-04', '[]', '2024-05-04', 1)`,
		`('00000000-0000-4000-8000-000000000006', '%[1]s', 'threat', '2024-05-05', '%[2]s', NULL, NULL)`,
		`('00000000-0000-4000-8000-000000000007', '%[1]s', 'threat', '2024-05-06', '[{"uuid": 1}]', '2024-05-06', 3)`,
		`('00000000-0000-4000-8000-000000000008', '%[1]s', 'threat', '2024-05-07', '[{"uuid": 1}, {}]', '2024-05-07', 3)`,
		`('00000000-0000-4000-8000-000000000009', '%[1]s', 'oddity', '2024-05-07', '{"a": [1e400, "\\u00e9"]}', '2024-05-07', 3)`,
		`('00000000-0000-4000-8000-000000000010', '%[1]s', 'risk', '2024-05-07', '"text"', '2024-05-07', 4)`,
		`('00000000-0000-4000-8000-000000000011', '%[1]s', 'risk', '2024-05-07', 'null', '2024-05-07', 4)`,
		`('00000000-0000-4000-8000-000000000012', '%[1]s', 'compliance', '0001-01-01', '[]', '2024-05-07', 4)`,
	}
	return []string{
		insert + fmt.Sprintf(strings.Join(rows, ", "), id(1), fmt.Sprintf(threatData, 2)),
		// Enough for several pages: each analysis changes every tenth day.
		`INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id)
		SELECT md5(a || '/' || d)::uuid, md5('anr' || a)::uuid, 'threat', DATE '2024-01-01' + d,
			replace('` + fmt.Sprintf(threatData, 2) + `', '"count": 2', '"count": ' || a + d / 10)::jsonb, TIMESTAMP '2024-01-01' + d * INTERVAL '1 day', 1 + a % 2
		FROM generate_series(1, 20) AS a, generate_series(1, 60) AS d`,
	}
}

const pythonStatsCount = 12 + 20*60

// pythonDatabase creates the database of a Python instance with every oddity.
func pythonDatabase(t testing.TB, revision int) (url string) {
	t.Helper()
	url = pgtest.Empty(t)
	change(t, url, slices.Concat(pythonSchema(revision), pythonClients, pythonStats())...)
	if revision >= 1 {
		change(t, url, `UPDATE client SET is_sharing_enabled = false WHERE id = 2`)
	}
	if revision >= 2 {
		change(t, url, `UPDATE client SET latitude = 49.6, longitude = 6.1 WHERE id = 2`)
		change(t, url, `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)`)
		change(t, url, `INSERT INTO alembic_version VALUES ('9d6e5f3a7c21')`)
		change(t, url, `CREATE INDEX extra ON stats (anr)`)
	}
	return url
}

// lines returns the rows of a query as text.
func lines(t testing.TB, url, query string) []string {
	t.Helper()
	return column(t, dial(t, url), query)
}

const (
	oldStats = `SELECT concat_ws('|', uuid, anr, type, date, data, coalesce(created_at, date), coalesce(client_id, 0)) FROM stats ORDER BY uuid`
	newStats = `SELECT concat_ws('|', uuid, anr, type, date, replace(data::text, '3.0', '3'), created_at AT TIME ZONE 'UTC', coalesce(client_id, 0))
		FROM stats_with_data ORDER BY uuid`
)

func TestAdoptionKeepsEverything(t *testing.T) {
	t.Parallel()
	for revision := range 3 {
		t.Run(fmt.Sprint("revision ", revision), func(t *testing.T) {
			t.Parallel()
			url := pythonDatabase(t, revision)
			before := lines(t, url, strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1))
			survey, err := postgres.SurveyAdoption(t.Context(), options(t, url), nil)
			if err != nil {
				t.Fatal(err)
			}
			adopted, err := postgres.Adopt(t.Context(), options(t, url), nil)
			if err != nil {
				t.Fatal(err)
			}
			if adopted.BytesAfter == 0 || adopted.Revision != revision || adopted.Stats != pythonStatsCount {
				t.Errorf("adopted %+v", adopted)
			}
			// 3 and 3.0 are one document.
			if adopted.BytesAfter, adopted.Documents = 0, adopted.Documents+1; true {
				if diff := cmp.Diff(adopted, survey); diff != "" {
					t.Errorf("(-adopted +surveyed)\n%s", diff)
				}
			}
			if diff := cmp.Diff(before, lines(t, url, newStats)); diff != "" {
				t.Errorf("stats (-before +after)\n%s", diff)
			}
			checkAdopted(t, url, revision)
			if _, err := postgres.Adopt(t.Context(), options(t, url), nil); !errors.Is(err, postgres.ErrNothingToAdopt) {
				t.Errorf("again: %v", err)
			}
			store := open(t, url)
			log := audited(t, store, time.Time{})
			if len(log) == 0 || !strings.HasPrefix(log[0], "database.adopt database by service") || !strings.Contains(log[0], fmt.Sprintf(`"stats": %d`, pythonStatsCount)) {
				t.Errorf("audit log: %q", log)
			}
			appendOnly(t, url, store)
		})
	}
}

// checkAdopted checks clients, tokens and results.
func checkAdopted(t *testing.T, url string, revision int) {
	t.Helper()
	store := open(t, url)
	if err := store.CheckSchema(t.Context()); err != nil {
		t.Fatal(err)
	}
	clients, err := store.ListClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(clients, func(a, b stats.Client) int { return std.Compare(a.ID, b.ID) })
	var got []string
	for _, c := range clients {
		got = append(got, fmt.Sprintf("%d %s %q %s local=%t sharing=%t active=%t %s located=%t", c.ID, c.Name, c.Token, c.Role, c.Local,
			c.IsSharingEnabled, c.IsActive, c.CreatedAt.Format("2006-01-02T15:04:05.999999Z07:00"), c.Latitude != nil))
	}
	want := []string{
		`1 admin "the token of the admin" admin local=true sharing=true active=true 2020-01-02T03:04:05.678901Z located=false`,
		fmt.Sprintf(`2 user "the token of the user" user local=false sharing=%t active=true 2020-01-02T00:00:00Z located=%t`, revision < 1, revision >= 2),
		`3  "" user local=true sharing=true active=true 2024-05-31T12:00:01Z located=false`,
		`4 inactive "the token of the inactive" user local=true sharing=true active=false 2021-01-01T00:00:00Z located=false`,
		"5 caf\u00e9 \"composed\" user local=true sharing=true active=true 2021-01-01T00:00:00Z located=false",
		"6 cafe\u0301 \"decomposed\" user local=true sharing=true active=true 2021-01-01T00:00:00Z located=false",
		`7 no token "" user local=true sharing=true active=true 2021-01-01T00:00:00Z located=false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clients (-want +got)\n%s", diff)
	}
	for _, client := range clients {
		if client.Token == "" {
			continue
		}
		found, err := store.ClientByToken(t.Context(), client.Token)
		if client.IsActive && (err != nil || found.ID != client.ID) {
			t.Errorf("the token of client %d finds %d: %v", client.ID, found.ID, err)
		}
	}
	checkAdoptedResults(t, store, clients)
	if created := newClient(t, store, "new"); created.ID != 21 {
		t.Errorf("a new client has the id %d, want 21: the next that the Python service would give", created.ID)
	}
}

func checkAdoptedResults(t *testing.T, store *postgres.Store, clients []stats.Client) {
	t.Helper()
	status, err := store.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[stats.Type]int64{"risk": 2, "threat": 8 + 20*60, "vulnerability": 0, "cartography": 0, "compliance": 1, "oddity": 1}
	if diff := cmp.Diff(want, status.Stats); diff != "" || !status.RollupsComplete || status.Unprocessable != 5 {
		t.Errorf("status %+v (-want +got)\n%s", status, diff)
	}
	if differences, err := store.RollupsAgree(t.Context()); err != nil || len(differences) > 0 {
		t.Errorf("the rollups differ: %v, %v", differences, err)
	}
	if all, _ := list(t, store, stats.Everything(), postgres.ListQuery{}); len(all) != pythonStatsCount {
		t.Errorf("%d stats are listed, want %d", len(all), pythonStatsCount)
	}
	if mine, _ := list(t, store, clients[1].Scope(), postgres.ListQuery{}); len(mine) != 3+10*60 {
		t.Errorf("%d stats of the user are listed", len(mine))
	}
	// On 2024-05-05 only a stat without a client counts.
	filter := stats.Filter{Type: stats.Threat, DateFrom: date("2024-05-05"), DateTo: date("2024-05-07")}
	sums, err := store.DailySums(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	var days []string
	for _, sum := range sums {
		days = append(days, fmt.Sprintf("%s %d %v", sum.Date.Format(time.DateOnly), sum.Count, sum.Sums))
	}
	if diff := cmp.Diff([]string{"2024-05-05 1 [2 3 1.5]"}, days); diff != "" {
		t.Errorf("sums (-want +got)\n%s", diff)
	}
}

// During an adoption, the database can be read but not changed. After an interruption,
// other commands say how to continue.
func TestAdoptRefusesWrites(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := postgres.Adopt(ctx, options(t, url), func(done, _ int64) {
		if done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	conn := dial(t, url)
	for _, statement := range []string{
		`UPDATE client SET last_seen = now()`, `DELETE FROM stats`, `TRUNCATE stats`, `INSERT INTO client (uuid) VALUES (gen_random_uuid())`,
		`INSERT INTO stats SELECT gen_random_uuid(), anr, type, date, data, created_at, client_id FROM stats`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "takes this database over") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if n := len(lines(t, url, oldStats)); n != pythonStatsCount {
		t.Errorf("%d stats can be read, want %d", n, pythonStatsCount)
	}
	if _, err := postgres.Open(t.Context(), options(t, url)); !errors.Is(err, postgres.ErrAdopting) {
		t.Errorf("open: %v", err)
	}
	// Dropping the schema restores the old state.
	change(t, url, `DROP SCHEMA statsservice_adoption CASCADE`)
	change(t, url, `UPDATE client SET last_seen = now()`)
	if _, err := postgres.Open(t.Context(), options(t, url)); !errors.Is(err, postgres.ErrPython) {
		t.Errorf("open: %v", err)
	}
}

// A row that was changed during the copy, despite the triggers, is found before the old
// tables are dropped.
func TestAdoptCompares(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ statement, says string }{
		"a stat is gone":      {`DELETE FROM statsservice_adoption.stats WHERE uuid = '00000000-0000-4000-8000-000000000003'`, "1 stats differ"},
		"a stat is another":   {`UPDATE statsservice_adoption.stats SET date = '2024-05-04' WHERE uuid = '00000000-0000-4000-8000-000000000003'`, "1 stats differ"},
		"a client is another": {`UPDATE statsservice_adoption.client SET name = 'another' WHERE id = 4`, "1 clients differ"},
		"a token is another":  {`UPDATE statsservice_adoption.client SET token_digest = '\x00' WHERE id = 1`, "1 clients differ"},
		"a stat came": {`ALTER TABLE stats DISABLE TRIGGER adoption;
			INSERT INTO stats SELECT '00000000-0000-0000-0000-000000000001', anr, type, date, data, created_at, client_id FROM stats LIMIT 1`, "1 stats differ"},
	} {
		t.Run(name, func(t *testing.T) {
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
			if _, err := dial(t, url).PgConn().Exec(t.Context(), tc.statement).ReadAll(); err != nil {
				t.Fatal(err)
			}
			before := lines(t, url, oldStats)
			_, err = postgres.Adopt(t.Context(), options(t, url), nil)
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "DROP SCHEMA statsservice_adoption CASCADE") {
				t.Errorf("got %v, want an error that says %q, and how to give up", err, tc.says)
			}
			if diff := cmp.Diff(before, lines(t, url, oldStats)); diff != "" {
				t.Errorf("old stats (-before +after)\n%s", diff)
			}
		})
	}
}

// If the secret key changes at an interruption, all tokens open with the new one.
func TestAdoptContinuesWithAnotherKey(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 1)
	before := lines(t, url, strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1))
	for stop := int64(1); ; stop += 300 {
		ctx, cancel := context.WithCancel(t.Context())
		opts := options(t, url)
		if stop == 1 {
			opts.Secret = secret.New("another secret key of the tests")
		}
		_, err := postgres.Adopt(ctx, opts, func(done, _ int64) {
			if done >= stop {
				cancel()
			}
		})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, lines(t, url, newStats)); diff != "" {
		t.Errorf("stats (-before +after)\n%s", diff)
	}
	checkAdopted(t, url, 1)
}

func TestForeignDatabases(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statement string
		want      error
		says      string
	}{
		"another column":    {`ALTER TABLE client ADD COLUMN email text`, postgres.ErrForeign, "table client has a column email text"},
		"another type":      {`ALTER TABLE stats ALTER COLUMN data TYPE json`, postgres.ErrForeign, "table stats has a column data json"},
		"one table":         {`DROP TABLE stats`, postgres.ErrForeign, "tables: client"},
		"fewer columns":     {`ALTER TABLE client DROP COLUMN is_active`, postgres.ErrForeign, "lack columns"},
		"left-over version": {`CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp)`, postgres.ErrPython, "db_adopt"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Empty(t)
			change(t, url, append(pythonSchema(2), tc.statement)...)
			before := tables(t, url)
			_, open := postgres.Open(t.Context(), options(t, url))
			_, migrated := postgres.Initialize(t.Context(), url)
			for what, err := range map[string]error{"open": open, "migrate": migrated} {
				if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: got %v, want %v that says %q", what, err, tc.want, tc.says)
				}
			}
			if tc.want == postgres.ErrForeign {
				if _, err := postgres.Adopt(t.Context(), options(t, url), nil); !errors.Is(err, postgres.ErrForeign) {
					t.Errorf("adopt: %v", err)
				}
			} else if _, err := postgres.Adopt(t.Context(), options(t, url), nil); err != nil {
				t.Errorf("adopt: %v", err)
			}
			if diff := cmp.Diff(before, tables(t, url)); diff != "" && tc.want == postgres.ErrForeign {
				t.Errorf("tables (-before +after)\n%s", diff)
			}
		})
	}
}

// set is a statement that changes a setting of the database for new connections.
func set(setting string) string {
	return `DO $$ BEGIN EXECUTE format($f$ALTER DATABASE %I SET ` + setting + `$f$, current_database()); END $$`
}

// change runs statements whatever number of rows they change.
func change(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn := dial(t, url)
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// The export gives the Python service its rows, clients and tokens back, and what was
// added since.
func TestExportPython(t *testing.T) {
	t.Parallel()
	for revision := range 3 {
		t.Run(fmt.Sprint("revision ", revision), func(t *testing.T) {
			t.Parallel()
			url := pythonDatabase(t, revision)
			const oldClients = `SELECT concat_ws('|', id, uuid, coalesce(name, '-'), coalesce(token, '-'), CASE WHEN role = 2 THEN 2 ELSE 1 END, local IS NOT FALSE,
				is_active IS NOT FALSE, last_seen, CASE WHEN name IS NOT NULL THEN created_at END) FROM client ORDER BY id`
			contents := strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1)
			clients, before := lines(t, url, oldClients), lines(t, url, contents)
			structure := lines(t, url, pythonStructure)
			if _, err := postgres.Adopt(t.Context(), options(t, url), nil); err != nil {
				t.Fatal(err)
			}
			change(t, url, set(`datestyle = 'SQL, DMY'`), set(`extra_float_digits = 0`), set(`client_encoding = 'LATIN1'`))
			store := open(t, url)
			added := newClient(t, store, "tab\\\"é")
			insert(t, store, added, named(threat(t, 1, "2024-06-01", "1 1 1 1 one"), 777))
			var script strings.Builder
			done, err := store.ExportPython(t.Context(), &script)
			if err != nil || done.Stats != pythonStatsCount+1 || done.Clients != 8 {
				t.Fatalf("exported %+v, %v", done, err)
			}
			back := pgtest.Empty(t)
			restore(t, back, script.String())
			if diff := cmp.Diff(clients, lines(t, back, oldClients)[:len(clients)]); diff != "" {
				t.Errorf("clients (-before +after)\n%s", diff)
			}
			if got := lines(t, back, `SELECT name || ' ' || token FROM client WHERE id = 21`); !slices.Equal(got, []string{"tab\\\"é " + added.Token}) {
				t.Errorf("the new client is %q", got)
			}
			isNew := func(line string) bool { return strings.HasPrefix(line, id(777).String()) }
			if diff := cmp.Diff(before, slices.DeleteFunc(lines(t, back, contents), isNew)); diff != "" {
				t.Errorf("stats (-before +after)\n%s", diff)
			}
			if n := lines(t, back, `SELECT count(*)::text FROM stats WHERE uuid = '`+id(777).String()+`' AND client_id = 21`); n[0] != "1" {
				t.Errorf("the new stat is there %s times", n)
			}
			if diff := cmp.Diff(structure, lines(t, back, pythonStructure)); diff != "" {
				t.Errorf("structure (-before +after)\n%s", diff)
			}
			// The exported database can be taken over again.
			if again, err := postgres.Adopt(t.Context(), options(t, back), nil); err != nil || again.Stats != done.Stats {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

// pythonStructure queries the structure that the Python service needs.
const pythonStructure = `
SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname <> 'extra'
UNION ALL
SELECT conname FROM pg_constraint WHERE contype = 'f'
ORDER BY 1`

// restore runs a script as psql does, as far as the script needs it.
func restore(t *testing.T, url, script string) {
	t.Helper()
	conn := dial(t, url)
	for script != "" {
		sql, rest, isCopy := strings.Cut(script, " FROM stdin;\n")
		begin := strings.LastIndex(sql, "COPY ")
		if !isCopy {
			begin = len(sql)
		}
		if _, err := conn.PgConn().Exec(t.Context(), sql[:begin]).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql[:begin], err)
		}
		if !isCopy {
			return
		}
		var data string
		if data, script, isCopy = strings.Cut(rest, "\\.\n"); !isCopy {
			t.Fatalf("%s: the data has no end", sql[begin:])
		}
		if _, err := conn.PgConn().CopyFrom(t.Context(), strings.NewReader(data), sql[begin:]+" FROM STDIN"); err != nil {
			t.Fatalf("%s: %v", sql[begin:], err)
		}
	}
}
