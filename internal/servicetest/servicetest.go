// SPDX-License-Identifier: AGPL-3.0-or-later

// Package servicetest provides the parts of a service to the tests of several packages: a
// store with its own database, clients, stats, and the API on top of them.
//
// All functions fail the test instead of returning errors.
package servicetest

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/publicapi"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/sql/migrations"
)

// waitLimit bounds the wait of Eventually. It is longer than any condition takes.
const waitLimit = 2 * time.Minute

// Main is the TestMain of a package whose tests need databases.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run runs the tests and returns the exit code.
func Run(m *testing.M) int {
	return pgtest.Run(m, migrations.FS, postgres.MigrateURL, postgres.DistributionStatements())
}

// Secret returns the box that seals the tokens of all stores of the tests.
func Secret() *secret.Box { return secret.New("secret key of the tests") }

// Open opens a store until the test ends. By default, it has a new database, the Secret
// of the tests and the log of the test.
func Open(tb testing.TB, options postgres.Options) *postgres.Store {
	tb.Helper()
	if options.URL == "" {
		options.URL = pgtest.New(tb)
	}
	if options.Secret == nil {
		options.Secret = Secret()
	}
	if options.Log == nil {
		options.Log = Log(tb)
	}
	store, err := postgres.Open(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.Close)
	return store
}

// Log returns a logger to the output of the test.
func Log(tb testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(tb.Output(), nil)) }

// User returns a client like that of a front office: local, active and sharing.
func User(name string) stats.Client {
	return stats.Client{Name: name, Role: stats.RoleUser, Local: true, IsSharingEnabled: true, IsActive: true}
}

// CreateClient stores a client and returns it with its token.
func CreateClient(tb testing.TB, store *postgres.Store, client stats.Client) stats.Client {
	tb.Helper()
	created, err := store.CreateClient(tb.Context(), client)
	if err != nil {
		tb.Fatal(err)
	}
	return created
}

// Item returns the stat as a parsed item. Its data must be valid.
func Item(tb testing.TB, stat stats.Stat) stats.Item {
	tb.Helper()
	item, err := stats.ItemOf(stat)
	if err != nil {
		tb.Fatalf("%s: %v", stat.Type, err)
	}
	return item
}

// Insert stores stats of a client in one batch.
func Insert(tb testing.TB, store *postgres.Store, client stats.Client, all ...stats.Stat) {
	tb.Helper()
	items := make([]stats.Item, len(all))
	for i, stat := range all {
		items[i] = Item(tb, stat)
	}
	InsertItems(tb, store, client, items...)
}

// InsertItems stores a batch and returns the result of each item.
func InsertItems(tb testing.TB, store *postgres.Store, client stats.Client, items ...stats.Item) []stats.Result {
	tb.Helper()
	results, err := store.InsertBatch(tb.Context(), client, stats.Batch{Items: items})
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

// API returns the API and the public routes of a store. By default, it has a cache,
// figures without suppression, UTC, no log, and accepts bodies of 64 MB.
func API(options httpapi.Options) (*httpapi.Server, http.Handler) {
	if options.Location == nil {
		options.Location = time.UTC
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.MaxBodyBytes == 0 {
		options.MaxBodyBytes = 64 << 20
	}
	if options.Cache == nil {
		options.Cache = httpapi.NewCache(options.Now)
	}
	if options.Figures == nil {
		options.Figures = disclosure.New(disclosure.Options{
			Store: options.Store.SumStore, Cache: options.Cache, Now: options.Now, Location: options.Location,
		})
	}
	options.Public = publicapi.New(publicapi.Options{Figures: options.Figures, Cache: options.Cache, APIRoot: httpapi.Root})
	return httpapi.New(options)
}

// ID returns readable UUIDs that sort by n.
func ID(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

// Eventually waits until happened returns true; what completes "waiting until ...".
func Eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(waitLimit); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("after %s still waiting until %s", waitLimit, what)
		}
	}
}

// FreePort returns a free port of the loopback interface. It is below the range that the
// system assigns to outgoing connections, so it is probably still free when a process
// starts to listen on it.
func FreePort(tb testing.TB) int {
	tb.Helper()
	for range 100 {
		port := 10_000 + rand.IntN(22_000)
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil { // listening to check would leak the listener to processes that start meanwhile
			return port
		}
		conn.Close()
	}
	tb.Fatal("100 random ports of the loopback interface are in use")
	return 0
}
