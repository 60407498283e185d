// Package pgtest gives each test a PostgreSQL database of its own.
//
// A package that needs databases says so in its TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m, migrations.FS, postgres.MigrateURL)) }
//
// All test binaries that run at the same time share one private server, see
// supervise. Without PostgreSQL on the machine the tests fail and say what to
// install; they are never skipped.
package pgtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// timeout bounds each statement of this package, not those of the tests.
const timeout = time.Minute

// server is the shared server as one test binary sees it.
type server struct {
	urlFor func(database string) string
	// fileCopy is added to CREATE DATABASE. The default since PostgreSQL 15,
	// writing every page to the log, takes three times the processor time.
	fileCopy string
	migrated string // the template that New copies

	mu    sync.Mutex
	conn  *pgconn.PgConn
	count int
}

// current is set by Run for the tests that it runs, and by nothing else.
var current *server

// Run connects to the server of all test binaries, starting it when there is
// none, runs the tests and returns the exit code. New copies a database that
// migrate prepared: migrate gets the address of an empty database and must leave
// no connection open. Its result must depend on the files of schema alone, since
// test binaries with equal files share it.
func Run(m *testing.M, schema fs.FS, migrate func(ctx context.Context, url string) error) int {
	if dir := os.Getenv(superviseVariable); dir != "" {
		return supervise(dir)
	}
	if err := ramdisk.Use(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, leave, err := join(schema, migrate)
	if err != nil {
		fmt.Fprintf(os.Stderr, "prepare the test database in a folder below %s (TMPDIR): %v\n", os.TempDir(), err)
		return 1
	}
	defer leave()
	current = s
	if err := runMoreAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// runMoreAtOnce raises the number of tests that run at once, unless the caller
// of the tests has chosen one: all wait for the server, some for timeouts.
func runMoreAtOnce() error {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if chosen {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}

// New returns the address of a fresh database that is migrated and holds no
// data. It is dropped, with whatever connections are left, when tb ends.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, func(s *server) string { return s.migrated })
}

// Empty returns the address of a fresh database that is not migrated. It is
// dropped, with whatever connections are left, when tb ends.
func Empty(tb testing.TB) string {
	tb.Helper()
	return create(tb, func(*server) string { return emptyTemplate })
}

func create(tb testing.TB, template func(*server) string) string {
	tb.Helper()
	s := current
	if s == nil {
		tb.Fatal("the TestMain of this package has to call pgtest.Run")
	}
	name, err := s.clone(context.Background(), template(s))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.drop(context.Background(), name); err != nil {
			tb.Error(err)
		}
	})
	return s.urlFor(name)
}

// clone copies a template to a database whose name no other process uses:
// databases of killed processes stay as long as the server.
func (s *server) clone(ctx context.Context, template string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := fmt.Sprintf("test_%d_%s_%d", os.Getpid(), session, s.count)
	return name, s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+s.fileCopy)
}

// drop closes the connections first: DROP DATABASE … WITH (FORCE) is not known
// to PostgreSQL 12.
func (s *server) drop(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exec(ctx,
		"ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'",
		"DROP DATABASE "+name)
}

// exec runs statements one by one on the maintenance database. The caller
// holds the lock, if anybody else can have the server.
func (s *server) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.query(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// query returns the first column of the rows of a statement.
func (s *server) query(ctx context.Context, statement string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if s.conn == nil || s.conn.IsClosed() {
		conn, err := pgconn.Connect(ctx, s.urlFor("postgres"))
		if err != nil {
			return nil, errors.New(err.Error())
		}
		s.conn = conn
	}
	return run(ctx, s.conn, statement)
}

func run(ctx context.Context, conn *pgconn.PgConn, statement string) ([]string, error) {
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %s", statement, err.Error())
	}
	var values []string
	for _, result := range results {
		for _, row := range result.Rows {
			values = append(values, string(row[0]))
		}
	}
	return values, nil
}
