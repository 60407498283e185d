// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build citus

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Commands for sh that kill one worker of the cluster, whichever it is, and start
// it again. They return when that is done.
const (
	stopVariable  = "TEST_CITUS_STOP_WORKER"
	startVariable = "TEST_CITUS_START_WORKER"
)

// TestLostWorker kills a worker while clients post, and starts it again. It is not
// parallel, because other tests need the worker.
func TestLostWorker(t *testing.T) {
	for _, name := range []string{stopVariable, startVariable} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: give a shell command that kills a worker of the cluster (%s) and one that starts it again (%s)",
				name, stopVariable, startVariable)
		}
	}
	url := pgtest.New(t)
	s := setupOn(t, url)
	s.log.expectErrors()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())

	user := s.user("user") // while the worker is down, nobody can be created
	posting := startPosters(t, s, 4)
	posting.await("posts before the loss", 20)
	shell(t, os.Getenv(stopVariable))
	started := sync.OnceFunc(func() { shell(t, os.Getenv(startVariable)) })
	t.Cleanup(started)
	posting.await("posts during the loss", 20)
	checkLoss(t, user, conn)
	started()
	posting.await("posts after the loss", 20)
	posting.end()

	// What was acknowledged while the worker went away may be prepared on it and
	// not committed: Citus does that by itself within a minute.
	until(t, "no transaction is prepared any more", func() bool {
		var prepared int64
		const recovered = `SELECT sum(result::bigint)::bigint, (SELECT recover_prepared_transactions()) >= 0
			FROM run_command_on_workers('SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()')`
		if err := conn.QueryRow(t.Context(), recovered).Scan(&prepared, nil); err != nil {
			t.Fatal(err)
		}
		return prepared == 0
	})
	posting.check(s)
	differences, err := s.store.RollupsAgree(t.Context())
	if err != nil || len(differences) > 0 {
		t.Errorf("the rollups differ from the stats: %v, %v", differences, err)
	}
}

func shell(t *testing.T, command string) {
	t.Helper()
	if output, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, output)
	}
}

// checkLoss asks for what is on the lost worker, and for what is not.
func checkLoss(t *testing.T, user caller, conn *pgx.Conn) {
	t.Helper()
	var lost []int32
	const find = `SELECT coalesce(array_agg(nodeport), '{}') FROM run_command_on_workers('SELECT 1') WHERE NOT success`
	if err := conn.QueryRow(t.Context(), find).Scan(&lost); err != nil {
		t.Fatal(err)
	}
	if len(lost) != 1 {
		t.Fatalf("%s took %d workers away, want one", stopVariable, len(lost))
	}
	on := map[bool]int{} // an analysis on the lost worker, and one that is not
	for n := 200; len(on) < 2; n++ {
		var gone bool
		const place = `SELECT nodeport = $2 FROM pg_dist_shard_placement WHERE shardid = get_shard_id_for_distribution_column('stats', $1::uuid)`
		if err := conn.QueryRow(t.Context(), place, id(n), lost[0]).Scan(&gone); err != nil {
			t.Fatal(err)
		}
		on[gone] = n
	}
	live, gone := on[false], on[true]
	works := []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", "/api/v1/client/me", nil, http.StatusOK},
		{"POST", "/api/v1/stats/", []item{threat(live, 0, 1), threat(live, 1, 2)}, http.StatusCreated},
		{"POST", "/api/v1/stats/", []item{threat(live, 0, 1), threat(live, 2, 2)}, http.StatusCreated},
		{"GET", "/api/v1/stats/", map[string]any{"anrs": []uuid.UUID{id(live)}}, http.StatusOK},
		{"GET", "/api/v1/stats/", map[string]any{"anrs": []uuid.UUID{id(live)}, "get_last": 1}, http.StatusOK},
		{"GET", "/api/v1/stats/processed/", map[string]any{"processor": "threat_average_on_date", "type": "threat"}, http.StatusOK},
		{"GET", "/api/v1/stats/processed/", map[string]any{"processor": "threat_average_on_date", "type": "threat", "anrs": []uuid.UUID{id(live)}}, http.StatusOK},
		{"DELETE", "/api/v1/stats/" + id(live).String(), nil, http.StatusNoContent},
	}
	for _, r := range works {
		if got := user.call(r.method, r.path, r.body); got.status != r.status {
			t.Errorf("%s %s %v without the worker: status %d, want %d: %s", r.method, r.path, r.body, got.status, r.status, got.body)
		}
	}
	fails := []struct {
		method, path string
		body         any
	}{
		{"POST", "/api/v1/stats/", []item{threat(gone, 0, 1)}},
		{"POST", "/api/v1/stats/", []item{threat(live, 0, 1), threat(gone, 0, 1)}},
		{"GET", "/api/v1/stats/", map[string]any{"anrs": []uuid.UUID{id(gone)}}},
		{"GET", "/api/v1/stats/", nil},
		{"GET", "/api/v1/stats/", map[string]any{"get_last": 1}},
		{"DELETE", "/api/v1/stats/" + id(gone).String(), nil},
	}
	for _, r := range fails {
		got := user.call(r.method, r.path, r.body)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s %v on the lost worker: status %d, Retry-After %q, want 503 with one: %s",
				r.method, r.path, r.body, got.status, got.header.Get("Retry-After"), got.body)
		}
	}
}

