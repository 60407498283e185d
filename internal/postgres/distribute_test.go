// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !citus

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

// stubOfCitus creates the functions of Citus that the service calls, and its catalog of
// distributed tables. Like Citus, it refuses tables with triggers, or with foreign keys to
// tables that are not distributed.
const stubOfCitus = `
CREATE TABLE pg_dist_partition (
	place serial, logicalrelid regclass NOT NULL PRIMARY KEY, kind text NOT NULL, partition_column text, colocated_with text
);
CREATE FUNCTION check_ties(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (
		SELECT FROM pg_constraint AS c
		WHERE c.contype = 'f' AND relation IN (c.conrelid, c.confrelid)
		  AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid IN (c.conrelid, c.confrelid) AND p.logicalrelid <> relation)
	) THEN
		RAISE EXCEPTION 'a foreign key ties % to a local table', relation;
	END IF;
	IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal) THEN
		RAISE EXCEPTION 'triggers are not supported on %', relation;
	END IF;
END $$;
CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM check_ties(table_name);
	INSERT INTO pg_dist_partition (logicalrelid, kind) VALUES (table_name, 'reference');
END $$;
CREATE FUNCTION citus_add_local_table_to_metadata(table_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM check_ties(table_name);
	INSERT INTO pg_dist_partition (logicalrelid, kind) VALUES (table_name, 'local');
END $$;
CREATE FUNCTION create_distributed_table(
	table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default'
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM check_ties(table_name);
	IF colocate_with NOT IN ('none', 'default') AND NOT EXISTS (
		SELECT FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass AND kind = 'distributed'
	) THEN
		RAISE EXCEPTION '% is not distributed', colocate_with;
	END IF;
	INSERT INTO pg_dist_partition (logicalrelid, kind, partition_column, colocated_with)
	VALUES (table_name, 'distributed', distribution_column, colocate_with);
END $$`

// stubbed returns the address of a database with the stub.
func stubbed(t *testing.T) string {
	t.Helper()
	url := pgtest.New(t)
	if _, err := dial(t, url).Exec(t.Context(), stubOfCitus); err != nil {
		t.Fatal(err)
	}
	return url
}

// foreignKeys reads the foreign keys of the service's tables.
const foreignKeys = `
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f' ORDER BY 1`

