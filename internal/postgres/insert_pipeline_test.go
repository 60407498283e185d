package postgres_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// relay lies between a Store and the server and counts the round trips: after
// each, the server says that it is ready for the next question.
type relay struct {
	server *pgx.ConnConfig
	trips  atomic.Int64
}

// newRelay returns a relay to the server and its own address.
func newRelay(t *testing.T, server string) (r *relay, address string) {
	t.Helper()
	config, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	r = &relay{server: config}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go r.serve(listener)
	whole := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(),
		Path: config.Database, RawQuery: "sslmode=disable",
	}
	return r, whole.String()
}

func (r *relay) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		network, address := pgconn.NetworkAddress(r.server.Host, r.server.Port)
		server, err := net.Dial(network, address)
		if err != nil {
			client.Close()
			return
		}
		go func() {
			defer server.Close()
			_, _ = io.Copy(server, client)
		}()
		go func() {
			defer client.Close()
			_ = r.answer(client, server)
		}()
	}
}

// answer passes on the messages of the server: a type, a length that counts
// itself, and the rest.
func (r *relay) answer(client io.Writer, server io.Reader) error {
	server = bufio.NewReader(server)
	var head [5]byte
	for {
		if _, err := io.ReadFull(server, head[:]); err != nil {
			return err
		}
		switch head[0] {
		case 'Z':
			r.trips.Add(1)
		case 'I': // of an empty question, which the pool asks a connection that has idled
			r.trips.Add(-1)
		}
		if _, err := client.Write(head[:]); err != nil {
			return err
		}
		if _, err := io.CopyN(client, server, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return err
		}
	}
}

// manyThreats are stats of different analyses, of which a statement takes 2,000.
func manyThreats(t *testing.T, analysis, n int) []postgres.Item {
	t.Helper()
	items := make([]postgres.Item, n)
	for i := range items {
		items[i] = threat(t, analysis+i, "2024-05-01", "1 1 2 3.5 label")
	}
	return items
}

func allNamed(items []postgres.Item) []postgres.Item {
	for i := range items {
		items[i] = named(items[i], i)
	}
	return items
}

// TestInsertStatsRoundTrips counts the round trips of batches of one statement and
// of several.
func TestInsertStatsRoundTrips(t *testing.T) {
	t.Parallel()
	relay, address := newRelay(t, pgtest.New(t))
	store := open(t, address)
	client := newClient(t, store, "client")
	// The first post also prepares statements and stores what is measured.
	insert(t, store, client, manyThreats(t, 0, 1)...)
	for _, test := range []struct {
		name  string
		items []postgres.Item
		want  int64
	}{
		{"one", manyThreats(t, 1, 1), 3},
		{"a full statement", manyThreats(t, 10_000, 2_000), 3},
		{"two statements", manyThreats(t, 20_000, 2_001), 4},
		{"five statements", manyThreats(t, 30_000, 10_000), 4},
		{"five statements, uuids chosen by the sender", allNamed(manyThreats(t, 40_000, 10_000)), 4},
	} {
		before := relay.trips.Load()
		outcomes := insert(t, store, client, test.items...)
		if got := relay.trips.Load() - before; got != test.want {
			t.Errorf("%s: %d round trips, want %d", test.name, got, test.want)
		}
		for i, o := range outcomes {
			if !o.Stored {
				t.Fatalf("%s: item %d is %s", test.name, i, fate(o))
			}
		}
	}
}

// TestInsertStatsInManyStatementsConflicts sends uuids that are taken to each of
// several statements.
func TestInsertStatsInManyStatementsConflicts(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	items := allNamed(manyThreats(t, 0, 4_500))
	taken := map[int]bool{0: true, 1_999: true, 2_000: true, 3_000: true, 4_499: true}
	for n := range taken {
		insert(t, store, client, items[n])
	}
	want := make([]string, len(items))
	for n := range want {
		want[n] = map[bool]string{false: "stored", true: "duplicate"}[taken[n]]
	}
	if diff := cmp.Diff(want, fates(insert(t, store, client, items...))); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	agree(t, store)
}

// TestInsertStatsRefusedAnywhere has the server refuse the first, a middle or the
// last of several statements.
func TestInsertStatsRefusedAnywhere(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	for _, place := range []int{0, 2_500, 4_499} {
		items := manyThreats(t, 0, 4_500)
		items[place].Stat = stats.Stat{ANR: id(1), Type: stats.Risk, Date: date("2024-05-01"), Data: []byte(`{"n":1e200000}`)}
		items[place].Observations = []stats.Observation{}
		_, err := store.InsertStats(t.Context(), client, allNamed(items))
		if invalid, ok := errors.AsType[*stats.InvalidError](err); !ok || invalid.Fields["data"] == "" {
			t.Errorf("bad item at %d: got %v, want an *InvalidError about data", place, err)
		}
		if left := len(everything(t, store)); left != 0 {
			t.Errorf("bad item at %d: %d rows were left behind", place, left)
		}
	}
	if _, err := store.InsertStats(t.Context(), stats.Client{ID: 999}, manyThreats(t, 0, 4_500)); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("unknown client: got %v, want ErrNotFound", err)
	}
	insert(t, store, client, manyThreats(t, 0, 4_500)...)
}

// TestInsertStatsInterrupted ends a batch whose last statement waits while the
// others are done. Nothing of it may be stored, and the next batch must not meet
// what is left of the connection.
func TestInsertStatsInterrupted(t *testing.T) {
	t.Parallel()
	address := pgtest.New(t)
	opts := options(t, address)
	opts.MaxConns = 2
	store, err := postgres.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	client, conn := newClient(t, store, "client"), dial(t, address)
	items := allNamed(manyThreats(t, 0, 4_500))
	for _, test := range []struct {
		name      string
		interrupt func(cancel context.CancelFunc) error
		want      error
	}{
		{"by the caller", func(cancel context.CancelFunc) error { cancel(); return nil }, context.Canceled},
		{"by the server", func(context.CancelFunc) error {
			_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock'`)
			return err
		}, stats.ErrUnavailable},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		do(t, conn, `BEGIN`)
		do(t, conn, fmt.Sprintf(`INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id)
			VALUES ('%s', '%[1]s', 'risk', '2024-05-01', '{}', now(), %d)`, id(4_400), client.ID))
		done := make(chan error)
		go func() {
			_, err := store.InsertStats(ctx, client, items)
			done <- err
		}()
		waitForLock(t, address)
		if err := test.interrupt(cancel); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, test.want) {
			t.Errorf("interrupted %s: got %v, want %v", test.name, err, test.want)
		}
		cancel()
		do(t, conn, `ROLLBACK`)
		if left := len(everything(t, store)); left != 0 {
			t.Errorf("interrupted %s: %d rows were left behind", test.name, left)
		}
	}
	insert(t, store, client, items...)
}

func do(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Error(err)
	}
}
