// Package pgtest gives each test a PostgreSQL database of its own.
//
// A package that needs databases says so in its TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m, postgres.MigrateURL)) }
//
// which runs one private server for the test binary. Without PostgreSQL on the
// machine the tests fail and say what to install; they are never skipped.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/localpg"
)

// template is the migrated database that the databases of tests are copies of.
const template = "template_migrated"

// timeout bounds each statement of this package, not those of the tests.
const timeout = 30 * time.Second

// server is the one server of a test binary.
type server struct {
	local *localpg.Server
	mu    sync.Mutex // PostgreSQL copies a template for one session at a time
	count int
}

// current is set by Run for the tests that it runs, and by nothing else.
var current *server

// Run starts a server, prepares the database that New copies with migrate,
// runs the tests and stops the server. It returns the exit code. migrate gets
// the address of an empty database and must leave no connection open.
func Run(m *testing.M, migrate func(ctx context.Context, url string) error) int {
	dir, err := makeDir()
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	local, err := localpg.Start(context.Background(), options(dir))
	if err != nil {
		return failed(err)
	}
	defer stop(local)
	s := &server{local: local}
	if err := s.prepare(migrate); err != nil {
		return failed(err)
	}
	current = s
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintf(os.Stderr, "prepare the test database in a folder below %s (TMPDIR): %v\n", os.TempDir(), err)
	return 1
}

func stop(local *localpg.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := local.Stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test database:", err)
	}
}

const dirPattern = "stats-service-test-*"

// makeDir makes a folder that the server's user, which under root is another
// one, can pass through.
func makeDir() (string, error) {
	sweep()
	dir, err := os.MkdirTemp("", dirPattern)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// sweep removes what test binaries that were killed left behind. Their
// servers are gone, so nothing in there has changed for a day.
func sweep() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPattern))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir) // another user's is not ours to remove, and stays
		}
	}
}

// options trade the safety of data for speed: it is thrown away anyway. The
// autovacuum would, besides, now and then sit in the database to be copied.
func options(dir string) localpg.Options {
	return localpg.Options{
		Dir:           dir,
		NoSync:        true,
		DieWithParent: true,
		Settings: map[string]string{
			"fsync":              "off",
			"full_page_writes":   "off",
			"synchronous_commit": "off",
			"autovacuum":         "off",
			"max_connections":    "300",
			"shared_buffers":     "48MB",
		},
	}
}

func (s *server) prepare(migrate func(ctx context.Context, url string) error) error {
	ctx := context.Background()
	if err := s.exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	if err := migrate(ctx, s.local.URLFor(template)); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// New returns the address of a fresh database that is migrated and holds no
// data. It is dropped, with whatever connections are left, when tb ends.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, template)
}

// Empty returns the address of a fresh database that is not migrated. It is
// dropped, with whatever connections are left, when tb ends.
func Empty(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template1")
}

func create(tb testing.TB, from string) string {
	tb.Helper()
	s := current
	if s == nil {
		tb.Fatal("the TestMain of this package has to call pgtest.Run")
	}
	name, err := s.clone(context.Background(), from)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.drop(context.Background(), name); err != nil {
			tb.Error(err)
		}
	})
	return s.local.URLFor(name)
}

func (s *server) clone(ctx context.Context, from string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := fmt.Sprintf("test_%d", s.count)
	return name, s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from)
}

// drop closes the connections first: DROP DATABASE … WITH (FORCE) is not known
// to PostgreSQL 12.
func (s *server) drop(ctx context.Context, name string) error {
	return s.exec(ctx,
		"ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'",
		"DROP DATABASE "+name)
}

// exec runs statements one by one on the maintenance database.
func (s *server) exec(ctx context.Context, statements ...string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.local.URLFor("postgres"))
	if err != nil {
		return errors.New(err.Error())
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement).ReadAll(); err != nil {
			return fmt.Errorf("%s: %s", statement, err.Error())
		}
	}
	return nil
}
