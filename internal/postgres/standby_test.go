// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestRepeatedAwaitsStandby posts while there is no synchronous standby. After the caller
// has given up, the stat is only on the primary. Repeating the post must not acknowledge
// the stat before the standby has it: a failover would lose it.
func TestRepeatedAwaitsStandby(t *testing.T) {
	t.Parallel()
	server := startServer(t, filepath.Join(ramdisk.Folder(t), "p"), map[string]string{"wal_level": "replica", "max_wal_senders": "4"})
	t.Cleanup(func() { stopServer(t, server) })
	if err := postgres.MigrateURL(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	store := open(t, server.URL())
	client := newClient(t, store, "client")
	superuser := dial(t, strings.Replace(server.URL(), "statsservice@", "postgres@", 1))
	require := func(standby string) {
		for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '" + standby + "'", "SELECT pg_reload_conf()"} {
			if _, err := superuser.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 1
	insert(t, store, client, threat(t, n, "2024-03-01", "1 1 12 2.5 Theft")) // also stores the subjects
	require("nobody")
	n++
	for acknowledged(t, store, superuser, client, threat(t, n, "2024-03-01", "1 1 12 2.5 Theft")) {
		n++ // the server's processes read the setting at different times
	}
	unconfirmed := threat(t, n, "2024-03-01", "1 1 12 2.5 Theft")
	eventually(t, "the stat is stored on the primary", func() bool { return holds(t, superuser, "SELECT count(*) = $1 FROM stats", n) })

	if acknowledged(t, store, superuser, client, unconfirmed) {
		t.Error("a stat that no standby has is acknowledged when it is sent again")
	}
	require("")
	if results := insert(t, store, client, unconfirmed); results[0].Status != stats.Repeated {
		t.Errorf("sending it again afterwards: status %v, want %v", results[0].Status, stats.Repeated)
	}
}

// acknowledged posts and reports whether that succeeds. It gives up when the commit
// waits for a standby.
func acknowledged(t *testing.T, store *postgres.Store, superuser *pgx.Conn, client stats.Client, item stats.Item) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	posted := make(chan error, 1)
	go func() {
		_, err := store.InsertBatch(ctx, client, stats.Batch{Items: []stats.Item{item}})
		posted <- err
	}()
	for {
		select {
		case err := <-posted:
			if err != nil {
				t.Fatal(err)
			}
			return true
		case <-time.After(time.Millisecond):
		}
		if holds(t, superuser, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'") {
			cancel()
			<-posted
			return false
		}
	}
}

func holds(t *testing.T, conn *pgx.Conn, question string, args ...any) (answer bool) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), question, args...).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
