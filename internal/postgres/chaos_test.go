// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

const chaosDays, chaosAnalyses, chaosClients = 12, 40, 6

// crowd has the clients of the random operations. It replaces deleted clients: without
// clients, nothing could be stored.
type crowd struct {
	mu      sync.Mutex
	clients []stats.Client
	born    int
}

func (p *crowd) any(random *rand.Rand) stats.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients[random.IntN(len(p.clients))]
}

// replace creates a client in place of a deleted one, unless another worker has done so.
func (p *crowd) replace(ctx context.Context, store *postgres.Store, gone stats.Client) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.clients {
		if p.clients[i].UUID != gone.UUID {
			continue
		}
		client, err := p.birth(ctx, store)
		p.clients[i] = client
		return err
	}
	return nil
}

func (p *crowd) birth(ctx context.Context, store *postgres.Store) (stats.Client, error) {
	p.born++
	return store.CreateClient(ctx, stats.Client{Name: fmt.Sprintf("client %d", p.born), Local: p.born%2 == 0, IsActive: true})
}

func newCrowd(t *testing.T, store *postgres.Store) *crowd {
	t.Helper()
	p := &crowd{}
	for range chaosClients {
		client, err := p.birth(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		p.clients = append(p.clients, client)
	}
	return p
}

// chaos runs random operations on a database.
type chaos struct {
	store    *postgres.Store
	random   *rand.Rand
	clients  *crowd
	named    int  // of the last uuid that was chosen
	knew     int  // known documents, which were not parsed
	rebuilds bool // also rebuilds the rollups at times, which hides earlier errors
}

func (c *chaos) step(t *testing.T) error {
	ctx, client := t.Context(), c.clients.any(c.random)
	err := c.happen(t, client)
	if errors.Is(err, stats.ErrNotFound) { // another worker deleted the client
		return c.clients.replace(ctx, c.store, client)
	}
	return err
}

// stock stores enough stats to compare, whatever was deleted before.
func (c *chaos) stock(t *testing.T) {
	t.Helper()
	for stored := 0; stored < 40; {
		client := c.clients.any(c.random)
		batch, err := c.batch(t)
		if err == nil {
			_, err = c.store.InsertBatch(t.Context(), client, batch)
		}
		if errors.Is(err, stats.ErrNotFound) {
			err = c.clients.replace(t.Context(), c.store, client)
		} else {
			stored += len(batch.Items)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (c *chaos) happen(t *testing.T, client stats.Client) (err error) {
	ctx := t.Context()
	switch n := c.random.IntN(1000); {
	case n < 640:
		var batch stats.Batch
		if batch, err = c.batch(t); err == nil {
			_, err = c.store.InsertBatch(ctx, client, batch)
		}
	case n < 790:
		scope := []stats.Scope{client.Scope(), stats.Everything()}[c.random.IntN(2)]
		_, err = c.store.DeleteStats(ctx, scope, id(c.random.IntN(chaosAnalyses)), nil)
	case n < 830:
		_, err = c.store.UpdateClient(ctx, client.UUID, postgres.ClientChange{Local: ptr(c.random.IntN(2) == 0)})
	case n < 870:
		_, err = c.store.UpdateClient(ctx, client.UUID, postgres.ClientChange{Processed: ptr(c.random.IntN(3) > 0)})
	case n < 940:
		err = c.store.MergeDeltas(ctx)
	case n < 955:
		_, err = c.store.PurgeStats(ctx, date("2024-05-01").AddDate(0, 0, c.random.IntN(chaosDays/2)), nil)
	case n < 980:
		_, err = c.store.RemoveDuplicates(ctx, postgres.DuplicateQuery{}, nil)
	case n < 984:
		_, err = c.store.DeleteStatsOfClient(ctx, client.UUID, nil)
	case n < 990:
		_, err = c.store.DeleteClient(ctx, client.UUID)
	case c.rebuilds:
		_, err = c.store.Rebuild(ctx, nil)
	}
	return err
}

// batch returns a batch of items whose known documents are not parsed, as in ParseBatch.
func (c *chaos) batch(t *testing.T) (stats.Batch, error) {
	items := c.items(t)
	sent := make([]stats.SentDocument, len(items))
	for i := range items {
		sent[i] = stats.SentDocument{ANR: items[i].ANR, Fingerprint: items[i].Fingerprint}
	}
	known, err := c.store.KnownDocuments(t.Context(), sent)
	for i := range items {
		if digest, ok := known[sent[i]]; ok {
			items[i].Digest, items[i].Known, items[i].Observations = digest, true, nil
			c.knew++
		}
	}
	return stats.Batch{Items: items}, err
}

// items returns items of every type, some with UUIDs, which other workers choose too.
func (c *chaos) items(t *testing.T) []stats.Item {
	items := make([]stats.Item, 1+c.random.IntN(4))
	for i := range items {
		stat := stats.Stat{
			ANR: id(c.random.IntN(chaosAnalyses)), Date: date("2024-05-01").AddDate(0, 0, c.random.IntN(chaosDays)),
		}
		stat.Type, stat.Data = c.document()
		if c.random.IntN(3) == 0 {
			c.named++
			stat.UUID = id(1_000_000 + c.named)
		}
		items[i] = item(t, stat)
	}
	return items
}

func (c *chaos) document() (stats.Type, []byte) {
	number := func() string { return fmt.Sprintf("%d.%d", c.random.IntN(5), c.random.Int64N(1e9)>>c.random.IntN(30)) }
	if c.random.IntN(3) == 0 { // a document that many analyses repeat
		number = func() string { return fmt.Sprint(c.random.IntN(2)) }
	}
	switch c.random.IntN(5) {
	case 0:
		return stats.Risk, fmt.Appendf(nil,
			`{"total":{},"risks":{"current":{"informational":[{"level":"Low risks","value":%s}]}}}`, number())
	case 1:
		return stats.Cartography, fmt.Appendf(nil,
			`{"scales":{"impact":[0,1],"likelihood":[0,1]},"risks":{"current":{"informational":{"0":{"1":%d}}}}}`, c.random.IntN(9))
	case 2:
		return stats.Compliance, fmt.Appendf(nil,
			`[{"referential":%q,"label1":"r","current":[{"label1":"c","value":"0.%d","controls":[]}],"target":[]}]`, id(1), c.random.IntN(99))
	}
	var objects []string
	for n := range c.random.IntN(4) {
		objects = append(objects, fmt.Sprintf("%d %s %s %s label%d", n, number(), number(), number(), c.random.IntN(3)))
	}
	return []stats.Type{stats.Threat, stats.Vulnerability}[c.random.IntN(2)], threats(objects...)
}

// samePaths fails the test if rollups and documents give different sums.
func samePaths(t *testing.T, store *postgres.Store) {
	t.Helper()
	var anrs []uuid.UUID
	for n := range chaosAnalyses {
		anrs = append(anrs, id(n))
	}
	for _, typ := range stats.Types() {
		for _, local := range []bool{false, true} {
			filter := stats.Filter{Type: typ, LocalStatsOnly: local}
			rolled := sums(t, store, filter)
			filter.ANRs = anrs
			if diff := cmp.Diff(sums(t, store, filter), rolled); diff != "" {
				t.Errorf("%s, local only %t (-rows +rollups):\n%s", typ, local, diff)
			}
		}
	}
}

// TestRollupsEqualRecomputation runs thousands of concurrent random operations, and
// repeatedly compares the rollups with the documents. It also checks that every document
// has a stat and every stat a document.
func TestRollupsEqualRecomputation(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"alone": 1, "concurrent": 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			setup := open(t, url)
			workers := make([]*chaos, n)
			clients := newCrowd(t, setup)
			for i := range workers {
				workers[i] = &chaos{
					store: open(t, url), clients: clients,
					random: rand.New(rand.NewPCG(uint64(n), uint64(i))), named: 1_000_000 * (i / 2),
				}
			}
			knew := func() (documents int) {
				for _, worker := range workers {
					documents += worker.knew
				}
				return documents
			}
			// At least this many rounds, and until enough documents were known: that depends on
			// which worker is faster.
			for round := 0; round < 12 || round < 60 && knew() < 50; round++ {
				runConcurrently(t, workers, 300/n, round%4 == 0)
				workers[0].stock(t)
				mustHoldSomething(t, url)
				agree(t, setup)
				samePaths(t, setup)
				noOrphans(t, url)
			}
			if n := knew(); n < 50 {
				t.Errorf("%d documents were known, which are too few to prove anything", n)
			}
			if err := setup.MergeDeltas(t.Context()); err != nil {
				t.Error(err)
			}
			agree(t, setup)
			samePaths(t, setup)
		})
	}
}

// noOrphans fails the test if a document has no stat or a stat no document.
func noOrphans(t *testing.T, url string) {
	t.Helper()
	const documents = `SELECT count(*) FROM document AS d WHERE NOT EXISTS (SELECT 1 FROM stats AS s WHERE s.anr = d.anr AND s.digest = d.digest)`
	const rows = `SELECT count(*) FROM stats AS s WHERE NOT EXISTS (SELECT 1 FROM document AS d WHERE d.anr = s.anr AND d.digest = s.digest AND d.type = s.type)`
	if n := count(t, url, documents); n > 0 {
		t.Errorf("no stat refers to %d documents", n)
	}
	if n := count(t, url, rows); n > 0 {
		t.Errorf("%d stats have no document of their type", n)
	}
}

// runConcurrently runs random operations of all workers at once.
func runConcurrently(t *testing.T, workers []*chaos, steps int, rebuilds bool) {
	t.Helper()
	var group sync.WaitGroup
	for worker, c := range workers {
		c.rebuilds = rebuilds
		group.Go(func() {
			for step := range steps {
				if err := c.step(t); err != nil {
					t.Errorf("worker %d, step %d: %v", worker, step, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// mustHoldSomething fails the test if there is too little data for a comparison.
func mustHoldSomething(t *testing.T, url string) {
	t.Helper()
	rows, derived := count(t, url, `SELECT count(*) FROM stats`), count(t, url, `SELECT (SELECT count(*) FROM rollup) + (SELECT count(*) FROM rollup_delta)`)
	t.Logf("%d stats in %d rollups and deltas", rows, derived)
	if rows < 20 || derived < 10 {
		t.Fatalf("%d stats in %d rollups and deltas are too few to prove anything", rows, derived)
	}
}
