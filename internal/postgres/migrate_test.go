// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/sql/migrations"
)

// allMigrations returns the names of the migrations, in order.
func allMigrations(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations: %v, %v", names, err)
	}
	return names
}

func TestMigrationsAreApplied(t *testing.T) {
	t.Parallel()
	store := open(t, pgtest.Empty(t))
	var rounds [][]string
	for range 2 {
		applied, err := store.Migrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rounds = append(rounds, applied)
	}
	if diff := cmp.Diff([][]string{allMigrations(t), nil}, rounds); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	newClient(t, store, "client")
}

func TestMigrateSimultaneously(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	errs := make([]error, 4)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { errs[i] = postgres.MigrateURL(t.Context(), url) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func TestMigrateRefusesNewerDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	execute(t, url, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	err := postgres.MigrateURL(t.Context(), url)
	if err == nil || !strings.Contains(err.Error(), "99999") {
		t.Errorf("got %v, want an error about version 99999", err)
	}
}

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	newer := pgtest.New(t)
	execute(t, newer, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	tests := map[string]struct{ url, want string }{
		"migrated": {url: pgtest.New(t)},
		"empty":    {url: pgtest.Empty(t), want: "db_init"},
		"newer":    {url: newer, want: "newer release"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := open(t, tc.url).CheckSchema(t.Context())
			if tc.want == "" && err != nil {
				t.Errorf("got %v, want none", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestInitializeCreatesTheTables(t *testing.T) {
	t.Parallel()
	applied, err := postgres.Initialize(t.Context(), pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(allMigrations(t), applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
}

func TestUnmigratedDatabase(t *testing.T) {
	t.Parallel()
	store := open(t, pgtest.Empty(t))
	_, create := store.CreateClient(t.Context(), stats.Client{Name: "client"})
	_, list := store.EachStat(t.Context(), stats.Everything(), postgres.ListQuery{}, nil)
	_, sums := store.DailySums(t.Context(), stats.Filter{Type: stats.Risk})
	_, stored := store.InsertBatch(t.Context(), stats.Client{}, stats.Batch{Items: []stats.Item{threat(t, 1, "2024-05-01", "1 1 1 1 one")}})
	for name, err := range map[string]error{"create": create, "list": list, "sums": sums, "insert": stored} {
		if !errors.Is(err, postgres.ErrNotMigrated) || !strings.Contains(err.Error(), "db_init") {
			t.Errorf("%s: got %v, want ErrNotMigrated", name, err)
		}
	}
}

// inDatabase returns the address of another database on the same server.
func inDatabase(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func TestCreateDatabase(t *testing.T) {
	t.Parallel()
	address := inDatabase(t, pgtest.Empty(t), `sta"ts; DROP -- é `+uuid.NewString())
	if _, err := postgres.Open(t.Context(), options(t, address)); !errors.Is(err, stats.ErrUnavailable) || !strings.Contains(err.Error(), "db_create") {
		t.Errorf("missing database: got %v, want ErrUnavailable that says db_create", err)
	}
	for n, want := range []bool{true, false} {
		if created, err := postgres.CreateDatabase(t.Context(), address); err != nil || created != want {
			t.Errorf("call %d: created %t, %v; want %t", n, created, err, want)
		}
	}
	if err := postgres.MigrateURL(t.Context(), address); err != nil {
		t.Errorf("migrate the new database: %v", err)
	}
	open(t, address)
}

// refused returns an address where nothing listens.
func refused(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "postgres://somebody:hidden@" + listener.Addr().String() + "/stats"
}

func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	address := refused(t)
	_, open := postgres.Open(t.Context(), options(t, address))
	_, create := postgres.CreateDatabase(t.Context(), address)
	migrate := postgres.MigrateURL(t.Context(), address)
	for name, err := range map[string]error{"open": open, "create": create, "migrate": migrate} {
		if !errors.Is(err, stats.ErrUnavailable) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v, want ErrUnavailable without the password", name, err)
		}
		checkOpaque(t, name, err)
	}
}

// checkOpaque fails when an error of the driver can be reached through err.
func checkOpaque(t *testing.T, name string, err error) {
	t.Helper()
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, server := errors.AsType[*pgconn.PgError](err)
	_, parse := errors.AsType[*pgconn.ParseConfigError](err)
	if connect || server || parse {
		t.Errorf("%s: the driver's error leaves the store: %#v", name, err)
	}
}

func TestMalformedURL(t *testing.T) {
	t.Parallel()
	const address = "postgres://somebody:hidden@host:port/stats"
	_, open := postgres.Open(t.Context(), options(t, address))
	_, create := postgres.CreateDatabase(t.Context(), address)
	migrate := postgres.MigrateURL(t.Context(), address)
	for name, err := range map[string]error{"open": open, "create": create, "migrate": migrate} {
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v, want an error without the password", name, err)
		}
		checkOpaque(t, name, err)
	}
}

func TestOpenWithoutSecret(t *testing.T) {
	t.Parallel()
	opts := options(t, pgtest.Empty(t))
	opts.Secret = nil
	if _, err := postgres.Open(t.Context(), opts); err == nil {
		t.Error("no error")
	}
}

// While the server is down, errors are ErrUnavailable; afterwards, the store works again.
func TestStoreRecoversFromALostServer(t *testing.T) {
	t.Parallel()
	address := pgtest.New(t)
	store := open(t, address)
	client := newClient(t, store, "client")
	terminate := func() {
		execute(t, address, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	insert(t, store, client, threat(t, 1, "2024-05-01"), threat(t, 2, "2024-05-01"))
	_, err := store.EachStat(t.Context(), client.Scope(), postgres.ListQuery{}, func(stats.Stat) error {
		terminate()
		_, err := store.ClientByToken(t.Context(), client.Token) // on another connection
		return err
	})
	if err != nil && !errors.Is(err, stats.ErrUnavailable) {
		t.Errorf("list: got %v, want ErrUnavailable or none", err)
	}
	terminate()
	for attempt := 0; ; attempt++ {
		err := store.Ping(t.Context())
		if err == nil {
			break
		}
		checkOpaque(t, "ping", err)
		if !errors.Is(err, stats.ErrUnavailable) || attempt == 10 {
			t.Fatalf("ping %d: got %v, want ErrUnavailable, then none", attempt, err)
		}
	}
	if _, err := store.ClientByToken(t.Context(), client.Token); err != nil {
		t.Errorf("after the connections are back: %v", err)
	}
}

func TestDeadlineIsNoOutage(t *testing.T) {
	t.Parallel()
	store := setup(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if err := store.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, stats.ErrUnavailable) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
}
