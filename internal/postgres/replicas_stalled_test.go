// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// freeze stops the processes of the replica that serve connections. Like a server that is
// out of memory or whose disk hangs, it accepts connections and answers nothing. thaw lets
// them continue.
func (p *pair) freeze(t *testing.T) (thaw func()) {
	t.Helper()
	conn := dial(t, strings.Replace(p.replica.URL(), "statsservice@", "postgres@", 1))
	postmaster := p.postmaster(t)
	signal(t, syscall.SIGSTOP, postmaster) // first, so that it starts no further processes
	rows, err := conn.Query(t.Context(), `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	backends, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	signal(t, syscall.SIGSTOP, backends...)
	thaw = sync.OnceFunc(func() { signal(t, syscall.SIGCONT, append(backends, postmaster)...) })
	t.Cleanup(thaw) // a frozen server cannot be stopped
	return thaw
}

func (p *pair) postmaster(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.replicaDir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func signal(t *testing.T, s syscall.Signal, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil {
			t.Errorf("%s to %d: %v", s, pid, err)
		}
	}
}

// TestHangingReplicaIsAvoided keeps sending queries while a replica accepts them and
// answers none.
func TestHangingReplicaIsAvoided(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := p.open(t, 0)
	insert(t, store, newClient(t, store, "NC3"), threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	eventually(t, "the replica answers", func() bool { return onReplica(t, store) })
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	// One query is in flight when the replica stops.
	freeze := sync.OnceValue(func() func() { return p.freeze(t) })
	replica, err := store.ReadsFromReplicaAfter(ctx, func() { freeze() })
	if err != nil || replica {
		t.Errorf("the question is answered by the replica (%v) or by nobody: %v", replica, err)
	}
	thaw := freeze()
	eventually(t, "the replica is seen to be down", func() bool { return store.ReplicaHealth()[0] == "down" })
	mustHold(t, store, 1)
	thaw()
	eventually(t, "the replica answers again", func() bool { return onReplica(t, store) })
	mustHold(t, store, 1)
}

// TestHangingReplicaIsNoticed sends more concurrent queries than there are connections,
// before a probe has found that the replica hangs.
func TestHangingReplicaIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	store := p.open(t, 0)
	insert(t, store, newClient(t, store, "NC3"), threat(t, 1, "2024-05-31", "1 2 3 4 -"))
	eventually(t, "the replica answers", func() bool { return onReplica(t, store) })
	p.freeze(t)
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	var questions sync.WaitGroup
	for range 30 { // more than the number of connections
		questions.Go(func() {
			read := 0
			_, err := store.EachStat(ctx, stats.Everything(), postgres.ListQuery{}, func(stats.Stat) error { read++; return nil })
			if err != nil || read != 1 {
				t.Errorf("%d stats are read, want one: %v", read, err)
			}
		})
	}
	questions.Wait()
}
