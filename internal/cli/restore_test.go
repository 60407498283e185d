// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/backup"
	"github.com/monarc-project/stats-service/internal/cli"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

// TestRestoreNewer shows that a backup with a newer schema is refused before there is a
// database or a key, and that a dry run says so, too.
func TestRestoreNewer(t *testing.T) {
	t.Parallel()
	file := smallBackup(t, backup.Manifest{SchemaVersion: 9999, Program: "99.0.0"})
	for name, options := range map[string][]string{"restore": nil, "dry run": {"--dry-run"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			code, output := restore(t, append(options, "--input", file), "DATA_DIR="+dir)
			if want := "Error: check the backup: the backup has schema version 9999, this release knows up to "; code != 1 ||
				!strings.HasPrefix(output, want) || !strings.HasSuffix(output, ": run the release that made it, 99.0.0\n") {
				t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, output)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("DATA_DIR exists: %v", err)
			}
		})
	}
}

// TestRestoreKeepsNoKey shows that a restore that fails while it restores rows leaves no key.
func TestRestoreKeepsNoKey(t *testing.T) {
	t.Parallel()
	table := backup.Table{Name: "client", Columns: []string{"shoe_size"}, Rows: 1}
	file := smallBackup(t, backup.Manifest{SchemaVersion: 1, Tables: []backup.Table{table}})
	dir := filepath.Join(t.TempDir(), "data")
	code, output := restore(t, []string{"--input", file}, "DATA_DIR="+dir, "DATABASE_URL="+pgtest.Empty(t))
	if want := "Error: restore the database: the backup does not fit the tables: "; code != 1 || !strings.HasPrefix(output, want) {
		t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, output)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("DATA_DIR exists: %v", err)
	}
}

// smallBackup writes a backup with a key and, in each table, the rows 1, 2 and so on.
func smallBackup(t *testing.T, manifest backup.Manifest) string {
	t.Helper()
	var content bytes.Buffer
	w, err := backup.NewWriter(&content, manifest, "a key that is long enough for anything")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range manifest.Tables {
		err := w.Next()
		for n := range table.Rows {
			_, writeErr := fmt.Fprintln(w, n+1)
			err = errors.Join(err, writeErr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "small.backup")
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// restore runs db_restore and returns what it prints.
func restore(t *testing.T, options []string, environ ...string) (code int, output string) {
	t.Helper()
	var printed bytes.Buffer
	code = cli.Run(t.Context(), append([]string{"stats-service", "db_restore"}, options...), cli.Environment{
		Stdin: strings.NewReader(""), Stdout: &printed, Stderr: &printed, Environ: environ, Now: time.Now,
	})
	return code, printed.String()
}
