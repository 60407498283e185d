// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package peer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestKilledPushContinuesInBoundedMemory pushes with processes of testdata/pusher, built without the race
// detector, whose memory is not what is to be measured.
func TestKilledPushContinuesInBoundedMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.ReadFile(filepath.Join("testdata", "pusher", "main.go")); err != nil {
		t.Fatal(err) // the go command caches results of tests by the files that they read
	}
	p := pusher{program: filepath.Join(t.TempDir(), "pusher")}
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", p.program, "./testdata/pusher").CombinedOutput(); err != nil {
		t.Fatalf("build the pusher: %v\n%s", err, output)
	}
	t.Run("killed", p.testKilled)
	t.Run("memory", p.testMemory)
}

// pusher is the program.
type pusher struct{ program string }

// start starts a process that pushes all of a database.
func (p pusher) start(t *testing.T, database, server, token string, batch int) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.program, database, server, token, strconv.Itoa(batch))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &output
}

// outcome is what a process prints.
type outcome struct {
	peer.Summary
	PeakMemory int64 `json:"peak_memory"` // kilobytes; 0: not known
}

func outcomeOf(t *testing.T, cmd *exec.Cmd, output *bytes.Buffer) (o outcome) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(output.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// killer is a server that kills the process that talks to it at some moment:
// before a batch is stored, when it is stored but not answered, or a moment
// after the answer has begun.
type killer struct {
	next    http.Handler
	process chan *os.Process
	left    atomic.Int64 // batches until the kill

	mu   sync.Mutex
	plan *rand.Rand
}

// draw returns a random number below n.
func (k *killer) draw(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.plan.IntN(n)
}

func (k *killer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if k.left.Add(-1) != 0 {
		k.next.ServeHTTP(w, r)
		return
	}
	process := <-k.process
	switch k.draw(3) {
	case 0:
		_ = process.Kill()
		k.next.ServeHTTP(w, r)
	case 1:
		k.next.ServeHTTP(httptest.NewRecorder(), r)
		_ = process.Kill()
	default:
		time.AfterFunc(time.Duration(k.draw(5_000))*time.Microsecond, func() { _ = process.Kill() })
		k.next.ServeHTTP(w, r)
	}
}

func (p pusher) testKilled(t *testing.T) {
	t.Parallel()
	const (
		kills = 10
		count = 6_000
		batch = 30 // so that there are many moments at which a batch is on its way
	)
	url, farURL := pgtest.New(t), pgtest.New(t)
	local, far := openStore(t, url, 0), serve(t, openStore(t, farURL, 0), maxBody)
	client, as := newClient(t, local, "local"), newClient(t, far.store, "as")
	fillFast(t, url, client, count)
	k := &killer{next: far.handler, process: make(chan *os.Process, 1), plan: rand.New(rand.NewPCG(4, 2))}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	for range kills {
		k.left.Store(int64(1 + k.draw(count/batch/kills)))
		cmd, _ := p.start(t, url, server.URL, as.Token, batch)
		k.process <- cmd.Process
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended before it was killed")
		}
	}
	k.left.Store(0)
	arrived := countStats(t, far)
	if arrived == 0 || arrived >= count {
		t.Errorf("%d stats arrived before the last run: the kills did not hit it at work", arrived)
	}
	cmd, output := p.start(t, url, server.URL, as.Token, batch)
	last := outcomeOf(t, cmd, output)
	t.Logf("%d stats arrived in %d runs that were killed; the last one: %+v", arrived, kills, countsOf(last.Summary))
	if last.AlreadyThere < arrived || last.Sent+last.AlreadyThere != count {
		t.Errorf("the last run says that %d were already there, of %d that were delivered", last.AlreadyThere, arrived)
	}
	if requests, want := -k.left.Load(), int64((count-arrived)/batch+kills); requests > want {
		t.Errorf("the last run made %d requests, want %d: what is new, and a batch for each kill", requests, want)
	}
	wantSameDigest(t, url, farURL)
	cmd, output = p.start(t, url, server.URL, as.Token, batch)
	wantCounts(t, counts{AlreadyThere: count}, outcomeOf(t, cmd, output).Summary)
}

func countStats(t *testing.T, i *instance) int {
	t.Helper()
	status, err := i.store.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ofType := range status.Stats {
		n += int(ofType)
	}
	return n
}

// maxMemory is what a pushing process may take, however much it pushes: twice of
// what it takes, and less than with 500 bytes kept of each of the stats.
const maxMemory = 32 << 20

func (p pusher) testMemory(t *testing.T) {
	t.Parallel()
	const count = 30_000
	url, farURL := pgtest.New(t), pgtest.New(t)
	local, far := openStore(t, url, 0), serve(t, openStore(t, farURL, 0), maxBody)
	client, as := newClient(t, local, "local"), newClient(t, far.store, "as")
	fillFast(t, url, client, count)
	started := time.Now()
	cmd, output := p.start(t, url, far.url, as.Token, peer.DefaultBatchCount)
	done := outcomeOf(t, cmd, output)
	wantCounts(t, counts{Sent: count}, done.Summary)
	memory := done.PeakMemory << 10
	if memory == 0 {
		memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss // bytes on macOS, less elsewhere
	}
	t.Logf("%d stats pushed in %s with %d MB", count, time.Since(started).Round(time.Millisecond), memory>>20)
	if memory > maxMemory {
		t.Errorf("the process took %d bytes, more than %d", memory, maxMemory)
	}
	wantSameDigest(t, url, farURL)
}

// wantSameDigest fails the test unless both databases hold the same stats.
func wantSameDigest(t *testing.T, url, farURL string) {
	t.Helper()
	if want, got := digest(t, url), digest(t, farURL); want != got {
		t.Errorf("the remote has %s, want %s", got, want)
	}
}

// digest sums up all stats of a database.
func digest(t *testing.T, url string) (sum string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const query = `SELECT count(*) || ' stats ' || md5(string_agg(concat_ws(' ', uuid, anr, type, date, data), ',' ORDER BY uuid)) FROM stats_with_data`
	if err := conn.QueryRow(t.Context(), query).Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// fillFast stores small stats, 500 a day, without going through the store.
func fillFast(t *testing.T, url string, client stats.Client, count int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const documents = `
		INSERT INTO document (anr, digest, type, data)
		SELECT md5('anr' || n % 100)::uuid, md5('document' || n)::uuid, 'risk',
			jsonb_build_object('risks', jsonb_build_object('current', jsonb_build_object('informational',
				jsonb_build_array(jsonb_build_object('level', 'Low risks', 'value', n)))))
		FROM generate_series(0, $1::int - 1) AS n`
	const rows = `
		INSERT INTO stats (uuid, anr, type, date, digest, created_at, client_id)
		SELECT md5('stats' || n)::uuid, md5('anr' || n % 100)::uuid, 'risk', date '2024-05-31' - n / 500,
			md5('document' || n)::uuid, now(), $2
		FROM generate_series(0, $1::int - 1) AS n`
	if _, err := conn.Exec(t.Context(), documents, count); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), rows, count, client.ID); err != nil {
		t.Fatal(err)
	}
}
