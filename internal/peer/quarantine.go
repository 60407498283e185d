// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"bytes"
	"context"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// quarantine keeps what the peer did not accept until it is clear whether the stats or
// the peer are at fault.
type quarantine struct {
	stats  []quarantined
	ranges []statRange // in the order in which they are read
	grows  bool        // the last range ends where the next batch begins
}

// quarantined is a single stat that the peer did not accept.
type quarantined struct {
	stat   stats.Stat // without its data
	reason string
}

// statRange is a part of a query's stats, both ends included.
type statRange struct {
	query       postgres.UnsentQuery
	first, last stats.Stat
}

func (r statRange) has(stat stats.Stat) bool {
	return compare(r.first, stat) <= 0 && compare(stat, r.last) <= 0
}

// compare orders stats as queries return them.
func compare(a, b stats.Stat) int {
	if c := a.Date.Compare(b.Date); c != 0 {
		return c
	}
	return bytes.Compare(a.UUID[:], b.UUID[:])
}

// addRange quarantines the rest of a batch. Consecutive whole batches make one range.
func (q *quarantine) addRange(query postgres.UnsentQuery, rest []stats.Stat, whole bool) {
	grows := q.grows && whole
	if q.grows = len(rest) > 0; !q.grows {
		return
	}
	first, last := rest[0], rest[len(rest)-1]
	first.Data, last.Data = nil, nil
	if n := len(q.ranges); grows && q.ranges[n-1].query.ClientID == query.ClientID {
		q.ranges[n-1].query.To, q.ranges[n-1].last = last.Date, last
		return
	}
	query.From, query.To = first.Date, last.Date
	q.ranges = append(q.ranges, statRange{query, first, last})
}

// isolate quarantines a single stat. opened reports whether the circuit breaker is open
// and the peer accepts no other stat of the batch either.
func (p *push) isolate(ctx context.Context, stat stats.Stat, failed *peerError) (opened bool, err error) {
	p.advance([]stats.Stat{stat})
	stat.Data = nil
	p.quarantine.stats = append(p.quarantine.stats, quarantined{stat, failed.reason()})
	p.breaker.fail(stat.UUID, failed)
	switch {
	case p.searching && p.breaker.spent(true):
		return false, p.breaker.broken()
	case p.searching || !p.breaker.open() || len(p.samples()) == 0:
		return false, nil
	}
	works, err := p.probe(ctx)
	return err == nil && !works, err
}

// searchQuarantine delivers the ranges, down to single stats, within the budget.
func (p *push) searchQuarantine(ctx context.Context) error {
	p.searching, p.breaker.inRow = true, 0
	for _, part := range p.quarantine.ranges {
		if err := p.pushSome(ctx, part.query, part.has); err != nil {
			return err
		}
	}
	return p.breaker.broken()
}

// refuseQuarantined counts the single stats as refused: the peer works.
func (p *push) refuseQuarantined() {
	for _, q := range p.quarantine.stats {
		p.refuse(q.stat, q.reason)
	}
	p.quarantine.stats = nil
}

func (p *push) refuse(stat stats.Stat, reason string) {
	p.logRefusal("the peer refused a stat",
		"uuid", stat.UUID.String(), "type", string(stat.Type), "date", stat.Date.Format(time.DateOnly), "reason", reason)
	p.summary.refuse(Refusal{UUID: stat.UUID.String(), Reason: reason})
}
