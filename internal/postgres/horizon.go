package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// position is a place in the primary's log of changes, in bytes: a log sequence
// number.
type position uint64

// marker is a position on a timeline: a failover begins a new one, whose
// positions may be lower.
type marker struct {
	timeline string // eight hexadecimal digits
	at       position
}

// markerStatement tells where the primary's log ends. Whatever was committed
// before is before that place, also where commits do not wait for the disk.
const markerStatement = `SELECT substr(pg_walfile_name(lsn), 1, 8), (lsn - '0/0')::bigint FROM pg_current_wal_insert_lsn() AS lsn`

func scanMarker(row pgx.Row) (m marker, err error) {
	var at int64
	err = row.Scan(&m.timeline, &at)
	m.at = position(at)
	return m, err
}

// replayedStatement tells how far a replica is: 0 on what is none.
const replayedStatement = `SELECT CASE WHEN pg_is_in_recovery() THEN coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0) ELSE 0 END`

// querier is a connection or a pool of them.
type querier interface {
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
}

func replayed(ctx context.Context, conn querier) (position, error) {
	var at int64
	err := conn.QueryRow(ctx, replayedStatement).Scan(&at)
	return position(at), err
}

// horizon is what this process knows of the primary's log, and so what a replica
// must have replayed before it may answer: the process's own writes, those that
// others announced, and everything that is older than maxLag. It is safe for
// concurrent use.
type horizon struct {
	maxLag time.Duration

	mu       sync.Mutex
	timeline string
	known    position // everything that is known to be committed is before
	samples  []sample // oldest first, none older than maxLag
	doubts   uint64   // how often a write ended without a word about its position
	settled  uint64   // how many of the doubts the last sample has settled
}

// sample says that what was committed before a moment is before a position.
type sample struct {
	taken time.Time
	at    position
}

func newHorizon(maxLag time.Duration) *horizon {
	if maxLag <= 0 {
		maxLag = defaultMaxLag
	}
	return &horizon{maxLag: maxLag}
}

// advance notes that something was committed before m.
func (h *horizon) advance(m marker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.move(m)
}

// move raises what is known to m. Positions of earlier timelines mean nothing.
func (h *horizon) move(m marker) {
	if m.timeline < h.timeline {
		return
	}
	if m.timeline > h.timeline {
		h.timeline, h.known, h.samples = m.timeline, 0, nil
	}
	h.known = max(h.known, m.at)
}

// doubt notes that something may have been committed nobody knows where: until
// the next sample nothing is known.
func (h *horizon) doubt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doubts++
}

// doubted is to be taken before a sample and handed to sampled after it.
func (h *horizon) doubted() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.doubts
}

// sampled notes that everything committed before taken is before m.
func (h *horizon) sampled(taken time.Time, m marker, doubted uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.timeline < h.timeline {
		return
	}
	// Otherwise m asks nothing of replicas yet: they may be behind by maxLag.
	if m.timeline > h.timeline || doubted != h.settled {
		h.move(m)
	}
	h.settled = doubted
	h.samples = append(h.samples, sample{taken, m.at})
}

// required is what a replica must have replayed to answer now. It is not ok when
// that is not known, because the primary has not been heard of for maxLag.
func (h *horizon) required(now time.Time) (at position, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.samples) > 0 && now.Sub(h.samples[0].taken) > h.maxLag {
		h.samples = h.samples[1:]
	}
	if len(h.samples) == 0 || h.doubts != h.settled {
		return 0, false
	}
	return max(h.known, h.samples[0].at), true
}

// commit sends a batch that ends with COMMIT, and remembers a position after it.
func (h *horizon) commit(ctx context.Context, conn *pgxpool.Conn, batch *pgx.Batch) error {
	statements := batch.Len()
	batch.Queue(markerStatement)
	results := conn.SendBatch(ctx, batch)
	for range statements {
		if _, err := results.Exec(); err != nil {
			h.doubt() // the connection may have been lost after the commit
			_ = results.Close()
			return err
		}
	}
	// What follows the commit cannot make it fail.
	if m, err := scanMarker(results.QueryRow()); err == nil {
		h.advance(m)
	} else {
		h.doubt()
	}
	_ = results.Close()
	return nil
}
