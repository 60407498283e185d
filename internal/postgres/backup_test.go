// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/monarc-project/stats-service/internal/backup"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// fillTables stores rows in every table, and returns the clients.
func fillTables(t *testing.T, store *postgres.Store, url string) []stats.Client {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	one, two, muted := newClient(t, store, `Ünï \N "1"`), newClient(t, store, "CASES"), newClient(t, store, "muted")
	gone := newClient(t, store, "gone")
	for n := range 40 {
		client := []stats.Client{one, two, muted}[n%3]
		insert(t, store, client, named(threat(t, n%7, []string{"2024-05-01", "2024-05-02", "2024-05-03"}[n/7%3], "1 2 3 4 -", "2 1 1 1 \\nTab\\t"), n+1))
	}
	insert(t, store, one, threat(t, 1, "2020-01-01", "3 1 1 1 -"))
	check(store.MergeDeltas(t.Context()))
	_, err := store.PurgeStats(t.Context(), date("2021-01-01"), nil) // which leaves deltas
	check(err)
	_, err = store.UpdateClient(t.Context(), muted.UUID, postgres.ClientChange{Local: ptr(false)})
	check(err)
	_, err = store.RotateToken(t.Context(), two.UUID, 400*24*time.Hour)
	check(err)
	_, err = store.SetCoordinates(t.Context(), two.UUID, ptr(49.61), ptr(6.13))
	check(err)
	_, err = store.DeleteClient(t.Context(), gone.UUID)
	check(err)
	peer := peerID(t, store, "https://stats.example.org")
	check(store.RecordReceipts(t.Context(), peer, []uuid.UUID{id(1), id(2)}))
	check(store.SetPullPosition(t.Context(), postgres.PullKey{PeerID: peer, ClientID: one.ID, PeerClient: "as", Type: stats.Threat}, date("2024-05-03")))
	check(store.RecordTransfer(t.Context(), "push", "done", 7))
	change(t, url, `UPDATE document SET observations = NULL, fingerprint = NULL WHERE anr = '`+id(6).String()+`'`,
		`UPDATE client SET is_processed = false WHERE name = 'muted'`)
	_, err = store.Rebuild(t.Context(), nil) // repairs the rollups after the manual change
	check(err)
	insert(t, store, two, threat(t, 2, "2024-05-08", "4 1 1 1 -"))
	return []stats.Client{one, two, muted}
}

// unsaved reports whether a table is about the database itself, and so in no backup.
func unsaved(table string) bool { return table == "goose_db_version" || table == "change_version" }

// everyRow returns all rows of all tables, with the names of the tables.
func everyRow(t *testing.T, url string) []string {
	t.Helper()
	var rows []string
	for _, table := range tables(t, url) {
		if !unsaved(table) {
			rows = append(rows, lines(t, url, `SELECT '`+table+` ' || r::text FROM `+table+` AS r ORDER BY 1`)...)
		}
	}
	return rows
}

// backUp makes a backup of a database and returns it.
func backUp(t *testing.T, url string) ([]byte, backup.Manifest) {
	t.Helper()
	var file bytes.Buffer
	manifest, err := postgres.Backup(t.Context(), backupOptions(url), &file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), manifest
}

func backupOptions(url string) postgres.BackupOptions {
	return postgres.BackupOptions{URL: url, Now: new(clock).now, Program: "v1.0.0", KeyCheck: []byte("sealed")}
}

func restoreFile(ctx context.Context, url string, file []byte, progress postgres.Progress) error {
	archive, err := backup.NewReader(bytes.NewReader(file))
	if err != nil {
		return err
	}
	defer archive.Close()
	return postgres.Restore(ctx, url, archive, func() error { return nil }, progress)
}

func TestBackupRestoresEverything(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	clients := fillTables(t, store, url)
	before := everyRow(t, url)
	for _, table := range tables(t, url) {
		if !unsaved(table) && !strings.Contains(strings.Join(before, "\n"), table+" (") {
			t.Errorf("table %s has no row that could be lost", table)
		}
	}
	file, manifest := backUp(t, url)
	if manifest.Rows() != int64(len(before)) || manifest.RowsOf("stats") != 41 {
		t.Errorf("%d rows and %d stats, want %d and 41", manifest.Rows(), manifest.RowsOf("stats"), len(before))
	}
	for name, target := range map[string]string{"without tables": pgtest.Empty(t), "with empty tables": pgtest.New(t)} {
		t.Run(name, func(t *testing.T) {
			var told [2]int64
			if err := restoreFile(t.Context(), target, file, func(done, total int64) { told = [2]int64{done, total} }); err != nil {
				t.Fatal(err)
			}
			if want := [2]int64{manifest.Rows(), manifest.Rows()}; told != want {
				t.Errorf("progress ended with %d, want %d", told, want)
			}
			if diff := cmp.Diff(before, everyRow(t, target)); diff != "" {
				t.Errorf("rows (-before +restored)\n%s", diff)
			}
			checkRestored(t, store, open(t, target), clients)
		})
	}
}

