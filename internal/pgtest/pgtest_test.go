// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// brokenMigration, set in the environment, makes the migration fail.
const brokenMigration = "PGTEST_TEST_BROKEN_MIGRATION"

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m, schema(), migrate, nil)) }

// schema is what the migrated template is known by.
func schema() fs.FS {
	return fstest.MapFS{"fruit.sql": {Data: []byte(createFruit + os.Getenv(brokenMigration))}}
}

const createFruit = "CREATE TABLE fruit (name text)"

func migrate(ctx context.Context, url string) error {
	if os.Getenv(brokenMigration) != "" {
		return errors.New("there is no such fruit")
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, createFruit)
	return err
}

func open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func names(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNewIsMigratedAndSeparate(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			conn := open(t, pgtest.New(t))
			name := fmt.Sprintf("apple %d", i)
			if _, err := conn.Exec(t.Context(), "INSERT INTO fruit VALUES ($1)", name); err != nil {
				t.Fatal(err)
			}
			// The connection stays open: dropping the database must cope.
			if diff := cmp.Diff([]string{name}, names(t, conn, "SELECT name FROM fruit")); diff != "" {
				t.Errorf("fruit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyHasNoTables(t *testing.T) {
	t.Parallel()
	conn := open(t, pgtest.Empty(t))
	got := names(t, conn, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'")
	if len(got) != 0 {
		t.Errorf("tables in an empty database: %v", got)
	}
}

func TestDatabaseIsDroppedAfterItsTest(t *testing.T) {
	t.Parallel()
	var url, name string
	t.Run("use", func(t *testing.T) {
		url = pgtest.New(t)
		name = open(t, url).Config().Database
	})
	conn := open(t, pgtest.Empty(t))
	got := names(t, conn, "SELECT datname::text FROM pg_database WHERE datname = '"+name+"'")
	if len(got) != 0 {
		t.Errorf("the database of an ended test is still there: %v", got)
	}
}

func TestFailedMigrationFailsTheTests(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=TestEmptyHasNoTables")
	cmd.Env = append(os.Environ(), brokenMigration+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("outcome %v, want exit code 1", err)
	}
	if want := "migrate: there is no such fruit"; !strings.Contains(string(out), want) {
		t.Errorf("the output does not say %q:\n%s", want, out)
	}
}
