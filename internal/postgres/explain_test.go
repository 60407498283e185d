// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !citus

package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// fillStatement stores 20 clients with 3 analyses each, which send one of the
// five types each day for a year, which change every 50 days: 21,900 stats, 2,400
// documents.
const fillStatement = `
INSERT INTO client (uuid, name, token_digest, token_sealed, created_at, updated_at)
SELECT md5('client' || n)::uuid, 'client ' || n, decode(md5('token' || n), 'hex'), '', now(), now()
FROM generate_series(1, 20) AS n;

CREATE TEMPORARY TABLE sent AS
SELECT n, day, md5('anr' || n)::uuid AS anr, md5('document' || n || ' ' || (n + day) % 5 || ' ' || day / 50)::uuid AS digest,
	(array['risk', 'vulnerability', 'threat', 'cartography', 'compliance'])[(n + day) % 5 + 1] AS type
FROM generate_series(1, 60) AS n, generate_series(0, 364) AS day;

INSERT INTO document (anr, digest, fingerprint, type, data, observations)
SELECT anr, digest, digest, type, (SELECT jsonb_object_agg(i, md5(digest::text || i)) FROM generate_series(1, 100) AS i),
	decode(repeat(md5(anr::text), 40), 'hex')
FROM (SELECT DISTINCT anr, digest, type FROM sent) AS distinct_document;

INSERT INTO stats (uuid, anr, type, date, digest, created_at, client_id)
SELECT md5('stats' || n || ' ' || day)::uuid, anr, type, date '2024-01-01' + day, digest,
	timestamptz '2024-01-01' + day * interval '1 day', (n - 1) / 3 + 1
FROM sent`

// Statements on stats or documents must not read all rows, and must not sort or aggregate
// rows that include the data.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := openNew(t)
	fill(ctx, t, store)
	for name, q := range indexedQueries() {
		t.Run(name, func(t *testing.T) {
			plan := explain(ctx, t, store, q.statement, q.args)
			// A large share of all documents is read with a sequential scan.
			whole := strings.Contains(plan, "Seq Scan on public.stats") ||
				strings.Contains(plan, "Seq Scan on public.document") && !strings.Contains(plan, "array_agg")
			if whole && q.index != everyRow || !strings.Contains(plan, q.index) {
				t.Errorf("want index %s, plan is\n%s", q.index, plan)
			}
			if sortsData.MatchString(plan) {
				t.Errorf("documents are sorted or hashed with their data:\n%s", plan)
			}
		})
	}
}

// The test above has every statement that reads stats or documents.
func TestEveryStatementIsExplained(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, q := range indexedQueries() {
		explained[q.statement] = true
	}
	reads := regexp.MustCompile(`(?i)\b(from|join|update|using)\s+(stats|document)\b`)
	found := 0
	for name, statement := range statements(t) {
		if !reads.MatchString(statement) {
			continue
		}
		found++
		if !explained[statement] {
			t.Errorf("the plan of %s is not looked at: add it to indexedQueries", name)
		}
	}
	if found < 20 {
		t.Errorf("found %d statements that read stats, want more", found)
	}
}