// checkRestored compares the contents of two stores, and then writes to the restored one.
func checkRestored(t *testing.T, before, after *postgres.Store, clients []stats.Client) {
	t.Helper()
	answers := func(store *postgres.Store) (all []any) {
		everything, _ := list(t, store, stats.Everything(), postgres.ListQuery{})
		sums, err := store.DailySums(t.Context(), stats.Filter{Type: stats.Threat})
		if err != nil {
			t.Fatal(err)
		}
		listed, err := store.ListClients(t.Context()) // with their tokens
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, everything, sums, listed)
		for _, client := range clients {
			known, err := store.ClientByToken(t.Context(), client.Token)
			if err != nil {
				t.Fatal(err)
			}
			own, _ := list(t, store, stats.OfClient(client.ID), postgres.ListQuery{LastOnly: true})
			all = append(all, known, own)
		}
		return all
	}
	if diff := cmp.Diff(answers(before), answers(after)); diff != "" {
		t.Errorf("answers (-before +restored)\n%s", diff)
	}
	agree(t, after)
	// Sequences continue after the last number, even if its row was deleted.
	if client := newClient(t, after, "new"); client.ID != clients[2].ID+2 {
		t.Errorf("a new client has id %d, want %d", client.ID, clients[2].ID+2)
	}
	insert(t, after, clients[0], threat(t, 1, "2024-05-09", "1 2 3 4 -", "9 9 9 9 new"))
	agree(t, after)
}