// posters are clients that post one batch after the other.
type posters struct {
	t       *testing.T
	stop    chan struct{}
	running sync.WaitGroup
	posts   atomic.Int64

	mu           sync.Mutex
	acknowledged []uuid.UUID
	sizes        map[int]int // the number of stats that have this value, if they are stored
	refused      int
}

func startPosters(t *testing.T, s *service, n int) *posters {
	t.Helper()
	p := &posters{t: t, stop: make(chan struct{}), sizes: map[int]int{}}
	for i := range n {
		user := s.user(fmt.Sprintf("poster %d", i))
		p.running.Go(func() { p.post(user, i) })
	}
	t.Cleanup(p.end)
	return p
}

// post stores stats whose value tells the batch. Every other batch is of one
// analysis, the rest of five.
func (p *posters) post(user caller, poster int) {
	for n := 0; ; n++ {
		select {
		case <-p.stop:
			return
		default:
		}
		value := (poster+1)*1_000_000 + n
		var batch []item
		for i := range 1 + 4*(n%2) {
			batch = append(batch, threat(1+(n*7+i)%40, n%30, value))
		}
		p.send(user, value, batch)
		p.posts.Add(1)
	}
}

func (p *posters) send(user caller, value int, batch []item) {
	response, err := user.http.Do(user.request("POST", "/api/v1/stats/", batch))
	if err != nil {
		p.t.Error(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sizes[value] = len(batch)
	switch {
	case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		p.refused++
	case response.StatusCode == http.StatusCreated:
		var stored list
		if err := json.Unmarshal(body, &stored); err != nil {
			p.t.Error(err)
		}
		p.acknowledged = append(p.acknowledged, stored.ids()...)
	default:
		p.t.Errorf("a post is answered %d: %s", response.StatusCode, body)
	}
}

// await returns after so many more posts.
func (p *posters) await(what string, posts int64) {
	p.t.Helper()
	enough := p.posts.Load() + posts
	until(p.t, what, func() bool { return p.posts.Load() >= enough })
}

func (p *posters) end() {
	p.mu.Lock()
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	p.mu.Unlock()
	p.running.Wait()
}

// check looks for what was acknowledged, and for batches that are stored in part.
func (p *posters) check(s *service) {
	p.t.Helper()
	stored, counts := map[uuid.UUID]bool{}, map[int]int{}
	_, err := s.store.EachStat(p.t.Context(), stats.Everything(), postgres.ListQuery{}, func(stat stats.Stat) error {
		var data []struct{ Count int }
		if err := json.Unmarshal(stat.Data, &data); err != nil {
			return err
		}
		stored[stat.UUID] = true
		counts[data[0].Count]++
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("%d posts, %d of them refused, %d stats acknowledged, %d stored", p.posts.Load(), p.refused, len(p.acknowledged), len(stored))
	for _, id := range p.acknowledged {
		if !stored[id] {
			p.t.Errorf("stat %s was acknowledged and is missing", id)
		}
	}
	for value, size := range p.sizes {
		if n := counts[value]; n != 0 && n != size {
			p.t.Errorf("%d of %d stats of a batch are stored", n, size)
		}
	}
	if p.refused == 0 {
		p.t.Error("no post needed the lost worker")
	}
}
