// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(adoptVariable); url != "" {
		adoptStepwise(url)
	}
	if variable := os.Getenv(restoreVariable); variable != "" {
		restoreStepwise(variable)
	}
	servicetest.Main(m)
}

// clock advances by a second whenever it is read.
type clock struct{ ticks atomic.Int64 }

var start = time.Date(2024, 5, 31, 12, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time { return start.Add(time.Duration(c.ticks.Add(1)) * time.Second) }

// setup opens a Store on a new database.
func setup(t testing.TB) *postgres.Store {
	t.Helper()
	return open(t, pgtest.New(t))
}

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	return servicetest.Open(t, options(t, url))
}

func options(t testing.TB, url string) postgres.Options {
	return postgres.Options{URL: url, Secret: servicetest.Secret(), Now: new(clock).now, Log: servicetest.Log(t)}
}

func newClient(t testing.TB, store *postgres.Store, name string) stats.Client {
	t.Helper()
	return servicetest.CreateClient(t, store, servicetest.User(name))
}

var (
	id     = servicetest.ID
	item   = servicetest.Item
	insert = servicetest.InsertItems
)

func date(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

// known returns the item as ParseBatch does for a known document: not parsed.
func known(t testing.TB, store *postgres.Store, item stats.Item) stats.Item {
	t.Helper()
	sent := stats.SentDocument{ANR: item.ANR, Fingerprint: item.Fingerprint}
	digests, err := store.KnownDocuments(t.Context(), []stats.SentDocument{sent})
	if err != nil {
		t.Fatal(err)
	}
	digest, known := digests[sent]
	if !known || digest != item.Digest {
		t.Fatalf("the document is known as %x (%t), want %x", digest, known, item.Digest)
	}
	item.Known, item.Observations = true, nil
	return item
}

// threats returns the data of a threat stat. Each object is "uuid-number count maxRisk rate label".
func threats(objects ...string) []byte {
	parts := make([]string, len(objects))
	for i, object := range objects {
		var n int
		var count, maxRisk, rate, label string
		if _, err := fmt.Sscan(object, &n, &count, &maxRisk, &rate, &label); err != nil {
			panic(err)
		}
		parts[i] = fmt.Sprintf(`{"uuid":%q,"label1":%q,"label2":"","label3":null,"label4":"","count":%s,"maxRisk":%s,"averageRate":%q}`,
			id(n), strings.Trim(label, "-"), count, maxRisk, rate)
	}
	return []byte("[" + strings.Join(parts, ",") + "]")
}

// threat returns a threat stat of an analysis on a day, without a UUID.
func threat(t testing.TB, anr int, day string, objects ...string) stats.Item {
	t.Helper()
	return item(t, stats.Stat{ANR: id(anr), Type: stats.Threat, Date: date(day), Data: threats(objects...)})
}

// named sets the UUID of an item.
func named(item stats.Item, n int) stats.Item {
	item.UUID = id(n)
	return item
}

// list returns all that EachStat visits, with copies of the data.
func list(t testing.TB, store *postgres.Store, scope stats.Scope, query postgres.ListQuery) (found []stats.Stat, more bool) {
	t.Helper()
	more, err := store.EachStat(t.Context(), scope, query, func(stat stats.Stat) error {
		stat.Data = append([]byte(nil), stat.Data...)
		found = append(found, stat)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, more
}

// everything returns the uuids of all stats, to see what is stored.
func everything(t testing.TB, store *postgres.Store) []uuid.UUID {
	t.Helper()
	found, _ := list(t, store, stats.Everything(), postgres.ListQuery{})
	return uuids(found)
}

func uuids(found []stats.Stat) []uuid.UUID {
	ids := []uuid.UUID{}
	for _, stat := range found {
		ids = append(ids, stat.UUID)
	}
	return ids
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// documentOf returns an SQL condition for the document of the stat with the UUID id(n).
func documentOf(n int) string {
	return fmt.Sprintf(`(anr, digest) = (SELECT anr, digest FROM stats WHERE uuid = '%s')`, id(n))
}

// dial opens a connection without the store.
func dial(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// tables returns the sorted names of the database's tables.
func tables(t testing.TB, url string) []string {
	t.Helper()
	rows, err := dial(t, url).Query(t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// column returns the only column of a query as text.
func column(t testing.TB, conn *pgx.Conn, query string) []string {
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
