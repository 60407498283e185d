// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build citus

package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Citus waits for locks by itself.
func init() {
	lockWaiters = `SELECT sum(result::bigint)::bigint FROM run_command_on_all_nodes($$` + lockWaiters + `$$)`
}

// undistributed returns the address of a database of the cluster with ordinary tables.
func undistributed(t *testing.T) string {
	t.Helper()
	url := pgtest.Empty(t)
	if err := postgres.MigrateURL(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

const (
	foreignKeys = `SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
		FROM pg_constraint WHERE contype = 'f' AND conname !~ '_[0-9]+$' ORDER BY 1`
	distributedTables = `SELECT concat_ws(' ', table_name, citus_table_type, distribution_column) FROM citus_tables ORDER BY table_name::text`
)

// TestDistributeWhileInUse distributes a database that is in use, with one Store open.
func TestDistributeWhileInUse(t *testing.T) {
	t.Parallel()
	url := undistributed(t)
	store, conn := open(t, url), dial(t, url)
	client := newClient(t, store, "client")
	for n := range 30 {
		insert(t, store, client, threat(t, n%7, []string{"2024-05-01", "2024-03-01", "2023-01-01"}[n%3], "1 2 3 4 -"))
	}
	query := postgres.ListQuery{}
	before, _ := list(t, store, stats.Everything(), query)
	newest, _ := list(t, store, stats.Everything(), postgres.ListQuery{LastOnly: true})
	summed := sums(t, store, stats.Filter{Type: stats.Threat})
	keys := column(t, conn, foreignKeys)
	if err := store.Distribute(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, key := range keys { // the only one that changes
		keys[i] = strings.Replace(key, "(stats_uuid) REFERENCES stats(uuid)", "(anr, stats_uuid) REFERENCES stats(anr, uuid)", 1)
	}
	if diff := cmp.Diff(keys, column(t, conn, foreignKeys)); diff != "" {
		t.Errorf("foreign keys (-before +after)\n%s", diff)
	}
	want := []string{
		"client reference <none>", "document distributed anr", "peer reference <none>", "peer_receipt distributed anr",
		"pull_position reference <none>", "rollup local <none>", "rollup_delta local <none>", "stats distributed anr",
	}
	if diff := cmp.Diff(want, column(t, conn, distributedTables)); diff != "" {
		t.Errorf("tables (-want +got)\n%s", diff)
	}
	after, _ := list(t, store, stats.Everything(), query)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("stats (-before +after)\n%s", diff)
	}
	newestAfter, _ := list(t, store, stats.Everything(), postgres.ListQuery{LastOnly: true})
	if diff := cmp.Diff(newest, newestAfter); diff != "" {
		t.Errorf("newest stats (-before +after)\n%s", diff)
	}
	if diff := cmp.Diff(summed, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums (-before +after)\n%s", diff)
	}
	insert(t, store, client, threat(t, 3, "2024-06-01", "1 2 3 5 -"))
	agree(t, store)
	if err := store.Distribute(t.Context()); !errors.Is(err, postgres.ErrDistributed) {
		t.Errorf("again: %v, want ErrDistributed", err)
	}
	status, err := store.Status(t.Context())
	if err != nil || status.Stats[stats.Threat] != int64(len(before))+1 || status.Documents == 0 || status.Size == 0 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestFailedDistributionChangesNothing has a foreign object that prevents distribution.
func TestFailedDistributionChangesNothing(t *testing.T) {
	t.Parallel()
	url := undistributed(t)
	store, conn := open(t, url), dial(t, url)
	const obstacles = `CREATE TABLE report (stats_uuid uuid CONSTRAINT report_fkey REFERENCES stats (uuid));
		CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
		CREATE TRIGGER looks AFTER INSERT ON document FOR EACH ROW EXECUTE FUNCTION nothing()`
	if _, err := conn.Exec(t.Context(), obstacles); err != nil {
		t.Fatal(err)
	}
	const want = "the tables cannot be distributed: table document has the trigger looks; " +
		"table report refers to stats by the foreign key report_fkey: drop that first"
	if err := store.Distribute(t.Context()); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	// A problem that is found on the way undoes everything.
	if _, err := conn.Exec(t.Context(), `DROP TABLE report; DROP TRIGGER looks ON document; CREATE VIEW keyed AS SELECT uuid, anr FROM stats GROUP BY uuid`); err != nil {
		t.Fatal(err)
	}
	before := column(t, conn, foreignKeys)
	if err := store.Distribute(t.Context()); err == nil || !strings.Contains(err.Error(), "none was changed") {
		t.Errorf("error %v, want that none was changed", err)
	}
	if diff := cmp.Diff(before, column(t, conn, foreignKeys)); diff != "" {
		t.Errorf("foreign keys (-before +after)\n%s", diff)
	}
	if found := column(t, conn, distributedTables); len(found) > 0 {
		t.Errorf("distributed: %v", found)
	}
}

// TestUnlimitedListByDays compares a list that is read in windows of days with one
// that is not, over gaps that are longer than a window.
func TestUnlimitedListByDays(t *testing.T) {
	t.Parallel()
	store := setup(t)
	one, two := newClient(t, store, "one"), newClient(t, store, "two")
	for n, day := range []string{"2024-05-31", "2024-05-12", "2024-05-11", "2024-01-31", "2024-01-30", "2021-02-28", "1999-12-31"} {
		insert(t, store, []stats.Client{one, two}[n%2], threat(t, n%3, day, "1 2 3 4 -"), threat(t, 5+n, day, "1 2 3 4 -"))
	}
	for name, filter := range map[string]stats.Filter{
		"all":      {},
		"from":     {DateFrom: date("2024-01-31")},
		"to":       {DateTo: date("2024-05-11")},
		"from, to": {DateFrom: date("2021-02-28"), DateTo: date("2024-05-11")},
		"none":     {DateFrom: date("2025-01-01")},
		"analyses": {ANRs: []uuid.UUID{id(1), id(2)}},
	} {
		for _, scope := range []stats.Scope{stats.Everything(), stats.OfClient(two.ID)} {
			got, more := list(t, store, scope, postgres.ListQuery{Filter: filter})
			want, _ := list(t, store, scope, postgres.ListQuery{Filter: filter, Page: stats.Page{Limit: 1000}})
			if diff := cmp.Diff(want, got); diff != "" || more {
				t.Errorf("%s: more %t (-want +got)\n%s", name, more, diff)
			}
		}
	}
}

// TestDeletionOfOneOfTwo has two stats with one UUID, of two clients. Only the stat of the
// right client is deleted.
func TestDeletionOfOneOfTwo(t *testing.T) {
	t.Parallel()
	store := setup(t)
	alice, mallory := newClient(t, store, "alice"), newClient(t, store, "mallory")
	own := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	squatter := threat(t, 2, "2024-05-01", "1 9 9 9 squatter")
	squatter.UUID = stats.DerivedUUID(alice.UUID, own.ANR, own.Date, own.Digest)
	insert(t, store, mallory, squatter, threat(t, 1, "2024-04-01", "1 9 9 9 squatter"))
	insert(t, store, alice, own)
	if n, err := store.DeleteClient(t.Context(), mallory.UUID); err != nil || n != 2 {
		t.Errorf("deleted %d, %v; want those of the client", n, err)
	}
	found, _ := list(t, store, stats.Everything(), postgres.ListQuery{})
	if len(found) != 1 || found[0].ANR != own.ANR || found[0].ClientID != alice.ID {
		t.Errorf("left are %+v, want that of the other client", found)
	}
	agree(t, store)
}
