// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// fate returns the status of a result in words.
func fate(r stats.Result) string {
	return map[stats.Status]string{stats.Stored: "stored", stats.Repeated: "known", stats.Duplicate: "duplicate"}[r.Status]
}

func fates(results []stats.Result) []string {
	var words []string
	for _, o := range results {
		words = append(words, fate(o))
	}
	return words
}

func TestInsertBatchOutcomes(t *testing.T) {
	t.Parallel()
	type call func(t *testing.T, content func(n int) stats.Item) []stats.Item
	batch := func(build func(content func(n int) stats.Item) []stats.Item) call {
		return func(_ *testing.T, content func(n int) stats.Item) []stats.Item { return build(content) }
	}
	type content = func(n int) stats.Item
	tests := map[string]struct {
		calls []call
		want  [][]string // of each call
		rows  int        // stored in the end
	}{
		"nothing": {
			calls: []call{batch(func(content) []stats.Item { return nil })},
			want:  [][]string{nil},
		},
		"without uuid": {
			calls: []call{batch(func(c content) []stats.Item { return []stats.Item{c(1), c(2)} })},
			want:  [][]string{{"stored", "stored"}},
			rows:  2,
		},
		"sent again": {
			calls: []call{
				batch(func(c content) []stats.Item { return []stats.Item{c(1)} }),
				batch(func(c content) []stats.Item { return []stats.Item{c(2), c(1)} }),
			},
			want: [][]string{{"stored"}, {"stored", "known"}},
			rows: 2,
		},
		"equal content in one batch": {
			calls: []call{batch(func(c content) []stats.Item { return []stats.Item{c(1), c(2), c(1)} })},
			want:  [][]string{{"stored", "stored", "known"}},
			rows:  2,
		},
		"uuid taken": {
			calls: []call{
				batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7)} }),
				batch(func(c content) []stats.Item { return []stats.Item{named(c(2), 7), named(c(3), 8)} }),
			},
			want: [][]string{{"stored"}, {"duplicate", "stored"}},
			rows: 2,
		},
		"uuid twice in one batch": {
			calls: []call{batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7), named(c(2), 7)} })},
			want:  [][]string{{"stored", "duplicate"}},
			rows:  1,
		},
		"taken uuid twice in one batch": {
			calls: []call{
				batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7)} }),
				batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7), named(c(1), 7)} }),
			},
			want: [][]string{{"stored"}, {"duplicate", "duplicate"}},
			rows: 1,
		},
		"content known under a chosen uuid": {
			calls: []call{
				batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7)} }),
				batch(func(c content) []stats.Item { return []stats.Item{c(1)} }),
			},
			want: [][]string{{"stored"}, {"known"}},
			rows: 1,
		},
		"same content with and without uuid in one batch": {
			calls: []call{batch(func(c content) []stats.Item { return []stats.Item{c(1), named(c(1), 7)} })},
			want:  [][]string{{"known", "stored"}},
			rows:  1,
		},
		"same content under two chosen uuids": {
			calls: []call{batch(func(c content) []stats.Item { return []stats.Item{named(c(1), 7), named(c(1), 8)} })},
			want:  [][]string{{"stored", "stored"}},
			rows:  2,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			client := newClient(t, store, "client")
			content := func(n int) stats.Item { return threat(t, 1, "2024-05-01", fmt.Sprintf("1 %d 2 3.5 label", n)) }
			for i, call := range tc.calls {
				results := insert(t, store, client, call(t, content)...)
				if diff := cmp.Diff(tc.want[i], fates(results)); diff != "" {
					t.Errorf("call %d (-want +got):\n%s", i, diff)
				}
			}
			if got := everything(t, store); len(got) != tc.rows {
				t.Errorf("%d rows stored, want %d", len(got), tc.rows)
			}
		})
	}
}

