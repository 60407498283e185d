// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// The request of a front office: 50 analyses, 92 days, 60 threats in each stat.
const (
	benchAnalyses = 50
	benchDays     = 92
	benchObjects  = 60
)

// benchStore returns a store with the stats of that request and as many of other analyses.
func benchStore(b *testing.B) (*postgres.Store, string) {
	b.Helper()
	url := pgtest.New(b)
	store := open(b, url)
	client := newClient(b, store, "client")
	for day := range benchDays {
		var items []stats.Item
		for anr := range 2 * benchAnalyses {
			var objects []string
			for n := range benchObjects {
				objects = append(objects, fmt.Sprintf("%d %d %d %d.%02d label", n, n%7, n%5, n%4, (n*day+anr)%100))
			}
			items = append(items, threat(b, anr, "2024-01-01", objects...))
			items[anr].Date = date("2024-03-01").AddDate(0, 0, day)
		}
		insert(b, store, client, items...)
	}
	return store, url
}

func benchFilter() stats.Filter {
	filter := stats.Filter{Type: stats.Threat, DateFrom: date("2024-03-01"), DateTo: date("2024-05-31")}
	for anr := range benchAnalyses {
		filter.ANRs = append(filter.ANRs, id(2*anr))
	}
	return filter
}

func BenchmarkDailySums(b *testing.B) {
	store, url := benchStore(b)
	analyse(b, url, "VACUUM ANALYZE")
	b.ReportAllocs()
	for b.Loop() {
		sums, err := store.DailySums(b.Context(), benchFilter())
		if err != nil || len(sums) != benchDays*benchObjects {
			b.Fatalf("%d sums, %v; want %d", len(sums), err, benchDays*benchObjects)
		}
	}
	reportSize(b, url, `SELECT sum(pg_column_size(observations)) FROM document`)
}

// BenchmarkObservationRows measures the alternative to packing: a row for each
// observation, aggregated by the database.
func BenchmarkObservationRows(b *testing.B) {
	_, url := benchStore(b)
	analyse(b, url,
		`CREATE TABLE observation (stats_uuid uuid, anr uuid, type text, date date, subject int,
			count numeric, max_risk numeric, rate numeric, PRIMARY KEY (stats_uuid, subject))`,
		`INSERT INTO observation SELECT s.uuid, s.anr, s.type, s.date, o.n,
			(o.value->>'count')::numeric, (o.value->>'maxRisk')::numeric, (o.value->>'averageRate')::numeric
			FROM stats_with_data s, jsonb_array_elements(s.data) WITH ORDINALITY AS o(value, n)`,
		`CREATE INDEX ON observation (anr, type, date)`, `VACUUM ANALYZE`)
	benchQuery(b, url, `SELECT date, subject, count(*), sum(count), sum(max_risk), sum(rate) FROM observation
		WHERE type = $1 AND anr = ANY ($2) AND date BETWEEN $3 AND $4 GROUP BY date, subject ORDER BY date`)
	reportSize(b, url, `SELECT pg_total_relation_size('observation')`)
}

// BenchmarkDocuments aggregates without any derived form.
func BenchmarkDocuments(b *testing.B) {
	_, url := benchStore(b)
	analyse(b, url, "VACUUM ANALYZE")
	benchQuery(b, url, `SELECT date, o->>'uuid', count(*), sum((o->>'count')::numeric), sum((o->>'maxRisk')::numeric),
		sum((o->>'averageRate')::numeric) FROM stats_with_data, jsonb_array_elements(data) AS o
		WHERE type = $1 AND anr = ANY ($2) AND date BETWEEN $3 AND $4 GROUP BY 1, 2 ORDER BY date`)
}

func benchQuery(b *testing.B, url, query string) {
	b.Helper()
	conn := connect(b, url)
	filter := benchFilter()
	for b.Loop() {
		rows, err := conn.Query(b.Context(), query, string(filter.Type), filter.ANRs, filter.DateFrom, filter.DateTo)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rows.Next() {
			if _, err := rows.Values(); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != benchDays*benchObjects || rows.Err() != nil {
			b.Fatalf("%d rows, %v; want %d", n, rows.Err(), benchDays*benchObjects)
		}
	}
}

// BenchmarkInsertStats stores 100 new analyses of 60 threats a round.
func BenchmarkInsertStats(b *testing.B) {
	store := open(b, pgtest.New(b))
	client := newClient(b, store, "client")
	var objects []string
	for n := range benchObjects {
		objects = append(objects, fmt.Sprintf("%d %d %d %d.%02d label", n, n%7, n%5, n%4, n))
	}
	template := threat(b, 0, "2024-01-01", objects...)
	b.ReportAllocs()
	for round := 0; b.Loop(); round++ {
		items := make([]stats.Item, 100)
		for i := range items {
			items[i] = template
			items[i].ANR = id(round*len(items) + i)
		}
		insert(b, store, client, items...)
	}
}

func connect(b *testing.B, url string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close(b.Context()) })
	return conn
}

func analyse(b *testing.B, url string, statements ...string) {
	b.Helper()
	conn := connect(b, url)
	for _, statement := range statements {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// reportSize reports the bytes that query gives, for each stat. It belongs after
// the loop, whose start drops what was reported.
func reportSize(b *testing.B, url, query string) {
	b.Helper()
	var size float64
	if err := connect(b, url).QueryRow(b.Context(), query).Scan(&size); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(size/(2*benchAnalyses*benchDays), "bytes/stat")
}
