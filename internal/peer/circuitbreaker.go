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
	// breakAfter500 is how many single stats in a row may get a 500 before the circuit
	// breaker opens; breakAfterAlike is how many may be refused with the same message,
	// which names no stat.
	breakAfter500   = 3
	breakAfterAlike = 10
	// maxInRow bounds the single stats of the quarantine that fail in a row, maxInRun
	// those that fail in a run. A peer that has accepted none by then is broken.
	maxInRow = 2 * DefaultBatchCount
	maxInRun = 10 * maxInRow
	// repeatedInRow is the number of failures in a row after which a 500 is not retried.
	repeatedInRow = 20
)

// breaker is a circuit breaker. When the peer fails on single stats without naming a
// fault, either they are malformed or the peer is broken. Open, it lets a batch
// through only after a probe.
type breaker struct {
	last   *peerError
	failed map[uuid.UUID]bool // in a row, with the message of the last
	inRow  int                // failures since the peer accepted a stat
	inRun  int
	proven bool // the peer has accepted a stat in this run
}

// open reports whether so many stats have failed that the peer is probably broken.
func (b *breaker) open() bool {
	switch {
	case b.last == nil:
		return false
	case b.last.status == http.StatusInternalServerError:
		return len(b.failed) >= breakAfter500
	}
	return len(b.failed) >= breakAfterAlike
}

// fail records that the peer did not accept a single stat.
func (b *breaker) fail(id uuid.UUID, failed *peerError) {
	b.inRow, b.inRun = b.inRow+1, b.inRun+1
	if b.last == nil || b.last.reason() != failed.reason() {
		b.failed = map[uuid.UUID]bool{}
	}
	b.failed[id], b.last = true, failed
}

// spent reports whether the budget for finding single stats is used up.
func (b *breaker) spent(searching bool) bool {
	return b.inRun >= maxInRun || searching && b.inRow >= maxInRow
}

// allowed returns the attempts of a request that may fail because of its stats.
func (b *breaker) allowed(f *peerError) int {
	if f.status == http.StatusInternalServerError && b.inRow >= repeatedInRow {
		return 1
	}
	return limit500(f)
}

// succeed closes the breaker: the peer has accepted a stat, so those that it did not
// accept are at fault.
func (p *push) succeed() {
	p.breaker = breaker{inRun: p.breaker.inRun, proven: true}
	p.refuseQuarantined()
}

// probe reports whether the peer accepts one of the stats of the batch. They are
// delivered again, and counted, with their batch.
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
		if failed, ok := errors.AsType[*peerError](err); !ok || !failed.mayBeDueToStats() {
			return false, err
		}
		p.breaker.inRow, p.breaker.inRun = p.breaker.inRow+1, p.breaker.inRun+1
	}
	return false, nil
}

// samples returns up to three stats of the batch that have not failed, far apart:
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

// brokenError reports that the peer accepts nothing, so that no stat is at fault.
type brokenError struct{ cause *peerError }

func (e *brokenError) Error() string {
	return "the peer fails on one stat after another: " + e.cause.Error()
}

func (e *brokenError) Unwrap() error { return e.cause }

// broken returns a brokenError while the breaker is open and the peer accepted nothing.
func (b *breaker) broken() error {
	if b.open() && !b.proven {
		return &brokenError{b.last}
	}
	return nil
}
