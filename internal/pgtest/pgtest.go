// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pgtest gives each test a PostgreSQL database of its own.
//
// A package that needs databases calls Run in its TestMain:
//
//	func TestMain(m *testing.M) {
//		os.Exit(pgtest.Run(m, migrations.FS, postgres.MigrateURL, postgres.DistributionStatements()))
//	}
//
// All test binaries that run at the same time share one private server, see
// supervise. Without PostgreSQL on the machine the tests fail and say what to
// install; they are never skipped.
//
// With the build tag citus, the databases are on a Citus cluster instead, see
// joinCluster.
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
	"strings"
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
	pooled func(database string) string // by PgBouncer; nil: there is none
	// maintenance is the database that statements about databases are sent to.
	maintenance string
	// cluster reports whether the server coordinates other nodes, which have a part of
	// each database.
	cluster bool
	// fileCopy is added to CREATE DATABASE. The default since PostgreSQL 15,
	// writing every page to the log, takes three times the processor time.
	fileCopy string
	empty    string // the template that Empty copies
	migrated string // the template that New copies

	mu    sync.Mutex
	conn  *pgconn.PgConn
	count int
}

// current is set by Run for the tests that it runs, and by nothing else.
var current *server

// Schema describes the tables in the databases of New.
type Schema struct {
	// Files identify the schema: test binaries with equal files share a template.
	Files fs.FS
	// Migrate creates the tables in the empty database at url, and leaves no connection
	// open. Its result must depend on Files alone.
	Migrate func(ctx context.Context, url string) error
	// Distribute are the statements that distribute the tables over a cluster.
	Distribute []string
}

// OnCluster is set by the build tag citus: the tables of New are distributed.
var OnCluster bool

// Run connects to the server that all test binaries share, which it starts if necessary,
// runs the tests and returns the exit code. The other arguments are those of Schema, for
// the databases of New.
func Run(m *testing.M, files fs.FS, migrate func(ctx context.Context, url string) error, distribute []string) int {
	if dir := os.Getenv(superviseVariable); dir != "" {
		return supervise(dir)
	}
	if err := ramdisk.Use(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, leave, err := joinServer(Schema{files, migrate, distribute})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer leave()
	if BehindPooler {
		stop, err := s.startPooler()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
	}
	current = s
	if err := runMoreAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// runMoreAtOnce raises the number of parallel tests, unless -parallel was given: they
// mostly wait for the server or for timeouts.
func runMoreAtOnce() error {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if chosen {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}

func joinServer(schema Schema) (*server, func(), error) {
	if OnCluster {
		return joinCluster(schema)
	}
	s, leave, err := join(schema)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the test database in a folder below %s (TMPDIR): %w", os.TempDir(), err)
	}
	return s, leave, nil
}

// New returns the address of a new database with empty tables. When tb ends, it closes
// the remaining connections and drops the database.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, func(s *server) string { return s.migrated })
}

// Empty returns the address of a new database without tables, which is dropped like one
// of New.
func Empty(tb testing.TB) string {
	tb.Helper()
	return create(tb, func(s *server) string { return s.empty })
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
	if s.pooled != nil {
		return s.pooled(name) + "&default_query_exec_mode=cache_describe" // for the queries of the tests themselves
	}
	return s.urlFor(name)
}

// clone copies a template to a database whose name no other process uses:
// databases of killed processes stay as long as the server.
func (s *server) clone(ctx context.Context, template string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := fmt.Sprintf("test_%d_%s_%d", os.Getpid(), session, s.count)
	return name, s.everywhere(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+s.fileCopy)
}

// drop closes the connections first: DROP DATABASE … WITH (FORCE) is not known
// to PostgreSQL 12.
func (s *server) drop(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.everywhere(ctx,
		s.refuseConnections(name),
		"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '"+name+"'",
		"DROP DATABASE "+name)
}

// refuseConnections is the statement that lets nobody connect to a database. Not every
// release of Citus 12.1 knows it as ALTER DATABASE; otherwise the role is no superuser.
func (s *server) refuseConnections(database string) string {
	if s.cluster {
		return "UPDATE pg_database SET datallowconn = false WHERE datname = '" + database + "'"
	}
	return "ALTER DATABASE " + database + " ALLOW_CONNECTIONS false"
}

// everywhere runs statements one by one in the maintenance database, on each node of a
// cluster. The caller must hold the lock of a cluster, which other processes share.
func (s *server) everywhere(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.query(ctx, statement); err != nil {
			return err
		}
		if !s.cluster {
			continue
		}
		failed, err := s.query(ctx, `SELECT nodename || ':' || nodeport || ': ' || result
			FROM run_command_on_workers($statement$`+statement+`$statement$) WHERE NOT success`)
		if err != nil {
			return err
		}
		if len(failed) > 0 {
			return fmt.Errorf("%s: on %s", statement, strings.Join(failed, ", on "))
		}
	}
	return nil
}

// query returns the first column of the rows of a statement.
func (s *server) query(ctx context.Context, statement string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if s.conn == nil || s.conn.IsClosed() {
		conn, err := pgconn.Connect(ctx, s.urlFor(s.maintenance))
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
