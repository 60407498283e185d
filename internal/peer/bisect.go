// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"slices"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// deliver sends a batch. While the circuit breaker is open, it quarantines the batch
// unless the peer accepts one of its stats.
func (p *push) deliver(ctx context.Context, query postgres.UnsentQuery, batch []stats.Stat) error {
	if len(batch) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.opts.DryRun {
		p.countUnsent(batch)
		return nil
	}
	p.batch, p.uncertain = batch, false
	if p.breaker.open() && !p.searching {
		works, err := p.probe(ctx)
		if err != nil || !works {
			p.quarantine.addRange(query, batch, err == nil)
			return err
		}
	}
	rest, err := p.bisect(ctx, batch)
	p.quarantine.addRange(query, rest, false)
	return err
}

// bisect sends a batch and halves what the peer does not accept until it finds the
// stats at fault: the Python service answers 500 to a malformed stat, after it has
// stored those before it. When the circuit breaker opens, bisect returns the rest of
// the batch.
func (p *push) bisect(ctx context.Context, batch []stats.Stat) (rest []stats.Stat, err error) {
	allowed := always
	if p.searching {
		allowed = p.breaker.allowed
	}
	for pending := [][]stats.Stat{batch}; len(pending) > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		failed, err := p.try(ctx, part, allowed)
		if err != nil {
			return nil, err
		}
		if failed == nil {
			continue
		}
		named := failed.itemsNamed(len(part))
		switch half := len(part) / 2; {
		case len(named) > 0:
			if others := p.refuseNamed(part, named); len(others) > 0 {
				pending = append(pending, others)
			}
		case half == 0:
			opened, err := p.isolate(ctx, part[0], failed)
			if opened {
				rest = p.after(part[0])
			}
			if err != nil || opened {
				return rest, err
			}
		case p.breaker.spent(p.searching):
			p.summary.SetAside += len(part)
		default:
			pending, allowed = append(pending, part[half:], part[:half]), p.breaker.allowed
		}
	}
	return nil, nil
}

// try posts stats until they are acknowledged or the attempts are used up. failed is
// set if the peer did not accept the stats, err if something else is wrong.
func (p *push) try(ctx context.Context, part []stats.Stat, allowed func(*peerError) int) (failed *peerError, err error) {
	var answer acknowledgement
	err = p.retry(ctx, allowed, func() (err error) {
		answer, err = p.post(ctx, part)
		return err
	})
	if err == nil {
		p.succeed()
		return nil, p.acknowledge(ctx, part, answer)
	}
	if failed, ok := errors.AsType[*peerError](err); ok && failed.mayBeDueToStats() {
		return failed, nil
	}
	return nil, err
}

// refuseNamed counts the stats that the peer names as refused, and returns the others.
func (p *push) refuseNamed(part []stats.Stat, named map[int]string) (others []stats.Stat) {
	for i, stat := range part {
		if reason, bad := named[i]; bad {
			p.refuse(stat, reason)
			p.advance(part[i : i+1])
		} else {
			others = append(others, stat)
		}
	}
	return others
}

// after returns the part of the batch after a stat.
func (p *push) after(stat stats.Stat) []stats.Stat {
	i := slices.IndexFunc(p.batch, func(s stats.Stat) bool { return s.UUID == stat.UUID })
	return p.batch[i+1:]
}