func TestInsertBatchEchoes(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	derived := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	derivedID := stats.DerivedUUID(client.UUID, derived.ANR, derived.Date, derived.Digest)
	first := insert(t, store, client, derived, named(threat(t, 2, "2024-05-02"), 7))
	again := insert(t, store, client, derived, named(threat(t, 3, "2024-05-03"), 7))

	stat := func(uuid uuid.UUID, anr int, day string) stats.Stat {
		return stats.Stat{UUID: uuid, ANR: id(anr), Type: stats.Threat, Date: date(day)}
	}
	known, chosen := stat(derivedID, 1, "2024-05-01"), stat(id(7), 2, "2024-05-02")
	known.ClientID, known.CreatedAt = client.ID, first[0].Stat.CreatedAt
	chosen.ClientID, chosen.CreatedAt = client.ID, first[0].Stat.CreatedAt
	want := [][]stats.Result{
		{{Stat: known, Status: stats.Stored}, {Stat: chosen, Status: stats.Stored}},
		{{Stat: known, Status: stats.Repeated}, {Stat: stat(id(7), 3, "2024-05-03"), Status: stats.Duplicate}},
	}
	if diff := cmp.Diff(want, [][]stats.Result{first, again}); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if !first[0].Stat.CreatedAt.After(start) {
		t.Errorf("created at %s, which is not the injected clock's", first[0].Stat.CreatedAt)
	}
}

