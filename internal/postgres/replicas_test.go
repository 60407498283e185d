// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// waitLimit bounds every wait of the tests. It is longer than any of them takes.
	waitLimit = time.Minute
	// often is how often a Store of the tests probes its replicas.
	often = 20 * time.Millisecond
)

// pair is a primary with a streaming replica.
type pair struct {
	primary, replica *localpg.Server
	replicaDir       string
	conninfo         string
}

// newPair creates the replica from a copy of the stopped primary.
func newPair(t *testing.T) *pair {
	t.Helper()
	dir := ramdisk.Folder(t)
	p := &pair{replicaDir: filepath.Join(dir, "r")}
	settings := map[string]string{"wal_level": "replica", "max_wal_senders": "4"}
	primary := startServer(t, filepath.Join(dir, "p"), settings)
	if err := postgres.MigrateURL(t.Context(), primary.URL()); err != nil {
		t.Fatal(err)
	}
	stopServer(t, primary)
	copied(t, filepath.Join(dir, "p", "postgres", "data"), filepath.Join(p.replicaDir, "postgres", "data"))
	p.primary = startServer(t, filepath.Join(dir, "p"), settings)
	t.Cleanup(func() { stopServer(t, p.primary) })
	address, err := url.Parse(p.primary.URL())
	if err != nil {
		t.Fatal(err)
	}
	p.conninfo = fmt.Sprintf("host='%s' port=5432 user=postgres", address.Query().Get("host"))
	p.start(t)
	t.Cleanup(func() { stopServer(t, p.replica) })
	return p
}

func startServer(t *testing.T, dir string, settings map[string]string) *localpg.Server {
	t.Helper()
	all := map[string]string{"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB", "autovacuum": "off"}
	for name, value := range settings {
		all[name] = value
	}
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, NoSync: true, DieWithParent: true, Settings: all})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func stopServer(t *testing.T, server *localpg.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) start(t *testing.T) {
	t.Helper()
	p.replica = startServer(t, p.replicaDir, map[string]string{
		"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on", "primary_conninfo": p.conninfo,
		"wal_retrieve_retry_interval": "100ms",
	})
}

// onReplica runs a statement as superuser.
func (p *pair) onReplica(t *testing.T, statement string) {
	t.Helper()
	conn := dial(t, strings.Replace(p.replica.URL(), "statsservice@", "postgres@", 1))
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) open(t *testing.T, maxLag time.Duration) *postgres.Store {
	t.Helper()
	opts := options(t, p.primary.URL()).WithProbeInterval(often)
	opts.ReadURLs, opts.MaxLag = []string{p.replica.URL()}, maxLag
	return servicetest.Open(t, opts)
}

var eventually = servicetest.Eventually

func onReplica(t *testing.T, store *postgres.Store) bool {
	t.Helper()
	replica, err := store.ReadsFromReplica(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return replica
}

// mustHold fails the test unless a query returns everything that was stored.
func mustHold(t *testing.T, store *postgres.Store, want int) {
	t.Helper()
	if got := len(everything(t, store)); got != want {
		t.Errorf("%d stats are read, want %d", got, want)
	}
	sums, err := store.DailySums(t.Context(), stats.Filter{Type: "threat"})
	if err != nil {
		t.Fatal(err)
	}
	var counted int64
	for _, sum := range sums {
		counted += sum.Count
	}
	if counted != int64(want) {
		t.Errorf("%d stats are processed, want %d", counted, want)
	}
}

func TestReadReplica(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store, other := p.open(t, 0), open(t, p.primary.URL())
	client := newClient(t, store, "NC3")
	stored := 0
	store1 := func(through *postgres.Store) {
		t.Helper()
		stored++
		insert(t, through, client, threat(t, stored, "2024-05-31", "1 2 3 4 -"))
	}
	replicaAnswers := func() bool { return onReplica(t, store) }
	is := func(state string) func() bool {
		return func() bool { return slices.Equal(store.ReplicaHealth(), []string{state}) }
	}

	t.Run("the replica answers, with the own writes", func(t *testing.T) {
		eventually(t, "the replica answers", replicaAnswers)
		for range 20 {
			store1(store)
			mustHold(t, store, stored)
		}
		eventually(t, "the replica answers again", replicaAnswers)
	})
	t.Run("replay that is paused", func(t *testing.T) {
		p.onReplica(t, `SELECT pg_wal_replay_pause()`)
		store1(store)
		if replicaAnswers() {
			t.Error("the replica answers without what was just written")
		}
		mustHold(t, store, stored)
		eventually(t, "the replica is seen to be behind", is("behind"))
		p.onReplica(t, `SELECT pg_wal_replay_resume()`)
		eventually(t, "the replica answers again", replicaAnswers)
		mustHold(t, store, stored)
	})
	t.Run("what another process announces", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		heard := make(chan postgres.Change, 10)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = store.Listen(ctx, func(change postgres.Change) { heard <- change })
		}()
		defer func() { cancel(); <-ended }()
		<-heard // listening has started
		eventually(t, "the replica answers", replicaAnswers)
		p.onReplica(t, `SELECT pg_wal_replay_pause()`)
		store1(other)
		if change := <-heard; change != "threat" {
			t.Fatalf("heard %q", change)
		}
		mustHold(t, store, stored) // an answer that is computed now will be cached
		p.onReplica(t, `SELECT pg_wal_replay_resume()`)
		eventually(t, "the replica answers again", replicaAnswers)
	})
	t.Run("connections that end", func(t *testing.T) {
		p.onReplica(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stats-service'`)
		mustHold(t, store, stored)
		eventually(t, "the replica answers again", replicaAnswers)
	})
	t.Run("a replica that is gone and comes back", func(t *testing.T) {
		stopServer(t, p.replica)
		mustHold(t, store, stored)
		eventually(t, "the replica is seen to be down", is("down"))
		store1(store)
		mustHold(t, store, stored)
		p.start(t)
		eventually(t, "the replica answers again", replicaAnswers)
		mustHold(t, store, stored)
	})
	t.Run("status", func(t *testing.T) { replicaStatuses(t, p, store) })
}