// statements returns the generated statements by name.
func statements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../gen/db/*.sql.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					found[spec.Names[0].Name], _ = strconv.Unquote(literal.Value)
				}
			}
			return true
		})
	}
	return found
}

func fill(ctx context.Context, t *testing.T, store *Store) {
	t.Helper()
	conn, err := store.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	// The server of the tests commits asynchronously, after which VACUUM cannot
	// mark pages as visible to all, which index-only scans need.
	statements := append([]string{"SET synchronous_commit = on"}, strings.Split(fillStatement, ";")...)
	for _, statement := range append(statements, "VACUUM ANALYZE") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
}

// everyRow marks a statement that has to read all rows, instead of an index.
const everyRow = ""

// sortsData finds sorts and aggregates of rows with data in the output of EXPLAIN VERBOSE.
var sortsData = regexp.MustCompile(`(?m)^\s*(->  )?(Incremental )?(Sort|Hash|HashAggregate|GroupAggregate|Materialize)\b.*\n\s*Output: .*\bdata\b`)

type indexedQuery struct {
	statement string
	args      []any
	index     string
}

func indexedQueries() map[string]indexedQuery {
	one, threatType := int64(7), "threat"
	anrs := []uuid.UUID{md5ID("8fa14cdd754f91cc6554c9e71929cce7"), md5ID("c4ca4238a0b923820dcc509a6f75849b")}
	client, all := stats.OfClient(one), stats.Everything()
	quarter := stats.Filter{DateFrom: dayOf("2024-09-01"), DateTo: dayOf("2024-11-30")}
	week := stats.Filter{DateFrom: dayOf("2024-11-24"), DateTo: dayOf("2024-11-30")}
	ofType := func(f stats.Filter) stats.Filter { f.Type = "threat"; return f }
	ofANRs := func(f stats.Filter) stats.Filter { f.ANRs = anrs; return f }
	ofClient := func(f stats.Filter) stats.Filter { f.OfClient = one; return f }

	list := func(index string, scope stats.Scope, query ListQuery) indexedQuery {
		statement, args := listStatement(scope, query, false)
		return indexedQuery{statement, args, index}
	}
	sums := func(index string, f stats.Filter) indexedQuery {
		return indexedQuery{db.ObservationsByDay, []any{threatType, anrFilter(f.ANRs), clientFilter(f.OfClient), dateFilter(f.DateFrom), dateFilter(f.DateTo), false}, index}
	}
	spread := func(index string, scope stats.Scope, query ListQuery) indexedQuery {
		query.LastOnly = true
		statement, args := listStatement(scope, query, true)
		return indexedQuery{statement, args, index}
	}
	page := stats.Page{Limit: 10}
	since, none := dayOf("2024-11-01"), (*string)(nil)
	return map[string]indexedQuery{
		"list of everybody":             list("stats_date_idx", all, ListQuery{Filter: week}),
		"page of everybody":             list("stats_date_idx", all, ListQuery{Page: page}),
		"list of a client":              list("stats_client_id_date_idx", client, ListQuery{Filter: quarter}),
		"page of a client":              list("stats_client_id_date_idx", client, ListQuery{Page: page}),
		"page of a type":                list("stats_date_idx", all, ListQuery{Filter: ofType(stats.Filter{}), Page: page}),
		"list of a type":                list("stats_date_idx", all, ListQuery{Filter: ofType(week)}),
		"list of analyses":              list("stats_series_idx", all, ListQuery{Filter: ofANRs(quarter)}),
		"list of a client's analyses":   list("stats_series_idx", client, ListQuery{Filter: ofANRs(ofType(quarter))}),
		"list grouped by analysis":      list("stats_series_idx", all, ListQuery{Filter: ofANRs(quarter), GroupByANR: true}),
		"client's list by analysis":     list("stats_client_id_date_idx", client, ListQuery{Filter: quarter, GroupByANR: true}),
		"newest of a client's analyses": list("stats_series_idx", client, ListQuery{Filter: ofANRs(ofType(stats.Filter{})), LastOnly: true}),
		"newest of analyses":            list("stats_series_idx", all, ListQuery{Filter: ofANRs(ofType(stats.Filter{})), LastOnly: true}),
		"newest of a client":            list("stats_client_id_anr_idx", client, ListQuery{LastOnly: true}),
		"newest of everybody":           list("stats_series_idx", all, ListQuery{LastOnly: true}),
		"newest of every client":        {db.NewestStats, nil, "stats_client_id_anr_idx"},
		"newest where distributed":      spread("stats_series_idx", all, ListQuery{Filter: ofANRs(ofType(stats.Filter{}))}),
		"newest of all if distributed":  {db.NewestStatsDistributed, nil, everyRow},
		"one stat":                      {db.StatByUUID, []any{uuid.New(), anrs[0], &one}, "stats_pkey"},

		"known documents":  {db.KnownDocuments, []any{anrs, anrs}, "document_fingerprint_idx"},
		"stored documents": {db.StoredDocuments, []any{anrs, anrs}, "document_pkey"},
		"retries":          {db.StoredStats, []any{anrs, []string{"risk", "threat"}, []time.Time{since, since}, anrs, one}, "stats_series_idx"},
		"taken uuids":      {db.TakenUUIDs, []any{anrs}, "stats_pkey"},
		"fingerprints":     {db.SetFingerprints, []any{anrs, anrs, anrs}, "document_pkey"},

		"processing of analyses":            sums("Index Only Scan using stats_series_idx", ofANRs(quarter)),
		"documents of chosen analyses":      sums("Index Scan using document_pkey", ofANRs(quarter)),
		"processing of a client's analyses": sums("Index Only Scan using stats_series_idx", ofClient(ofANRs(quarter))),
		"processing of everybody":           sums("stats_date_idx", week),
		"a week to recompute":               {db.ObservationsBetween, []any{dayOf("2024-02-01"), dayOf("2024-02-07")}, "stats_date_idx"},
		"first day":                         {db.FirstStatsDay, []any{dayOf("2024-02-01")}, "stats_date_idx"},
		"newest day":                        {db.NewestDay, []any{nil, nil, nil, nil, dayOf("2024-02-01")}, "stats_date_idx"},
		"recounting of a client":            {db.ObservationsOfClient, []any{one}, "stats_client_id_"},
		"documents to derive":               {db.DocumentsToDerive, []any{anrs[0], anrs[1], int64(100)}, "document_pkey"},
		"observations":                      {db.SetObservations, []any{anrs, anrs, [][]byte{nil, {1}}, [][]byte{{1}, {1}}}, "document_pkey"},
		"stats of documents":                {db.StatsOfDocuments, []any{anrs, []string{"risk", "threat"}, anrs}, "stats_series_idx"},
		"not processed":                     {db.CountUnprocessableStats, nil, "document_unprocessable_idx"},
		"not processed of a type":           {db.CountUnprocessableOfType, []any{threatType}, "document_unprocessable_idx"},

		"deletion of an analysis":   {db.DeleteStats, []any{anrs[0], (*uuid.UUID)(nil), (*int64)(nil)}, "stats_series_idx"},
		"deletion of a client's":    {db.DeleteStats, []any{anrs[0], (*uuid.UUID)(nil), &one}, "stats_"},
		"deletion of one stat":      {db.DeleteStats, []any{anrs[0], &anrs[1], (*int64)(nil)}, "stats_pkey"},
		"deletion by key":           {db.DeleteStatsByKey, []any{anrs, anrs}, "stats_pkey"},
		"deletion of documents":     {db.DeleteUnreferenced, []any{anrs, anrs}, "stats_series_idx"},
		"stats of a client":         {db.NextStatsOfClient, []any{one, int64(1000)}, "stats_client_id_"},
		"count of a client":         {db.CountStatsOfClient, []any{one}, "Index Only Scan"},
		"old stats":                 {db.NextStatsBefore, []any{*dateFilter(dayOf("2024-02-01")), int64(1000)}, "stats_date_idx"},
		"count of old stats":        {db.CountStatsBefore, []any{*dateFilter(dayOf("2024-02-01"))}, "Index Only Scan"},
		"analyses with duplicates":  {db.RepeatedAnalyses, []any{none, (*time.Time)(nil)}, everyRow},
		"duplicates of an analysis": {db.RepeatedStats, []any{anrs[0], none, &since}, "stats_series_idx"},

		"count by type":      {db.CountStatsByType, nil, everyRow},
		"count":              {db.CountStats, nil, "Index Only Scan"},
		"count of documents": {db.CountDocuments, nil, "Index Only Scan"},

		"next unsent day": {db.NextUnsentDay, []any{one, dayOf("2024-09-01"), dayOf("2024-11-30"), &threatType, one}, "stats_client_id_date_idx"},
		"unsent of a day": {db.UnsentOfDay, []any{one, dayOf("2024-09-01"), anrs[0], &threatType, one, int64(100)}, "stats_client_id_date_idx"},
		"count of unsent": {db.CountUnsent, []any{one, dayOf("2024-09-01"), dayOf("2024-11-30"), &threatType, one}, "_idx"},
		"receipts":        {db.RecordReceipts, []any{one, anrs}, "stats_pkey"},

		"contributions":            {db.Contributions, []any{dayOf("2024-02-01"), dayOf("2024-02-07"), &threatType, false}, "stats_date_idx"},
		"contributors":             {db.CountContributors, nil, "Index Only Scan"},
		"count of processed":       {db.CountProcessedStats, nil, "Index Only Scan"},
		"contributions by week":    {db.ContributionsByWeek, []any{dayOf("2024-02-01"), dayOf("2024-02-07")}, "stats_date_idx"},
		"observations of clients":  {db.ObservationsByClient, []any{threatType, dayOf("2024-02-01"), dayOf("2024-02-07"), false, []int64{1, 2}}, "stats_"},
		"observations by client":   {db.ObservationsByClient, []any{threatType, dayOf("2024-02-01"), dayOf("2024-02-07"), false, []int64(nil)}, "stats_date_idx"},
		"observations by analysis": {db.ObservationsByAnalysis, []any{threatType, dayOf("2024-02-01"), dayOf("2024-02-07"), false}, "stats_date_idx"},
		"newest day that counts":   {db.NewestCountedDay, []any{dayOf("2024-02-01"), false}, "stats_date_idx"},
	}
}

// A generic plan that was made while the tables were nearly empty must still use indexes.
func TestGenericPlansUseIndexes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store, _ := storeWithClient(t)
	conn, err := store.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	queries := indexedQueries()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, genericPlans); err != nil {
			return err
		}
		for _, name := range []string{"known documents", "stored documents", "retries", "taken uuids", "fingerprints"} {
			q := queries[name]
			plan, err := explainIn(ctx, tx, q.statement, q.args)
			if err != nil {
				return err
			}
			if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, q.index) {
				t.Errorf("%s: want index %s, plan is\n%s", name, q.index, plan)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func explain(ctx context.Context, t *testing.T, store *Store, statement string, args []any) string {
	t.Helper()
	plan, err := explainIn(ctx, store.pool, statement, args)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func explainIn(ctx context.Context, conn db.DBTX, statement string, args []any) (string, error) {
	rows, err := conn.Query(ctx, "EXPLAIN VERBOSE "+statement, args...)
	if err != nil {
		return "", err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return strings.Join(lines, "\n"), err
}

func md5ID(digits string) uuid.UUID {
	raw, err := hex.DecodeString(digits)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", digits, err))
	}
	return uuid.UUID(raw)
}

func dayOf(text string) time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return d
}

// Prepared statements must get custom plans: a generic plan could not drop absent filters.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	store := openNew(t)
	for name, want := range map[string]string{
		"plan_cache_mode": "force_custom_plan", "lock_timeout": "25s", "idle_in_transaction_session_timeout": "1min",
		"application_name": "stats-service", "TimeZone": "UTC",
	} {
		var got string
		if err := store.pool.QueryRow(t.Context(), "SHOW "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
	const compression = `SELECT setting = CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE reset_val END
		FROM pg_settings WHERE name = 'default_toast_compression'`
	best := true
	err := store.pool.QueryRow(t.Context(), compression).Scan(&best)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) || !best { // no row before PostgreSQL 14
		t.Errorf("new documents are not compressed with lz4, although the server can: %v", err)
	}
}
