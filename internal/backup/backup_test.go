// SPDX-License-Identifier: AGPL-3.0-or-later

package backup_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/monarc-project/stats-service/internal/backup"
)

// content has the rows of tables, in their order.
type content []struct{ name, rows string }

func (c content) manifest() backup.Manifest {
	m := backup.Manifest{
		Format: 1, CreatedAt: time.Date(2024, 5, 31, 12, 0, 0, 0, time.UTC), Program: "v1.0.0", PostgreSQL: "15.4",
		SchemaVersion: 2, KeyCheck: []byte("sealed"),
	}
	for _, table := range c {
		m.Tables = append(m.Tables, backup.Table{
			Name: table.name, Columns: []string{"id", "text"}, Rows: int64(strings.Count(table.rows, "\n")), Sequences: map[string]int64{"id": 7},
		})
	}
	return m
}

func write(t testing.TB, c content, key string) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := backup.NewWriter(&file, c.manifest(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range c {
		if err := w.Next(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, table.rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// long returns more than a chunk of rows that hardly compress. The last row ends at the
// end of a chunk.
func long() string {
	plan, text := rand.New(rand.NewPCG(1, 2)), strings.Builder{}
	for n := 0; text.Len() < 9<<20; n++ {
		fmt.Fprintf(&text, "%d\t%d\n", n, plan.Uint64())
	}
	return text.String()
}

func TestReaderReturnsWhatWasWritten(t *testing.T) {
	t.Parallel()
	want := content{{"client", "1\tNC3\n2\t\\N\n"}, {"empty", ""}, {"stats", long()}, {"peer", "1\thttps://example.org\n"}}
	r, err := backup.NewReader(iotest.HalfReader(bytes.NewReader(write(t, want, "the key"))))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if diff := cmp.Diff(want.manifest(), r.Manifest()); diff != "" {
		t.Errorf("manifest (-want +got)\n%s", diff)
	}
	if r.Key() != "the key" {
		t.Errorf("the key is %q", r.Key())
	}
	for _, table := range want {
		got, rows, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(rows)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != table.name || string(text) != table.rows {
			t.Errorf("table %s has %d bytes, want table %s with %d", got.Name, len(text), table.name, len(table.rows))
		}
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if r.Done() != r.Manifest().Rows() {
		t.Errorf("%d rows were read of %d", r.Done(), r.Manifest().Rows())
	}
}

func TestVerifyReturnsManifestAndKey(t *testing.T) {
	t.Parallel()
	c := content{{"client", "1\tNC3\n"}, {"stats", long()}}
	var last [2]int64
	m, key, err := backup.Verify(bytes.NewReader(write(t, c, "")), func(done, total int64) { last = [2]int64{done, total} })
	if err != nil || key != "" {
		t.Fatalf("key %q, error %v", key, err)
	}
	if diff := cmp.Diff(c.manifest(), m); diff != "" {
		t.Errorf("manifest (-want +got)\n%s", diff)
	}
	if want := [2]int64{m.Rows(), m.Rows()}; last != want {
		t.Errorf("progress ended with %d, want %d", last, want)
	}
}

func verify(file []byte) error {
	_, _, err := backup.Verify(bytes.NewReader(file), func(int64, int64) {})
	return err
}

// Truncation at every byte is found, and so is every changed byte.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	file := write(t, content{{"client", "1\tNC3\n"}, {"stats", "1\trisk\n2\tthreat\n"}}, "the key")
	for n := range file {
		if err := verify(file[:n]); !errors.Is(err, backup.ErrCut) && !(n == 0 && errors.Is(err, backup.ErrNoBackup)) {
			t.Fatalf("truncated after %d of %d bytes: %v", n, len(file), err)
		}
		damaged := bytes.Clone(file)
		damaged[n] ^= 1 << (n % 8)
		if err := verify(damaged); err == nil && !slices.Equal(unpack(t, damaged), unpack(t, file)) {
			t.Fatalf("a change of byte %d of %d was not noticed", n, len(file))
		}
	}
	if err := verify(append(bytes.Clone(file), 0)); err == nil {
		t.Error("a byte after the end was not noticed")
	}
	failing := errors.New("the disk is broken")
	_, _, err := backup.Verify(io.MultiReader(bytes.NewReader(file[:len(file)/2]), iotest.ErrReader(failing)), func(int64, int64) {})
	if !errors.Is(err, failing) || errors.Is(err, backup.ErrDamaged) {
		t.Errorf("an error of the disk is reported as %v", err)
	}
}

// TestVerifyFindsChangedMembers packs changed members again: the checksums of zstd match.
func TestVerifyFindsChangedMembers(t *testing.T) {
	t.Parallel()
	file := write(t, content{{"client", "1\tNC3\n"}, {"stats", "1\trisk\n2\tthreat\n"}}, "")
	for name, tt := range map[string]struct {
		edit func(members []member) []member
		want error
	}{
		"as it was":       {func(m []member) []member { return m }, nil},
		"row changed":     {func(m []member) []member { m[2].text = "1\tfear\n2\tthreat\n"; return m }, backup.ErrDamaged},
		"row left out":    {func(m []member) []member { m[2].text = "1\trisk\n"; return m }, backup.ErrDamaged},
		"chunk left out":  {func(m []member) []member { return append(m[:1], m[2:]...) }, backup.ErrDamaged},
		"order changed":   {func(m []member) []member { m[1], m[2] = m[2], m[1]; return m }, backup.ErrDamaged},
		"key added":       {func(m []member) []member { return append(m[:1], append([]member{{"secret.key", "key"}}, m[1:]...)...) }, backup.ErrDamaged},
		"file added":      {func(m []member) []member { return append(m, member{"more", ""}) }, backup.ErrDamaged},
		"no checksums":    {func(m []member) []member { return m[:len(m)-1] }, backup.ErrCut},
		"no manifest":     {func(m []member) []member { return m[1:] }, backup.ErrNoBackup},
		"newer format":    {func(m []member) []member { m[0].text = `{"format": 2}`; return m }, backup.ErrNewer},
		"manifest broken": {func(m []member) []member { m[0].text = `{"format": 1`; return m }, backup.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verify(pack(t, tt.edit(unpack(t, file)))); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	if err := verify([]byte("-- a dump of SQL\n")); !errors.Is(err, backup.ErrNoBackup) {
		t.Errorf("another file: %v", err)
	}
}

type member struct{ name, text string }

func unpack(t *testing.T, file []byte) (members []member) {
	t.Helper()
	decompressor, err := zstd.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer decompressor.Close()
	for archive := tar.NewReader(decompressor); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return members
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{header.Name, string(text)})
	}
}

func pack(t *testing.T, members []member) []byte {
	t.Helper()
	var file bytes.Buffer
	compressor, err := zstd.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(compressor)
	for _, m := range members {
		err := archive.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.text)), Mode: 0o600})
		if _, writeErr := io.WriteString(archive, m.text); err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
	}
	if err := errors.Join(archive.Close(), compressor.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Writing a table with more or fewer rows than the manifest says fails.
func TestWriterCountsRows(t *testing.T) {
	t.Parallel()
	c := content{{"client", "1\tNC3\n2\tCASES\n"}}
	w, err := backup.NewWriter(io.Discard, c.manifest(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "1\tNC3\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "table client has 1 rows instead of 2") {
		t.Errorf("error %v", err)
	}
}

// A backup can be checked with the usual tools.
func TestUsualToolsCheckABackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, m := range unpack(t, write(t, content{{"client", "1\tNC3\n"}, {"stats", "1\trisk\n"}}, "the key")) {
		path := filepath.Join(dir, m.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(m.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = dir
	output, err := check.CombinedOutput()
	if err != nil || strings.Count(string(output), ": OK") != 4 {
		t.Errorf("%v\n%s", err, output)
	}
}
