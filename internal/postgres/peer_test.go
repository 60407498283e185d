// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func peerID(t *testing.T, store *postgres.Store, url string) int64 {
	t.Helper()
	id, err := store.PeerID(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPeerID(t *testing.T) {
	t.Parallel()
	store := setup(t)
	if _, err := store.FindPeer(t.Context(), "https://a"); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("got %v, want not found", err)
	}
	ids := make([]int64, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { ids[i] = peerID(t, store, "https://a") })
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] || id == 0 {
			t.Errorf("ids of one peer: %v", ids)
		}
	}
	if found, err := store.FindPeer(t.Context(), "https://a"); err != nil || found != ids[0] {
		t.Errorf("found %d, %v; want %d", found, err, ids[0])
	}
	if other := peerID(t, store, "https://b"); other == ids[0] {
		t.Error("two peers have one id")
	}
}

// unsent returns the uuids that EachUnsent visits, and checks CountUnsent.
func unsent(t *testing.T, store *postgres.Store, query postgres.UnsentQuery) []uuid.UUID {
	t.Helper()
	var found []stats.Stat
	err := store.EachUnsent(t.Context(), query, func(stat stats.Stat) error {
		found = append(found, stat)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := store.CountUnsent(t.Context(), query); err != nil || n != int64(len(found)) {
		t.Errorf("count is %d, %v; there are %d", n, err, len(found))
	}
	return uuids(found)
}

func TestEachUnsent(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	risk := item(t, stats.Stat{ANR: id(9), Type: stats.Risk, Date: date("2024-05-02"), Data: []byte(`{"risks":{}}`)})
	insert(t, store, client,
		named(threat(t, 1, "2024-05-03", "1 1 1 1 one"), 1), named(threat(t, 1, "2024-05-02", "1 1 1 1 one"), 5),
		named(risk, 4), named(threat(t, 2, "2024-05-01", "1 1 1 1 one"), 2), named(threat(t, 1, "2024-05-09", "1 1 1 1 one"), 3))
	insert(t, store, other, named(threat(t, 1, "2024-05-02", "2 2 2 2 two"), 6))
	a, b := peerID(t, store, "https://a"), peerID(t, store, "https://b")
	if err := store.RecordReceipts(t.Context(), a, []uuid.UUID{id(2), id(5), id(77)}); err != nil {
		t.Fatal(err)
	}
	all := postgres.UnsentQuery{PeerID: a, ClientID: client.ID, From: date("2024-05-01"), To: date("2024-05-09")}
	tests := map[string]struct {
		edit func(*postgres.UnsentQuery)
		want []uuid.UUID
	}{
		"by date, then uuid":       {func(q *postgres.UnsentQuery) { q.Resend = true }, []uuid.UUID{id(2), id(4), id(5), id(1), id(3)}},
		"without receipt":          {func(*postgres.UnsentQuery) {}, []uuid.UUID{id(4), id(1), id(3)}},
		"other peer":               {func(q *postgres.UnsentQuery) { q.PeerID = b }, []uuid.UUID{id(2), id(4), id(5), id(1), id(3)}},
		"peer that holds nothing":  {func(q *postgres.UnsentQuery) { q.PeerID = 0 }, []uuid.UUID{id(2), id(4), id(5), id(1), id(3)}},
		"other client":             {func(q *postgres.UnsentQuery) { q.ClientID = other.ID }, []uuid.UUID{id(6)}},
		"type":                     {func(q *postgres.UnsentQuery) { q.Type = stats.Risk }, []uuid.UUID{id(4)}},
		"days, both ends included": {func(q *postgres.UnsentQuery) { q.From, q.To = date("2024-05-02"), date("2024-05-03") }, []uuid.UUID{id(4), id(1)}},
		"no days":                  {func(q *postgres.UnsentQuery) { q.From, q.To = date("2024-05-04"), date("2024-05-08") }, []uuid.UUID{}},
	}
	for name, tt := range tests {
		query := all
		tt.edit(&query)
		if diff := cmp.Diff(tt.want, unsent(t, store, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A day may have more stats than fit into a page, small ones and large ones.
func TestEachUnsentPages(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	var items []stats.Item
	var want []uuid.UUID
	large := make([]byte, 100_000)
	for i := range large {
		large[i] = 'a' + byte(i*i%26)
	}
	for n := range 1300 {
		data := []byte(fmt.Sprintf(`{"risks":{},"n":%d}`, n))
		if n >= 1200 {
			data = []byte(fmt.Sprintf(`{"risks":{},"n":%d,"x":%q}`, n, large))
		}
		stat := stats.Stat{UUID: id(n + 1), ANR: id(9), Type: stats.Risk, Date: date("2024-05-02"), Data: data}
		items, want = append(items, item(t, stat)), append(want, id(n+1))
	}
	insert(t, store, client, items...)
	query := postgres.UnsentQuery{ClientID: client.ID, From: date("2024-05-01"), To: date("2024-05-09")}
	if diff := cmp.Diff(want, unsent(t, store, query)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// fn may use the store, even one with a single connection, and may record receipts. Its
// error ends EachUnsent.
func TestEachUnsentWhileRecording(t *testing.T) {
	t.Parallel()
	opts := options(t, pgtest.New(t))
	opts.MaxConns = 1
	store := servicetest.Open(t, opts)
	client := newClient(t, store, "client")
	for n := range 120 {
		insert(t, store, client, named(threat(t, n, fmt.Sprintf("2024-05-%02d", n%3+1), "1 1 1 1 one"), n+1))
	}
	peer := peerID(t, store, "https://a")
	query := postgres.UnsentQuery{PeerID: peer, ClientID: client.ID, From: date("2024-05-01"), To: date("2024-05-09")}
	enough, visited := errors.New("enough"), 0
	err := store.EachUnsent(t.Context(), query, func(stat stats.Stat) error {
		if visited++; visited > 100 {
			return enough
		}
		return store.RecordReceipts(t.Context(), peer, []uuid.UUID{stat.UUID, stat.UUID})
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if n := len(unsent(t, store, query)); n != 20 {
		t.Errorf("%d left, want 20", n)
	}
}

func TestReceiptsEndWithTheirStats(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	insert(t, store, client, named(threat(t, 1, "2024-05-03", "1 1 1 1 one"), 1))
	peer := peerID(t, store, "https://a")
	for range 2 { // the second time the stats are new ones
		if err := store.RecordReceipts(t.Context(), peer, []uuid.UUID{id(1)}); err != nil {
			t.Fatal(err)
		}
		if n, err := store.CountStored(t.Context(), []uuid.UUID{id(1), id(2)}); err != nil || n != 1 {
			t.Errorf("%d stored, %v", n, err)
		}
		if n, err := store.DeleteStats(t.Context(), stats.Everything(), id(1), nil); err != nil || n != 1 {
			t.Fatalf("deleted %d, %v", n, err)
		}
		insert(t, store, client, named(threat(t, 1, "2024-05-03", "1 1 1 1 one"), 1))
		query := postgres.UnsentQuery{PeerID: peer, ClientID: client.ID, From: date("2024-05-01"), To: date("2024-05-09")}
		if n := len(unsent(t, store, query)); n != 1 {
			t.Errorf("%d unsent, want the new one", n)
		}
	}
}

// Recording receipts and deleting their stats at the same time both succeed.
func TestReceiptsDuringDeletion(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	peer := peerID(t, store, "https://a")
	for round := range 10 {
		var ids []uuid.UUID
		for n := range 20 {
			insert(t, store, client, named(threat(t, n, "2024-05-03", fmt.Sprintf("1 %d 1 1 one", round)), round*100+n))
			ids = append(ids, id(round*100+n))
		}
		var group sync.WaitGroup
		group.Go(func() {
			for n := range 20 {
				if _, err := store.DeleteStats(t.Context(), stats.Everything(), id(n), nil); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			if err := store.RecordReceipts(t.Context(), peer, ids); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
	}
}

func TestPullPosition(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	key := postgres.PullKey{PeerID: peerID(t, store, "https://a"), ClientID: client.ID, PeerClient: "as", Type: stats.Risk}
	for _, step := range []struct{ set, want string }{
		{"2024-05-03", "2024-05-03"}, {"2024-05-09", "2024-05-09"}, {"2024-05-01", "2024-05-09"},
	} {
		if err := store.SetPullPosition(t.Context(), key, date(step.set)); err != nil {
			t.Fatal(err)
		}
		got, err := store.PullPosition(t.Context(), key)
		if err != nil || !got.Equal(date(step.want)) {
			t.Errorf("after %s: %s, %v; want %s", step.set, got, err, step.want)
		}
	}
	for name, change := range map[string]func(key *postgres.PullKey){
		"type":             func(key *postgres.PullKey) { key.Type = stats.Threat },
		"client":           func(key *postgres.PullKey) { key.ClientID = other.ID },
		"peer":             func(key *postgres.PullKey) { key.PeerID = peerID(t, store, "https://b") },
		"client of a peer": func(key *postgres.PullKey) { key.PeerClient = "as another" },
	} {
		another := key
		change(&another)
		if _, err := store.PullPosition(t.Context(), another); !errors.Is(err, stats.ErrNotFound) {
			t.Errorf("another %s: got %v, want not found", name, err)
		}
		if err := store.SetPullPosition(t.Context(), another, date("2024-05-20")); err != nil {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if got, err := store.PullPosition(t.Context(), key); err != nil || !got.Equal(date("2024-05-09")) {
		t.Errorf("after others were set: %s, %v", got, err)
	}
}

func TestTryLock(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store, second := open(t, url), open(t, url)
	try := func(s *postgres.Store, name string) (release func(), ok bool) {
		t.Helper()
		release, ok, err := s.TryLock(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return release, ok
	}
	release, ok := try(store, "push")
	if !ok {
		t.Fatal("a free lock is not given")
	}
	for _, s := range []*postgres.Store{store, second} {
		if _, ok := try(s, "push"); ok {
			t.Error("a lock is given twice")
		}
	}
	if free, ok := try(second, "pull"); !ok {
		t.Error("another lock is not given")
	} else {
		free()
	}
	for range 20 { // at once, not when the server has noticed
		release()
		if release, ok = try(second, "push"); !ok {
			t.Fatal("a released lock is not given")
		}
	}
	release()
	if _, _, err := store.TryLock(cancelled(), "push"); err == nil {
		t.Error("a cancelled context gives a lock")
	}
}

// A lock ends with its session, even if its holder does not release it.
func TestTryLockDiesWithItsSession(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	if _, ok, err := store.TryLock(t.Context(), "push"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	execute(t, url, `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND datname = current_database() AND application_name = 'stats-service'`)
	eventually(t, "the lock ends with its session", func() bool { // PostgreSQL 12 and 13 do not wait for the end
		release, ok, err := store.TryLock(t.Context(), "push")
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			release()
		}
		return ok
	})
}
