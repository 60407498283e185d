// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build pooler

package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestStoreBehindAPooler runs everything that would need a separate session or named statements
// through a real PgBouncer in transaction mode, both with a URL that names the pooler and
// with one that does not.
func TestStoreBehindAPooler(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(url string) string{
		"noticed": func(url string) string { return strings.Replace(url, "&default_query_exec_mode=cache_describe", "", 1) },
		"exec":    func(url string) string { return strings.Replace(url, "cache_describe", "exec", 1) },
		"simple":  func(url string) string { return strings.Replace(url, "cache_describe", "simple_protocol", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := edit(pgtest.Empty(t))
			if _, err := postgres.Initialize(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			store := open(t, url)
			clients := fillTables(t, store, pgtest.WithoutPooler(url)) // also rebuilds the rollups
			agree(t, store)
			if err := store.CheckSchema(t.Context()); err != nil {
				t.Error(err)
			}
			if state, err := store.State(t.Context()); state != postgres.StateUp {
				t.Errorf("state %s: %v", state, err)
			}
			file, _ := backUp(t, url)
			target := edit(pgtest.Empty(t))
			if err := restoreFile(t.Context(), target, file, nil); err != nil {
				t.Fatal(err)
			}
			checkRestored(t, store, open(t, target), clients)
		})
	}
}

// A transaction holds a lock, and no other session gets it until it is released.
func TestPoolerLocks(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	first, second := open(t, url), open(t, url)
	release, ok, err := first.TryLock(t.Context(), "push")
	if err != nil || !ok {
		t.Fatalf("taken: %t, %v", ok, err)
	}
	for range 5 { // on whatever session the pooler chooses
		if _, ok, err := second.TryLock(t.Context(), "push"); err != nil || ok {
			t.Fatalf("taken by another: %t, %v", ok, err)
		}
	}
	release()
	release, ok, err = second.TryLock(t.Context(), "push")
	if err != nil || !ok {
		t.Fatalf("after it was given back: %t, %v", ok, err)
	}
	release()
}

// Changes are announced on a direct connection, and polled without one.
func TestPoolerChanges(t *testing.T) {
	t.Parallel()
	for name, direct := range map[string]bool{"asked": false, "heard": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			opts := options(t, url)
			if direct {
				opts.ListenURL = pgtest.WithoutPooler(url)
			}
			hearing, err := postgres.Open(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(hearing.Close)
			store := open(t, url)
			client := newClient(t, store, "NC3")
			changes := listener(t, hearing)
			await(t, changes, postgres.ChangeEverything)
			insert(t, store, client, threat(t, 1, "2024-05-01", "1 2 3 4 -"))
			await(t, changes, postgres.Change(stats.Threat))
			newClient(t, store, "CASES")
			await(t, changes, postgres.ChangeClients)
			if _, err := store.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			await(t, changes, postgres.ChangeEverything)
		})
	}
}

// await waits for a change; others may come before, as several may come at once.
func await(t *testing.T, changes <-chan postgres.Change, want postgres.Change) {
	t.Helper()
	for change := range changes {
		if change == want {
			return
		}
	}
}

// TestPoolerAdopt takes a database over that is reached through the pooler, by the direct
// connection that is there for changes, while others work by the pooler.
func TestPoolerAdopt(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	opts := options(t, url)
	opts.ListenURL = pgtest.WithoutPooler(url)
	before := lines(t, url, strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1))
	if _, err := postgres.SurveyAdoption(t.Context(), opts, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, lines(t, url, strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1))); diff != "" {
		t.Errorf("stats (-before +surveyed)\n%s", diff)
	}
	if _, err := postgres.Adopt(t.Context(), opts, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, lines(t, url, newStats)); diff != "" {
		t.Errorf("stats (-before +after)\n%s", diff)
	}
	checkAdopted(t, url, 2)
	agree(t, open(t, url))
	if _, err := postgres.Adopt(t.Context(), opts, nil); !errors.Is(err, postgres.ErrNothingToAdopt) {
		t.Errorf("again: %v", err)
	}
}

// An adoption works on no session that it shares with others, and on no other database.
func TestPoolerRefusesToAdopt(t *testing.T) {
	t.Parallel()
	pooled := pythonDatabase(t, 2)
	direct := pgtest.WithoutPooler(pooled)
	before := tables(t, direct)
	for name, test := range map[string]struct{ url, listen, says string }{
		"no direct connection":     {pooled, "", "set DATABASE_LISTEN_URL"},
		"a pooler that was named":  {direct + "&default_query_exec_mode=exec", "", "set DATABASE_LISTEN_URL"},
		"two poolers":              {pooled, pooled, "DATABASE_LISTEN_URL leads to a pooler too"},
		"another database":         {pooled, pgtest.WithoutPooler(pgtest.Empty(t)), "DATABASE_LISTEN_URL leads to another database"},
		"nothing at the other end": {pooled, "postgres://127.0.0.1:1/nothing", "DATABASE_LISTEN_URL: "},
		"what is not an address":   {pooled, "postgres://:::", "DATABASE_LISTEN_URL: "},
	} {
		opts := options(t, test.url)
		opts.ListenURL = test.listen
		_, err := postgres.Adopt(t.Context(), opts, nil)
		if err == nil || errors.Is(err, postgres.ErrNothingToAdopt) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if diff := cmp.Diff(before, tables(t, direct)); diff != "" {
		t.Errorf("tables (-before +after)\n%s", diff)
	}
}
