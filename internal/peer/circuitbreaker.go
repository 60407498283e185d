// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// breakAfter500 is on how many single stats in a row the peer may fail before the
	// circuit breaker opens, breakAfterAlike how many it may refuse with the same
	// words, which name nothing about them.
	breakAfter500   = 3
	breakAfterAlike = 10
	// maxInRow is how many single stats in a row are tried in the quarantine, maxInRun
	// how many may fail in a run. A peer that has taken none by then is broken.
	maxInRow = 2 * DefaultBatchCount
	maxInRun = 10 * maxInRow
	// repeatedInRow is after how many failures in a row a 500 is final at once.
	repeatedInRow = 20
	// attempts500 is how often a request is made to which 500 may be the lasting
	// answer: a part of a batch, or a question that is not needed.
	attempts500 = 2
)

// breaker is a circuit breaker. Where the peer fails on single stats without a word
// about them, either they are malformed or it is broken. Open, it lets batches
// through only after a probe.
type breaker struct {
	last   *peerError
	failed map[uuid.UUID]bool // in a row, with the words of the last
	inRow  int                // failures since the peer took a stat
	inRun  int
	proven bool // the peer has taken a stat in this run
}

// open reports whether so many stats are unlikely to be at fault.
func (b *breaker) open() bool {
	switch {
	case b.last == nil:
		return false
	case b.last.status == http.StatusInternalServerError:
		return len(b.failed) >= breakAfter500
	}
	return len(b.failed) >= breakAfterAlike
}

// fail notes that the peer does not take a single stat.
func (b *breaker) fail(id uuid.UUID, failed *peerError) {
	b.inRow, b.inRun = b.inRow+1, b.inRun+1
	if b.last == nil || b.last.reason() != failed.reason() {
		b.failed = map[uuid.UUID]bool{}
	}
	b.failed[id], b.last = true, failed
}

// spent reports whether looking for single stats has gone on for too long.
func (b *breaker) spent(searching bool) bool {
	return b.inRun >= maxInRun || searching && b.inRow >= maxInRow
}

// allowed is how often a request is made that may fail for its stats.
func (b *breaker) allowed(f *peerError) int {
	if f.status == http.StatusInternalServerError && b.inRow >= repeatedInRow {
		return 1
	}
	return few500(f)
}

// few500 does not insist where 500 may be the lasting answer.
func few500(f *peerError) int {
	if f.status == http.StatusInternalServerError {
		return attempts500
	}
	return attempts
}

// succeed closes the breaker: the peer has taken a stat, and what it did not take is
// at fault itself.
func (p *push) succeed() {
	p.breaker = breaker{inRun: p.breaker.inRun, proven: true}
	p.refuseQuarantined()
}

// probe reports whether the peer takes one of the stats of the batch. They are
// delivered, and counted, in their turn.
func (p *push) probe(ctx context.Context) (works bool, err error) {
	for _, stat := range p.samples() {
		err := p.retry(ctx, p.breaker.allowed, func() error {
			_, err := p.post(ctx, []stats.Stat{stat})
			return err
		})
		p.uncertain = true
		if err == nil {
			p.succeed()
			return true, nil
		}
		if failed, ok := errors.AsType[*peerError](err); !ok || !failed.blamesStats() {
			return false, err
		}
		p.breaker.inRow, p.breaker.inRun = p.breaker.inRow+1, p.breaker.inRun+1
	}
	return false, nil
}

// samples are up to three stats that have not failed, from all over the batch:
// neighbours tend to share their faults.
func (p *push) samples() []stats.Stat {
	var free []stats.Stat
	for _, stat := range p.batch {
		if !p.breaker.failed[stat.UUID] {
			free = append(free, stat)
		}
	}
	if len(free) <= 3 {
		return free
	}
	return []stats.Stat{free[len(free)-1], free[len(free)/2], free[0]}
}

// brokenError tells that the peer takes nothing, so that no stat is at fault.
type brokenError struct{ cause *peerError }

func (e *brokenError) Error() string {
	return "the peer fails on one stats after the other: " + e.cause.Error()
}

func (e *brokenError) Unwrap() error { return e.cause }

// broken returns a brokenError while the breaker is open and nothing was ever taken.
func (b *breaker) broken() error {
	if b.open() && !b.proven {
		return &brokenError{b.last}
	}
	return nil
}
