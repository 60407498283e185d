// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/sample"
)

const (
	// backupStats is how many stats are backed up and restored; the environment may
	// ask for another number.
	backupStats         = 20_000
	backupStatsVariable = "BACKUP_STATS"
	// maxBackupMemory is what db_backup and db_restore may take, in bytes.
	maxBackupMemory = 100 << 20
)

// TestBackupProcess backs up and restores with processes of the program, built without the
// race detector, whose memory use would distort the measurement. Rows and answers are the
// same afterwards.
func TestBackupProcess(t *testing.T) {
	t.Parallel()
	count := wanted(t, backupStatsVariable, backupStats)
	program := filepath.Join(t.TempDir(), "stats-service")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", program, "./cmd/stats-service")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	before := newInstance(t, time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC))
	tokens, asked := before.fill(count)
	answers := before.answers(t, tokens, asked)
	rows := before.digests()
	file := filepath.Join(t.TempDir(), "stats.backup")
	before.process(program, "db_backup", "--output", file)

	after := before
	after.environ = append([]string{"DATABASE_URL=" + pgtest.Empty(t)}, before.environ[1:]...)
	after.process(program, "db_restore", "--input", file)
	if diff := cmp.Diff(rows, after.digests()); diff != "" {
		t.Errorf("rows (-before +restored)\n%s", diff)
	}
	if diff := cmp.Diff(answers, after.answers(t, tokens, asked)); diff != "" {
		t.Errorf("answers (-before +restored)\n%s", diff)
	}
}

// process runs a command in a separate process and measures its memory.
func (i instance) process(program, command string, args ...string) {
	i.t.Helper()
	process := exec.CommandContext(i.t.Context(), program, append([]string{command}, args...)...)
	process.Env = append(os.Environ(), i.environ...)
	var output bytes.Buffer
	process.Stdout, process.Stderr = &output, &output
	started := time.Now()
	if err := process.Start(); err != nil {
		i.t.Fatal(err)
	}
	peak := make(chan int64)
	go func() { peak <- peakMemory(process.Process.Pid) }()
	err := process.Wait()
	memory := <-peak
	if err != nil {
		i.t.Fatalf("%s: %v\n%s", command, err, &output)
	}
	i.t.Logf("%s took %s and %d MB\n%s", command, time.Since(started).Round(time.Millisecond), memory>>20, &output)
	if memory == 0 || memory > maxBackupMemory {
		i.t.Errorf("%s took %d bytes of memory, more than %d, or none that could be measured", command, memory, int64(maxBackupMemory))
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory polls a process until it ends and returns its peak memory in bytes. The figure
// that the system reports after the end includes memory of the parent process.
func peakMemory(pid int) (peak int64) {
	for ; ; time.Sleep(time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return peak
		}
		found := highWater.FindSubmatch(status)
		if found == nil { // it has ended, and nobody has waited for it yet
			return peak
		}
		if executable, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && filepath.Base(executable) == "stats-service" {
			kB, _ := strconv.ParseInt(string(found[1]), 10, 64)
			peak = kB << 10
		}
	}
}

// fill stores what organisations sent, and then more stats of the same documents on the
// days before. It returns the tokens of the organisations and an analysis of each.
func (i instance) fill(count int) (tokens, analyses []string) {
	const days, kinds = 10, 5
	perOrganisation := max(5, count/5_000)
	generator := sample.New(sample.Options{Clients: 4, Analyses: perOrganisation, Days: days, Step: 1, Until: i.now()})
	i.t.Run("fill", func(t *testing.T) {
		in := i
		in.t = t
		url := in.serve()
		for n, organisation := range generator.Organisations() {
			token := fmt.Sprint("token-of-organisation-", n)
			in.run("client_create", "--name", organisation.Name, "--token", token)
			tokens, analyses = append(tokens, token), append(analyses, organisation.Analyses()[0].String())
			for _, day := range generator.Dates() {
				ask(t, http.StatusCreated, http.MethodPost, url+"/api/v1/stats/", token, string(generator.FrontOfficeBatch(n, day)))
			}
		}
	})
	i.run("client_create", "--name", "admin", "--role", "admin", "--token", "token-of-the-admin")
	copies := count/(4*perOrganisation*days*kinds) - 1
	const statement = `INSERT INTO stats (created_at, client_id, uuid, anr, digest, date, type)
		SELECT created_at, client_id, md5(uuid::text || n)::uuid, anr, digest, date - $1::int * n, type FROM stats, generate_series(1, $2::int) AS n`
	i.exec(statement, days, copies)
	i.run("db_rebuild")
	return append(tokens, "token-of-the-admin"), analyses
}

// database returns the address of the instance's database.
func (i instance) database() string { return strings.TrimPrefix(i.environ[0], "DATABASE_URL=") }

func (i instance) exec(statement string, args ...any) {
	i.t.Helper()
	conn, err := pgx.Connect(i.t.Context(), i.database())
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(i.t.Context(), statement, args...); err != nil {
		i.t.Fatal(err)
	}
}

// digests sums up the rows of each table, in any order.
func (i instance) digests() map[string]string {
	i.t.Helper()
	conn, err := pgx.Connect(i.t.Context(), i.database())
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(i.t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'change_version')`)
	if err != nil {
		i.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		i.t.Fatal(err)
	}
	digests := map[string]string{}
	for _, table := range tables {
		var digest string
		statement := `SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(r::text, 0)::numeric), 0) FROM ` + table + ` AS r`
		if err := conn.QueryRow(i.t.Context(), statement).Scan(&digest); err != nil {
			i.t.Fatal(err)
		}
		digests[table] = digest
	}
	return digests
}

// answers are the digests of the service's answers to many requests.
func (i instance) answers(t *testing.T, tokens, analyses []string) (digests map[string]string) {
	t.Helper()
	t.Run("answers", func(t *testing.T) {
		i.t = t
		url := i.serve()
		digests = answersOf(t, url, tokens, analyses)
		for _, path := range []string{"/stats/threats.json", "/stats/vulnerabilities.json?days=200&layout=series", "/stats/risks.json?local_stats_only=1"} {
			digests[path] = digestOf(ask(t, http.StatusOK, http.MethodGet, url+path, "", ""))
		}
	})
	return digests
}

func digestOf(answer []byte) string {
	return fmt.Sprintf("%d bytes, %x", len(answer), sha256.Sum256(answer))
}

// answersOf are the digests of the answers of the API to clients with these tokens.
func answersOf(t *testing.T, url string, tokens, analyses []string) map[string]string {
	t.Helper()
	digests := map[string]string{}
	put := func(path, token string) []byte {
		answer := ask(t, http.StatusOK, http.MethodGet, url+path, token, "")
		digests[path+" "+token] = digestOf(answer)
		return answer
	}
	var processors []struct{ Name string }
	if err := json.Unmarshal(put("/api/v1/stats/processed/list", ""), &processors); err != nil || len(processors) == 0 {
		t.Fatalf("%d processors: %v", len(processors), err)
	}
	for _, token := range tokens {
		put("/api/v1/client/me", token)
		put("/api/v1/stats/?limit=300", token)
		put("/api/v1/stats/?get_last=true&limit=50", token)
		put("/api/v1/stats/?type=threat&date_from=2025-01-01&limit=100&offset=150", token)
		for _, processor := range processors {
			kind, _, _ := strings.Cut(processor.Name, "_")
			query := "/api/v1/stats/processed/?processor=" + processor.Name + "&type=" + kind + "&date_from=2025-06-01"
			put(query, token)
			put(query+"&anrs="+strings.Join(analyses, ","), token)
		}
	}
	return digests
}