// A backup has no rows that were written after its snapshot, in any table.
func TestBackupIsASnapshot(t *testing.T) {
	t.Parallel()
	url, target := pgtest.New(t), pgtest.Empty(t)
	store := open(t, url)
	one := fillTables(t, store, url)[0]
	before := everyRow(t, url)
	var file bytes.Buffer
	written := false
	var late sync.WaitGroup
	_, err := postgres.Backup(t.Context(), backupOptions(url), &file, func(int64, int64) {
		switch {
		case written:
		case pgtest.OnCluster: // writers have to wait
			written = true
			late.Go(func() {
				if _, err := store.DeleteStats(t.Context(), stats.Everything(), id(1), nil); err != nil {
					t.Error(err)
				}
			})
		default:
			written = true
			newClient(t, store, "late")
			insert(t, store, one, threat(t, 1, "2024-05-09", "1 2 3 4 -", "9 9 9 9 new"))
			remove(t, store, 2)
		}
	})
	late.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := restoreFile(t.Context(), target, file.Bytes(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, everyRow(t, target)); !written || diff != "" {
		t.Errorf("rows (-before +restored)\n%s", diff)
	}
}

// A backup of an earlier release is restored into tables of that release, which are then
// migrated. The mark of an adopted database is kept.
func TestBackupOfEarlierSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if err := postgres.MigrateTo(t.Context(), url, 1); err != nil {
		t.Fatal(err)
	}
	change(t, url,
		`INSERT INTO client (uuid, name, created_at, updated_at) VALUES ('00000000-0000-4000-8000-000000000001', 'NC3', now(), now())`,
		`CREATE TABLE adoption_state (id smallint PRIMARY KEY, adopted_at timestamptz NOT NULL, revision smallint NOT NULL, alembic_version text)`,
		`INSERT INTO adoption_state VALUES (1, now(), 2, 'abc')`)
	before := everyRow(t, url)
	file, manifest := backUp(t, url)
	if manifest.SchemaVersion != 1 {
		t.Errorf("schema version %d, want 1", manifest.SchemaVersion)
	}
	newer := pgtest.Empty(t)
	if err := postgres.MigrateURL(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"without tables": pgtest.Empty(t), "with newer tables": newer} {
		t.Run(name, func(t *testing.T) {
			if err := restoreFile(t.Context(), target, file, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, everyRow(t, target)); diff != "" {
				t.Errorf("rows (-before +restored)\n%s", diff)
			}
			store := open(t, target)
			if err := store.CheckSchema(t.Context()); err != nil {
				t.Error(err)
			}
			if adopted, err := store.Adopted(t.Context()); err != nil || !adopted {
				t.Errorf("adopted: %t, %v", adopted, err)
			}
		})
	}
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	newer := pgtest.New(t)
	change(t, newer, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
	foreign := pgtest.Empty(t)
	change(t, foreign, `CREATE TABLE stats (name text)`)
	for name, tt := range map[string]struct{ url, want string }{
		"empty":   {pgtest.Empty(t), postgres.ErrNothingToBackUp.Error()},
		"python":  {pythonDatabase(t, 2), postgres.ErrPython.Error()},
		"foreign": {foreign, postgres.ErrForeign.Error()},
		"newer":   {newer, "it has schema version 99, this release knows up to"},
		"missing": {strings.Replace(newer, "?", "_missing?", 1), "run `stats-service db_create`"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			_, err := postgres.Backup(t.Context(), backupOptions(tt.url), &file, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || file.Len() > 0 {
				t.Errorf("error %v and %d bytes, want %q", err, file.Len(), tt.want)
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	used, fresh := pgtest.New(t), pgtest.Empty(t)
	newClient(t, open(t, used), "NC3")
	file, _ := backUp(t, url)
	for name, tt := range map[string]struct {
		target, want string
		edit         func(text string) string
	}{
		"used":           {used, postgres.ErrNotEmpty.Error() + " (table client has rows)", nil},
		"python":         {pythonDatabase(t, 2), postgres.ErrPython.Error(), nil},
		"newer schema":   {fresh, "the backup has schema version 9", func(text string) string { return strings.Replace(text, `"schema_version": `, `"schema_version": 9`, 1) }},
		"unknown table":  {fresh, `the backup has a table "pg_authid"`, func(text string) string { return strings.Replace(text, `"peer_receipt"`, `"pg_authid"`, 1) }},
		"unknown column": {fresh, `column "admin" of relation "rollup_state" does not exist`, func(text string) string { return strings.Replace(text, `"complete"`, `"admin"`, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			before := tables(t, tt.target)
			file := file
			if tt.edit != nil {
				file = editManifest(t, file, tt.edit)
			}
			err := restoreFile(t.Context(), tt.target, file, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if diff := cmp.Diff(before, tables(t, tt.target)); diff != "" && tt.target != fresh {
				t.Errorf("tables (-before +after)\n%s", diff)
			}
		})
	}
}

// TestRestoreBeforeCommit shows that an error before the commit leaves the database empty.
func TestRestoreBeforeCommit(t *testing.T) {
	t.Parallel()
	url, target := pgtest.New(t), pgtest.New(t)
	newClient(t, open(t, url), "NC3")
	file, _ := backUp(t, url)
	archive, err := backup.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	before := everyRow(t, target)
	full := syscall.ENOSPC // must not be taken for an error of the connection
	err = postgres.Restore(t.Context(), target, archive, func() error { return full }, func(int64, int64) {})
	if err != full {
		t.Errorf("Restore = %v, want %v", err, full)
	}
	if diff := cmp.Diff(before, everyRow(t, target)); diff != "" {
		t.Errorf("rows (-before +after)\n%s", diff)
	}
}

// editManifest changes the manifest of a backup, which is its first member.
func editManifest(t *testing.T, file []byte, edit func(text string) string) []byte {
	t.Helper()
	decompressor, err := zstd.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer decompressor.Close()
	var edited bytes.Buffer
	compressor, err := zstd.NewWriter(&edited)
	if err != nil {
		t.Fatal(err)
	}
	from, to := tar.NewReader(decompressor), tar.NewWriter(compressor)
	for {
		header, err := from.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == "manifest.json" {
			text = []byte(edit(string(text)))
			header.Size = int64(len(text))
		}
		err = to.WriteHeader(header)
		if _, writeErr := to.Write(text); err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
	}
	if err := errors.Join(to.Close(), compressor.Close()); err != nil {
		t.Fatal(err)
	}
	return edited.Bytes()
}

// Restoring a damaged or truncated backup leaves the database empty.
func TestRestoreDamaged(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	fillTables(t, open(t, url), url)
	file, _ := backUp(t, url)
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"cut off":  {file[:len(file)-20], backup.ErrCut},
		"tampered": {editManifest(t, file, func(text string) string { return text + " " }), backup.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			target := pgtest.New(t)
			before := everyRow(t, target)
			if err := restoreFile(t.Context(), target, tt.file, nil); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(before, everyRow(t, target)); diff != "" {
				t.Errorf("rows (-before +after)\n%s", diff)
			}
		})
	}
}

// restoreVariable has the test binary restore, instead of running tests. It names the
// database and, in a second line, the backup.
const restoreVariable = "STATS_SERVICE_TEST_RESTORE"

func restoreStepwise(variable string) {
	url, path, _ := strings.Cut(variable, "\n")
	stepwise(func(progress postgres.Progress) error {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return restoreFile(context.Background(), url, file, progress)
	})
}

// A restore that is killed at any step leaves an empty database; the next one succeeds.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	url, target := pgtest.New(t), pgtest.New(t)
	store := open(t, url)
	clients := fillTables(t, store, url)
	file, _ := backUp(t, url)
	path := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	empty, whole := everyRow(t, target), everyRow(t, url)
	restored := false
	for _, due := range []int{1, 4, 7, 1 << 30} {
		kill(t, restoreVariable+"="+target+"\n"+path, func(step string) bool {
			due--
			done, total, _ := strings.Cut(step, " ")
			return due == 0 || done == total
		})
		rows := everyRow(t, target)                                  // which waits for the end of the transaction
		if restored = len(rows) == len(whole); restored && due > 0 { // the last step may be faster than the kill
			break
		}
		if diff := cmp.Diff(empty, rows); diff != "" {
			t.Fatalf("after a kill (-empty +got)\n%s", diff)
		}
	}
	if !restored {
		if err := restoreFile(t.Context(), target, file, nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(whole, everyRow(t, target)); diff != "" {
		t.Errorf("rows (-before +restored)\n%s", diff)
	}
	checkRestored(t, store, open(t, target), clients)
}