func replicaStatuses(t *testing.T, p *pair, store *postgres.Store) {
	urls := []string{p.replica.URL(), p.primary.URL(), "postgres://127.0.0.1:1/nothing"}
	look := func() []postgres.ReplicaStatus {
		found, err := store.ReplicaStatuses(t.Context(), urls)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	eventually(t, "the replica is level", func() bool { return look()[0].BehindBytes == 0 })
	found := look()
	if found[0].Err != nil || found[1].Err == nil || found[2].Err == nil || found[2].Name != "127.0.0.1:1" {
		t.Errorf("replica, primary and nothing: %+v", found)
	}
	p.onReplica(t, `SELECT pg_wal_replay_pause()`)
	defer p.onReplica(t, `SELECT pg_wal_replay_resume()`)
	newClient(t, store, "CASES")
	if behind := look()[0]; behind.Err != nil || behind.BehindBytes <= 0 || behind.Behind <= 0 {
		t.Errorf("a replica that is paused: %+v", behind)
	}
}

func TestReplicaLag(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	const maxLag = 200 * time.Millisecond
	store, other := p.open(t, maxLag), open(t, p.primary.URL())
	t.Run("an idle primary", func(t *testing.T) {
		newClient(t, other, "CASES") // the last change that the replica gets
		eventually(t, "the replica answers", func() bool { return onReplica(t, store) })
		eventually(t, "nothing was replayed for longer than a replica may be behind", func() bool {
			var idle time.Duration
			err := dial(t, p.replica.URL()).QueryRow(t.Context(), `SELECT coalesce(clock_timestamp() - pg_last_xact_replay_timestamp(), '0')`).Scan(&idle)
			if err != nil {
				t.Fatal(err)
			}
			return idle > 2*maxLag
		})
		eventually(t, "the replica answers still", func() bool { return onReplica(t, store) })
	})
	t.Run("a replica that is too far behind", func(t *testing.T) {
		client := newClient(t, other, "NC3")
		p.onReplica(t, `SELECT pg_wal_replay_pause()`)
		insert(t, other, client, threat(t, 1, "2024-05-31", "1 2 3 4 -")) // store is not notified of it
		eventually(t, "the primary answers", func() bool { return len(everything(t, store)) == 1 })
		if onReplica(t, store) {
			t.Error("the replica answers, which is too far behind")
		}
		p.onReplica(t, `SELECT pg_wal_replay_resume()`)
		eventually(t, "the replica answers again", func() bool { return onReplica(t, store) })
	})
}

func TestReadURLIsNotUnderstood(t *testing.T) {
	t.Parallel()
	opts := options(t, pgtest.New(t))
	opts.ReadURLs = []string{"postgres://h:port/x"}
	if _, err := postgres.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "read replica") {
		t.Errorf("error %v", err)
	}
}
