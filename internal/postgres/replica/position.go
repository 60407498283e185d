// SPDX-License-Identifier: AGPL-3.0-or-later

package replica

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// lsn is a log sequence number: a place in the primary's write-ahead log, in bytes.
type lsn uint64

// position is an LSN on a timeline: a failover begins a new one, whose LSNs may be
// lower.
type position struct {
	timeline string // eight hexadecimal digits
	lsn      lsn
}

// endStatement asks where the primary's log ends. Whatever was committed before is
// before that position. Where commits wait for the disk, it is the end of what is on the
// disk: no standby gets more, should the primary be lost at this moment.
const endStatement = `SELECT substr(pg_walfile_name(lsn), 1, 8), (lsn - '0/0')::bigint
FROM (SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END) AS log (lsn)`

func scanPosition(row pgx.Row) (p position, err error) {
	var at int64
	err = row.Scan(&p.timeline, &at)
	p.lsn = lsn(at)
	return p, err
}

// replayedStatement asks how far a replica is: 0 where the server is none.
const replayedStatement = `SELECT CASE WHEN pg_is_in_recovery() THEN coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0) ELSE 0 END`

func replayed(ctx context.Context, conn Querier) (lsn, error) {
	var at int64
	err := conn.QueryRow(ctx, replayedStatement).Scan(&at)
	return lsn(at), err
}

// tracker knows how far a replica must be to answer. Read-your-writes asks for
// everything that this process committed or heard announced; the staleness bound
// asks for everything that is older than maxLag. It is safe for concurrent use.
type tracker struct {
	maxLag time.Duration

	mu        sync.Mutex
	timeline  string
	committed lsn      // everything that is known to be committed is before
	samples   []sample // oldest first, none older than maxLag
	unlocated uint64   // how many commits ended without their position being known
	covered   uint64   // how many of them are before the last sample
	// How many of the commits that may or may not have happened, and which nobody was
	// told of, are before the last sample or not.
	unanswered, settled uint64
	lost                bool // the primary did not answer when it was asked last
}

// sample says that what was committed before a moment is before an LSN.
type sample struct {
	taken time.Time
	lsn   lsn
}

func newTracker(maxLag time.Duration) *tracker {
	if maxLag <= 0 {
		maxLag = defaultMaxLag
	}
	return &tracker{maxLag: maxLag}
}

// advance notes that something was committed before p.
func (t *tracker) advance(p position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raise(p)
}

// raise ignores positions of earlier timelines: they mean nothing.
func (t *tracker) raise(p position) {
	if p.timeline < t.timeline {
		return
	}
	if p.timeline > t.timeline {
		t.timeline, t.committed, t.samples = p.timeline, 0, nil
	}
	t.committed = max(t.committed, p.lsn)
}

// addUnlocated notes that something was committed at an unknown position. No replica
// may answer before the next sample.
func (t *tracker) addUnlocated() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unlocated++
}

// addUnanswered notes that a commit ended without an answer: it may have happened, and
// nobody was told so. No replica may answer before the next sample, unless the primary
// is lost: then nobody can see what the replicas do not have.
func (t *tracker) addUnanswered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unanswered++
}

// lose notes that the primary does not answer.
func (t *tracker) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = true
}

// isLost reports whether the primary did not answer when it was asked last.
func (t *tracker) isLost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

// counts are how many commits ended without a known position.
type counts struct{ unlocated, unanswered uint64 }

// count returns what addSample takes; call it before the sample is taken.
func (t *tracker) count() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return counts{t.unlocated, t.unanswered}
}

// addSample notes that everything committed before taken is before p.
func (t *tracker) addSample(taken time.Time, p position, before counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = false
	if p.timeline < t.timeline {
		return
	}
	// Otherwise p asks nothing of replicas yet: they may be behind by maxLag.
	if p.timeline > t.timeline || before != (counts{t.covered, t.settled}) {
		t.raise(p)
	}
	t.covered, t.settled = before.unlocated, before.unanswered
	t.samples = append(t.samples, sample{taken, p.lsn})
}

// required returns what a replica must have replayed to answer now. It is not ok
// while that is unknown, because the primary has not answered for maxLag.
func (t *tracker) required(now time.Time) (at lsn, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.samples) > 0 && now.Sub(t.samples[0].taken) > t.maxLag {
		t.samples = t.samples[1:]
	}
	if len(t.samples) == 0 || t.unlocated != t.covered || t.unanswered != t.settled && !t.lost {
		return 0, false
	}
	return max(t.committed, t.samples[0].lsn), true
}