// Content with other white space, order of members or notation of numbers is the same.
func TestInsertBatchRecognisesRewrittenContent(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	stat := stats.Stat{ANR: id(1), Type: stats.Threat, Date: date("2024-05-01")}
	var got []string
	for _, data := range []string{
		`[{"uuid":"00000000-0000-4000-8000-000000000001","count":1,"maxRisk":2,"averageRate":3}]`,
		` [ {"maxRisk":2.0,"count":1e0, "averageRate":3,"uuid":"00000000-0000-4000-8000-000000000001"} ]`,
	} {
		stat.Data = []byte(data)
		got = append(got, fates(insert(t, store, client, item(t, stat)))...)
	}
	if diff := cmp.Diff([]string{"stored", "known"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestInsertBatchKeepsClientsApart(t *testing.T) {
	t.Parallel()
	store := setup(t)
	alice, bob := newClient(t, store, "alice"), newClient(t, store, "bob")
	content := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")

	insert(t, store, alice, named(content, 7))
	stolen := content
	stolen.Data = threats("1 9 9 9 overwritten")
	overwrite := insert(t, store, bob, named(stolen, 7))
	same := insert(t, store, bob, content)

	if diff := cmp.Diff([]string{"duplicate", "stored"}, []string{fate(overwrite[0]), fate(same[0])}); diff != "" {
		t.Errorf("what bob was told (-want +got):\n%s", diff)
	}
	if overwrite[0].Stat.ClientID != 0 || !overwrite[0].Stat.CreatedAt.IsZero() {
		t.Errorf("the duplicate tells about alice's row: %+v", overwrite[0].Stat)
	}
	got, err := store.Stat(t.Context(), alice.Scope(), id(1), id(7))
	if err != nil || got.ClientID != alice.ID || bytes.Contains(got.Data, []byte("overwritten")) {
		t.Errorf("alice's row is %+v, %v", got, err)
	}
}

// A client that can derive another client's UUIDs may use them first. That must not keep
// the other client's stats out. In distributed tables, the other stats may get the same
// UUIDs, since no unique key covers several analyses.
func TestInsertBatchWithSquattedUUID(t *testing.T) {
	t.Parallel()
	store := setup(t)
	alice, mallory := newClient(t, store, "alice"), newClient(t, store, "mallory")
	content := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	derivedID := stats.DerivedUUID(alice.UUID, content.ANR, content.Date, content.Digest)
	squatter := threat(t, 2, "2024-05-01", "1 9 9 9 squatter")
	squatter.UUID = derivedID
	insert(t, store, mallory, squatter)

	results := simultaneously(t, 8, func(ctx context.Context) ([]stats.Result, error) {
		return store.InsertBatch(ctx, alice, stats.Batch{Items: []stats.Item{content, content}})
	})
	stored := map[uuid.UUID]bool{}
	words := map[string]int{}
	for _, o := range results {
		stored[o.Stat.UUID] = true
		words[fate(o)]++
	}
	if diff := cmp.Diff(map[string]int{"stored": 1, "known": 15}, words); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if len(stored) != 1 || stored[derivedID] != pgtest.OnCluster {
		t.Errorf("alice's content is stored as %v, want one uuid other than %s", stored, derivedID)
	}
}

// The chosen UUID of an item can equal the derived UUID of another item.
func TestInsertBatchWithOwnDerivedUUID(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	content := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	derivedID := stats.DerivedUUID(client.UUID, content.ANR, content.Date, content.Digest)
	same, other := content, threat(t, 2, "2024-05-01", "1 5 5 5 other")
	same.UUID, other.UUID = derivedID, derivedID

	t.Run("same content", func(t *testing.T) {
		got := fates(insert(t, store, client, content, same))
		if diff := cmp.Diff([]string{"known", "stored"}, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
	t.Run("other content", func(t *testing.T) {
		if _, err := store.DeleteStats(t.Context(), client.Scope(), id(1), nil); err != nil {
			t.Fatal(err)
		}
		got := insert(t, store, client, content, other)
		if diff := cmp.Diff([]string{"stored", "stored"}, fates(got)); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if (got[0].Stat.UUID == derivedID) != pgtest.OnCluster || got[1].Stat.UUID != derivedID {
			t.Errorf("uuids %s and %s, want another one and %s", got[0].Stat.UUID, got[1].Stat.UUID, derivedID)
		}
	})
}

// simultaneously runs n calls at once and returns the results of all.
func simultaneously(t *testing.T, n int, call func(ctx context.Context) ([]stats.Result, error)) []stats.Result {
	t.Helper()
	results := make([][]stats.Result, n)
	errs := make([]error, n)
	gate := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-gate
			results[i], errs[i] = call(t.Context())
		})
	}
	close(gate)
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(results...)
}

// Two retrying senders, or two routes to a central instance, send identical batches at the
// same time, in opposite orders, some with UUIDs and some without.
func TestInsertBatchSimultaneously(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	const rows, callers = 60, 6
	var items []stats.Item
	for n := range rows {
		it := threat(t, n, "2024-05-01", fmt.Sprintf("%d 1 2 3.5 label", n))
		if n%2 == 0 {
			it = named(it, rows-n)
		}
		items = append(items, it)
	}
	backwards := slices.Clone(items)
	slices.Reverse(backwards)

	var turn sync.Mutex
	forwards := false
	results := simultaneously(t, callers, func(ctx context.Context) ([]stats.Result, error) {
		turn.Lock()
		forwards = !forwards
		batch := items
		if !forwards {
			batch = backwards
		}
		turn.Unlock()
		return store.InsertBatch(ctx, client, stats.Batch{Items: batch})
	})
	words := map[string]int{}
	for _, o := range results {
		words[fate(o)]++
	}
	want := map[string]int{"stored": rows, "duplicate": rows / 2 * (callers - 1), "known": rows / 2 * (callers - 1)}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if got := everything(t, store); len(got) != rows {
		t.Errorf("%d rows stored, want %d", len(got), rows)
	}
}

// Observations that a large batch does not hold are computed again, in chunks.
func TestInsertBatchObserves(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	var items []stats.Item
	for i := range 150 {
		item := threat(t, i+1, "2024-05-01", "1 1 2 3.5 label")
		if i%2 == 0 {
			item.Observations = nil
		}
		items = append(items, item)
	}
	insert(t, store, client, items...)
	if diff := cmp.Diff([]string{"05-01 object 1: 150 stats, 150/300/525 label"}, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	agree(t, store)
}

func TestInsertBatchAllOrNone(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	good := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	// Beyond the range of numeric: valid JSON that jsonb cannot store.
	bad := stats.Item{
		ANR: id(2), Type: stats.Risk, Date: date("2024-05-01"), Data: []byte(`{"n":1e200000}`),
		Digest: stats.Digest{1}, Observations: []stats.Observation{},
	}
	// The valid item of 5 MB is sent in a separate statement before the invalid one.
	good.Data = fmt.Appendf(nil, `[{"pad":%q}]`, strings.Repeat("x", 5<<20))

	_, err := store.InsertBatch(t.Context(), client, stats.Batch{Items: []stats.Item{good, bad}})
	if invalid, ok := errors.AsType[*stats.InvalidError](err); !ok || invalid.Fields["data"] == "" {
		t.Errorf("got %v, want an *InvalidError about data", err)
	}
	if got := everything(t, store); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestInsertBatchErrors(t *testing.T) {
	t.Parallel()
	store := setup(t)
	content := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	if _, err := store.InsertBatch(t.Context(), stats.Client{ID: 999}, stats.Batch{Items: []stats.Item{content}}); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("unknown client: got %v, want ErrNotFound", err)
	}
	client := newClient(t, store, "client")
	if _, err := store.InsertBatch(cancelled(), client, stats.Batch{Items: []stats.Item{content}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

// Batches that need several statements lose nothing between them.
func TestInsertBatchInManyStatements(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	var items []stats.Item
	for n := range 4_500 {
		items = append(items, threat(t, n, "2024-05-01", "1 1 2 3.5 label"))
	}
	results := insert(t, store, client, items...)
	if got := everything(t, store); len(got) != len(items) || len(results) != len(items) {
		t.Errorf("%d rows and %d results, want %d", len(got), len(results), len(items))
	}
	for i, o := range results {
		if o.Status != stats.Stored || o.Stat.ANR != items[i].ANR {
			t.Fatalf("outcome %d is %+v, want analysis %s stored", i, o, items[i].ANR)
		}
	}
}

// Two processes meet the same new objects at the same time.
func TestInsertBatchNewSubjectsSimultaneously(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	stores := []*postgres.Store{open(t, url), open(t, url)}
	client := newClient(t, stores[0], "client")
	var objects []string
	for n := range 400 {
		objects = append(objects, fmt.Sprintf("%d 1 1 1 label", n))
	}
	var turn atomic.Int64
	simultaneously(t, 6, func(ctx context.Context) ([]stats.Result, error) {
		n := int(turn.Add(1))
		return stores[n%2].InsertBatch(ctx, client, stats.Batch{Items: []stats.Item{threat(t, n, "2024-05-01", objects...)}})
	})
	for _, store := range stores {
		found, err := store.DailySums(t.Context(), stats.Filter{Type: stats.Threat})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != len(objects) || found[0].Count != 6 {
			t.Errorf("%d objects, the first of %d stats; want %d of 6", len(found), found[0].Count, len(objects))
		}
	}
}

// A transaction that is the victim of a deadlock is retried: here, another session locks
// two of the batch's UUIDs in the opposite order.
func TestInsertBatchAfterDeadlock(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	do := func(statement string, args ...any) {
		if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
			t.Error(err)
		}
	}
	const row = `INSERT INTO stats (uuid, anr, type, date, digest, created_at, client_id)
		VALUES ($1, $1, 'risk', '2024-05-01', $3, now(), $2)`
	do(`INSERT INTO document (anr, digest, type, data) VALUES ($1, $3, 'risk', '{}'), ($2, $3, 'risk', '{}')`, id(1), id(2), id(9))
	do(`BEGIN`)
	do(row, id(2), client.ID, id(9))

	done := make(chan []stats.Result)
	go func() {
		results, err := store.InsertBatch(t.Context(), client, stats.Batch{Items: []stats.Item{
			named(threat(t, 1, "2024-05-01"), 1), named(threat(t, 2, "2024-05-01"), 2),
		}})
		if err != nil {
			t.Error(err)
		}
		done <- results
	}()
	waitForLock(t, url)
	// The session that waits first detects the deadlock and is the victim: the store,
	// unless this statement is more than a second late. Then it is this statement, which is
	// fine too.
	_, _ = conn.Exec(t.Context(), row, id(1), client.ID, id(9))
	do(`ROLLBACK`)
	if diff := cmp.Diff([]string{"stored", "stored"}, fates(<-done)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