func TestDistributeChangesOneKey(t *testing.T) {
	t.Parallel()
	url := stubbed(t)
	store, conn := open(t, url), dial(t, url)
	before := column(t, conn, foreignKeys)
	if err := store.Distribute(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, key := range before { // the only one that changes
		before[i] = strings.Replace(key, "(stats_uuid) REFERENCES stats(uuid)", "(anr, stats_uuid) REFERENCES stats(anr, uuid)", 1)
	}
	if diff := cmp.Diff(before, column(t, conn, foreignKeys)); diff != "" {
		t.Errorf("foreign keys (-before +after)\n%s", diff)
	}
	got := column(t, conn, `SELECT concat_ws(' ', logicalrelid, kind, partition_column, colocated_with) FROM pg_dist_partition ORDER BY place`)
	want := []string{
		"client reference", "peer reference", "pull_position reference",
		"document distributed anr none", "stats distributed anr document", "peer_receipt distributed anr document",
		"rollup local", "rollup_delta local",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("distributed (-want +got)\n%s", diff)
	}
	local := column(t, conn, `SELECT tablename::text FROM pg_tables
		WHERE schemaname = 'public' AND to_regclass(tablename) NOT IN (SELECT logicalrelid FROM pg_dist_partition) ORDER BY 1`)
	if diff := cmp.Diff([]string{"audit_log", "change_version", "goose_db_version", "pg_dist_partition", "purge_state", "rollup_state", "subject", "transfer"}, local); diff != "" {
		t.Errorf("local tables (-want +got)\n%s", diff)
	}
	if err := store.Distribute(t.Context()); !errors.Is(err, postgres.ErrDistributed) {
		t.Errorf("again: %v, want ErrDistributed", err)
	}
}

// TestSchemaObeysCitus checks that the schema obeys the rules of Citus.
func TestSchemaObeysCitus(t *testing.T) {
	t.Parallel()
	url := stubbed(t)
	if err := open(t, url).Distribute(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rule, violations := range map[string]string{
		"keys contain the distribution column": `
			SELECT i.indexrelid::regclass::text
			FROM pg_index AS i JOIN pg_dist_partition AS p ON p.logicalrelid = i.indrelid
			WHERE p.kind = 'distributed' AND i.indisunique AND NOT EXISTS (
				SELECT FROM pg_attribute AS a
				WHERE a.attrelid = i.indrelid AND a.attname = p.partition_column AND a.attnum = ANY (i.indkey))`,
		"there are no triggers": `
			SELECT tgname::text FROM pg_trigger JOIN pg_dist_partition ON logicalrelid = tgrelid WHERE NOT tgisinternal`,
		"foreign keys lead to reference tables or along the distribution column to co-located ones": `
			SELECT c.conname::text
			FROM pg_constraint AS c
			JOIN pg_dist_partition AS child ON child.logicalrelid = c.conrelid
			JOIN pg_dist_partition AS parent ON parent.logicalrelid = c.confrelid
			WHERE c.contype = 'f' AND parent.kind <> 'reference' AND NOT (
				child.colocated_with IN (parent.logicalrelid::text, parent.colocated_with)
				AND EXISTS (
					SELECT FROM unnest(c.conkey, c.confkey) AS k (child, parent)
					JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.child
					JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.parent
					WHERE a.attname = child.partition_column AND b.attname = parent.partition_column))`,
		"reference tables do not refer to distributed ones": `
			SELECT c.conname::text
			FROM pg_constraint AS c
			JOIN pg_dist_partition AS child ON child.logicalrelid = c.conrelid
			LEFT JOIN pg_dist_partition AS parent ON parent.logicalrelid = c.confrelid
			WHERE c.contype = 'f' AND child.kind = 'reference' AND parent.kind IS DISTINCT FROM 'reference'`,
		"generated keys are bigint": `
			SELECT attname::text FROM pg_attribute JOIN pg_dist_partition ON logicalrelid = attrelid
			WHERE attidentity <> '' AND atttypid <> 'bigint'::regtype`,
	} {
		t.Run(rule, func(t *testing.T) {
			if found := column(t, dial(t, url), violations); len(found) > 0 {
				t.Errorf("violated by %v", found)
			}
		})
	}
}

func TestDistributeWithoutCitus(t *testing.T) {
	t.Parallel()
	if err := setup(t).Distribute(t.Context()); !errors.Is(err, postgres.ErrNoCitus) {
		t.Errorf("error %v, want ErrNoCitus", err)
	}
}

func TestFailedDistributionChangesNothing(t *testing.T) {
	t.Parallel()
	url := stubbed(t)
	store, conn := open(t, url), dial(t, url)
	const foreign = `CREATE TABLE report (client_id bigint REFERENCES client (id))`
	if _, err := conn.Exec(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	before := column(t, conn, foreignKeys)
	const want = "the tables cannot be distributed: table report refers to client by the foreign key report_client_id_fkey: drop that first"
	if err := store.Distribute(t.Context()); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if diff := cmp.Diff(before, column(t, conn, foreignKeys)); diff != "" {
		t.Errorf("foreign keys (-before +after)\n%s", diff)
	}
	if found := column(t, conn, `SELECT logicalrelid::text FROM pg_dist_partition`); len(found) > 0 {
		t.Errorf("distributed: %v", found)
	}
}

// TestNewestWhereDistributed compares the statements for distributed tables with
// the others.
func TestNewestWhereDistributed(t *testing.T) {
	t.Parallel()
	store := open(t, stubbed(t))
	one, two := newClient(t, store, "NC3"), newClient(t, store, "CASES")
	for n := range 12 {
		day := []string{"2024-05-01", "2024-05-03", "2024-05-02"}[n%3]
		client := []stats.Client{one, two}[n/6]
		insert(t, store, client, threat(t, n%4, day, "1 2 3 4 -"))
	}
	queries := map[string]postgres.ListQuery{
		"all":         {LastOnly: true},
		"by analysis": {LastOnly: true, GroupByANR: true},
		"of a type":   {LastOnly: true, Filter: stats.Filter{Type: "threat"}},
		"of another":  {LastOnly: true, Filter: stats.Filter{Type: "risk"}},
		"of analyses": {LastOnly: true, Filter: stats.Filter{ANRs: []uuid.UUID{id(1), id(2)}}},
		"local":       {LastOnly: true, Filter: stats.Filter{LocalStatsOnly: true}},
		"page":        {LastOnly: true, Page: stats.Page{Limit: 2, Offset: 1}},
	}
	answers := func() map[string][]stats.Stat {
		found := map[string][]stats.Stat{}
		for name, query := range queries {
			found[name], _ = list(t, store, stats.Everything(), query)
			found[name+" of a client"], _ = list(t, store, stats.OfClient(two.ID), query)
		}
		err := store.ListLast(t.Context(), func(stat stats.Stat) error {
			found["of each client"] = append(found["of each client"], stat)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := answers()
	if len(before["all"]) != 4 || len(before["of each client"]) < 5 {
		t.Fatalf("found %d and %d of the newest", len(before["all"]), len(before["of each client"]))
	}
	if err := store.Distribute(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, answers()); diff != "" {
		t.Errorf("(-before +distributed)\n%s", diff)
	}
}
