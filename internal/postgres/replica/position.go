// SPDX-License-Identifier: AGPL-3.0-or-later

package replica

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// lsn is a log sequence number: a byte position in the primary's write-ahead log.
type lsn uint64

// position is an LSN on a timeline. A failover starts a new timeline, which may
// continue at a lower LSN.
type position struct {
	timeline string // eight hexadecimal digits
	lsn      lsn
}

// endStatement reads the end of the primary's log, which is after every earlier commit.
// With synchronous commits it is the flushed position: if the primary is lost now, no
// standby gets more.
const endStatement = `SELECT substr(pg_walfile_name(lsn), 1, 8), (lsn - '0/0')::bigint
FROM (SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END) AS log (lsn)`

func scanPosition(row pgx.Row) (p position, err error) {
	var at int64
	err = row.Scan(&p.timeline, &at)
	p.lsn = lsn(at)
	return p, err
}

// replayedStatement reads the LSN that a replica has replayed, 0 if the server is not a
// replica.
const replayedStatement = `SELECT CASE WHEN pg_is_in_recovery() THEN coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0) ELSE 0 END`

func replayed(ctx context.Context, conn Querier) (lsn, error) {
	var at int64
	err := conn.QueryRow(ctx, replayedStatement).Scan(&at)
	return lsn(at), err
}

// tracker determines the LSN that a replica must have replayed to answer.
// Read-your-writes requires everything that this process committed or was notified of;
// the staleness bound requires everything older than maxLag. It is safe for concurrent
// use.
type tracker struct {
	maxLag time.Duration

	mu        sync.Mutex
	timeline  string
	committed lsn      // all known commits are before it
	samples   []sample // oldest first, none older than maxLag
	unlocated uint64   // number of commits at an unknown position
	covered   uint64   // number of them before the last sample
	// Numbers of commits with an unknown result, and of those before the last sample.
	unanswered, unansweredCovered uint64
	lost                          bool // the primary did not answer the last probe
}

// sample states that everything committed before a time is before an LSN.
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

// advance records a commit before p.
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

// addUnlocated records a commit at an unknown position. No replica may answer before
// the next sample.
func (t *tracker) addUnlocated() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unlocated++
}

// addUnanswered records a commit without an answer: it may have happened, but was never
// acknowledged. No replica may answer before the next sample, unless the primary is
// lost: then nobody can have read more than the replicas have.
func (t *tracker) addUnanswered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unanswered++
}

// lose records that the primary does not answer.
func (t *tracker) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = true
}

// isLost reports whether the primary did not answer the last probe.
func (t *tracker) isLost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

// counts has the numbers of commits without a known position or result.
type counts struct{ unlocated, unanswered uint64 }

// count returns the counts for addSample; call it before taking the sample.
func (t *tracker) count() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return counts{t.unlocated, t.unanswered}
}

// addSample records that everything committed before taken is before p.
func (t *tracker) addSample(taken time.Time, p position, before counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = false
	if p.timeline < t.timeline {
		return
	}
	// Otherwise p requires nothing of replicas yet: they may lag by maxLag.
	if p.timeline > t.timeline || before != (counts{t.covered, t.unansweredCovered}) {
		t.raise(p)
	}
	t.covered, t.unansweredCovered = before.unlocated, before.unanswered
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
	if len(t.samples) == 0 || t.unlocated != t.covered || t.unanswered != t.unansweredCovered && !t.lost {
		return 0, false
	}
	return max(t.committed, t.samples[0].lsn), true
}
