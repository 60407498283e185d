// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// anyOf returns a URL of the first of the servers that accepts writes.
func anyOf(t *testing.T, servers ...*localpg.Server) string {
	t.Helper()
	hosts := ""
	for _, server := range servers {
		address, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		if hosts != "" {
			hosts += ","
		}
		hosts += address.Query().Get("host")
	}
	address, err := url.Parse(servers[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("host", hosts)
	query.Set("target_session_attrs", "read-write")
	address.RawQuery = query.Encode()
	return address.String()
}

// TestFormerPrimaryIsRefused fails over to the standby. The former primary then returns
// and still accepts writes, as one does for a moment after it was frozen.
func TestFormerPrimaryIsRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := open(t, anyOf(t, p.primary, p.replica))
	client := newClient(t, store, "NC3")
	insert(t, store, client, threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	eventually(t, "the standby has the stat", func() bool {
		return holds(t, dial(t, p.replica.URL()), "SELECT count(*) = 1 FROM stats")
	})

	stopServer(t, p.primary)
	p.onReplica(t, `SELECT pg_promote()`)
	eventually(t, "the standby takes writes", func() bool {
		_, err := store.InsertBatch(t.Context(), client, stats.Batch{Items: []stats.Item{threat(t, 2, "2024-05-31", "1 2 3 4 -")}})
		return err == nil
	})
	p.primary = startServer(t, filepath.Join(filepath.Dir(p.replicaDir), "p"), map[string]string{"wal_level": "replica", "max_wal_senders": "4"})
	// New connections try the former primary first.
	p.onReplica(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stats-service'`)
	eventually(t, "the store reads again", func() bool { return store.Ping(t.Context()) == nil })
	mustHold(t, store, 2)
}

// TestFailoverClosesOldConnections has connections to a primary that keeps running after
// its standby was promoted.
func TestFailoverClosesOldConnections(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := open(t, anyOf(t, p.replica, p.primary))
	client := newClient(t, store, "NC3")
	insert(t, store, client, threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	eventually(t, "the standby has the stat", func() bool {
		return holds(t, dial(t, p.replica.URL()), "SELECT count(*) = 1 FROM stats")
	})
	p.onReplica(t, `SELECT pg_promote()`)
	insert(t, open(t, p.replica.URL()), client, threat(t, 2, "2024-05-31", "1 2 3 4 -"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	heard := make(chan postgres.Change, 10)
	go func() { _ = store.Listen(ctx, func(change postgres.Change) { heard <- change }) }() // makes a connection
	<-heard
	mustHold(t, store, 2)
}

// TestReadWithoutPrimary reads, and authenticates a client, while only a replica is up.
func TestReadWithoutPrimary(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := p.open(t, 0)
	client := newClient(t, store, "NC3")
	insert(t, store, client, threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	eventually(t, "the replica answers", func() bool { return onReplica(t, store) })
	stopServer(t, p.primary)
	eventually(t, "the client is found", func() bool {
		found, err := store.ClientByToken(t.Context(), client.Token)
		return err == nil && found.ID == client.ID
	})
	mustHold(t, store, 1)
	if found, err := store.ClientByToken(t.Context(), "unknown"); err == nil || found.ID != 0 {
		t.Errorf("an unknown token: client %d, error %v", found.ID, err)
	}
	p.primary = startServer(t, filepath.Join(filepath.Dir(p.replicaDir), "p"), map[string]string{"wal_level": "replica", "max_wal_senders": "4"})
	eventually(t, "the primary takes writes again", func() bool {
		_, err := store.InsertBatch(t.Context(), client, stats.Batch{Items: []stats.Item{threat(t, 2, "2024-05-31", "1 2 3 4 -")}})
		return err == nil
	})
	eventually(t, "the replica answers again", func() bool { return onReplica(t, store) })
	mustHold(t, store, 2)
}

// TestRepeatedOnFormerPrimary repeats a stored batch on a connection to a former primary
// that is now a standby.
func TestRepeatedOnFormerPrimary(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := open(t, p.primary.URL())
	client := newClient(t, store, "NC3")
	insert(t, store, client, threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	standby := dial(t, p.replica.URL())
	eventually(t, "the standby has the stat", func() bool { return holds(t, standby, "SELECT count(*) = 1 FROM stats") })
	p.onReplica(t, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
	p.onReplica(t, `SELECT pg_reload_conf()`)
	eventually(t, "the setting is effective", func() bool { return holds(t, standby, "SELECT current_setting('synchronous_standby_names') = '*'") })
	_, err := open(t, p.replica.URL()).InsertBatch(t.Context(), client, stats.Batch{Items: []stats.Item{threat(t, 1, "2024-05-31", "1 2 3 4 -")}})
	if !errors.Is(err, postgres.ErrReadOnly) {
		t.Errorf("error %v, want %v", err, postgres.ErrReadOnly)
	}
}
