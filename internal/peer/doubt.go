package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Where the peer takes single stats for no reason that it names, either they are
// malformed or it is broken. It is tried with others, from all over the batch,
// and when it takes none of them either, the batch is set aside and the next one
// decides. At the end, when all is delivered that can be with little effort, what
// was set aside is searched to the last stats, as long as the budget lasts.

const (
	// maxBroken is on how many single stats in a row the peer may fail before it
	// is tried with others, and how many of those it is tried with.
	maxBroken = 3
	// maxAlike is how many single stats in a row the peer may refuse with the
	// same words, which name nothing about them, before it is tried with others.
	maxAlike = 10
	// maxFruitless is how many single stats in a row are tried in what was set
	// aside: a batch to the last one, halves included. A peer that has taken none
	// of any batch by then is broken.
	maxFruitless = 2 * DefaultBatchCount
	// maxFailures is how many there may be in a run.
	maxFailures = 10 * maxFruitless
	// patientFailures is after how many failures in a row a 500 is not asked for
	// twice any more.
	patientFailures = 20
)

// doubts are the single stats that the peer took none of, one after the other.
type doubts struct {
	reason   string
	suspects map[string]bool // by uuid
	last     *failure
}

// strong reports whether so many stats are unlikely to be at fault.
func (d doubts) strong() bool {
	if d.last == nil {
		return false
	}
	if d.last.status == http.StatusInternalServerError {
		return len(d.suspects) >= maxBroken
	}
	return len(d.suspects) >= maxAlike
}

// search is how far a push has come in finding what the peer fails on.
type search struct {
	thorough  bool      // what was set aside is being searched
	aside     []stretch // of batches, in the order in which they are read
	goesOn    bool      // the last of these ends where the next batch begins
	fruitless int       // failures in a row
	failures  int       // of the run
	held      []blamed  // refused, unless the peer is broken
}

// blamed is a stats that the peer does not take, and why.
type blamed struct {
	stat   stats.Stat // without its data
	reason string
}

// stretch is a part of what a query visits, both ends included.
type stretch struct {
	query       postgres.UnsentQuery
	first, last stats.Stat
}

func (s stretch) has(stat stats.Stat) bool {
	return compare(s.first, stat) <= 0 && compare(stat, s.last) <= 0
}

// compare puts stats into the order in which they are read.
func compare(a, b stats.Stat) int {
	if c := a.Date.Compare(b.Date); c != 0 {
		return c
	}
	return bytes.Compare(a.UUID[:], b.UUID[:])
}

// asideError ends the delivery of a batch of which the rest is set aside.
type asideError struct{ rest []stats.Stat }

func (e *asideError) Error() string { return fmt.Sprintf("%d stats are set aside", len(e.rest)) }

// spent reports whether the search has gone on for too long.
func (s *search) spent() bool {
	return s.failures >= maxFailures || s.thorough && s.fruitless >= maxFruitless
}

// failed notes a request that the peer failed on for a single stats.
func (s *search) failed() { s.fruitless++; s.failures++ }

// suspect is the allowance of a request to which 500 may be the lasting answer.
func (s *search) suspect(f *failure) int {
	if s.fruitless >= patientFailures && f.status == http.StatusInternalServerError {
		return 1
	}
	return suspect(f)
}

// allowance is that of a whole batch.
func (s *search) allowance() func(*failure) int {
	if s.thorough {
		return s.suspect
	}
	return always
}

// believe clears the peer of all doubts: it has taken a stats.
func (p *push) believe() {
	p.doubts, p.search.fruitless, p.proven = doubts{}, 0, true
	p.refuseHeld()
}

func (p *push) refuseHeld() {
	for _, b := range p.search.held {
		p.refuse(b.stat, b.reason)
	}
	p.search.held = nil
}

// blame refuses a single stats, of which the peer may or may not say what is
// wrong with it.
func (p *push) blame(ctx context.Context, stat stats.Stat, failed *failure) error {
	defer p.advance([]stats.Stat{stat})
	stat.Data = nil
	if len(itemsNamed(failed.fields, 1)) > 0 {
		p.refuse(stat, failed.reason())
		return nil
	}
	p.search.failed()
	p.search.held = append(p.search.held, blamed{stat, failed.reason()})
	if p.doubts.reason != failed.reason() {
		p.doubts = doubts{reason: failed.reason(), suspects: map[string]bool{}}
	}
	p.doubts.suspects[stat.UUID.String()] = true
	p.doubts.last = failed
	return p.doubt(ctx, stat)
}

// doubt decides, once the peer has failed too often, on which side to look for
// the fault.
func (p *push) doubt(ctx context.Context, stat stats.Stat) error {
	if p.search.thorough {
		if p.search.spent() && !p.proven {
			return broken(p.doubts.last)
		}
		return nil
	}
	others := p.others()
	if !p.doubts.strong() || len(others) == 0 {
		return nil
	}
	works, err := p.takesAny(ctx, others)
	if err != nil || works {
		return err
	}
	return &asideError{rest: p.after(stat)}
}

// after is the part of the batch that is delivered after a stats.
func (p *push) after(stat stats.Stat) []stats.Stat {
	for i := range p.batch {
		if p.batch[i].UUID == stat.UUID {
			return p.batch[i+1:]
		}
	}
	return nil
}

// others are up to maxBroken stats of the batch that are no suspects, from all
// over it, as neighbours tend to share their faults.
func (p *push) others() []stats.Stat {
	var free []stats.Stat
	for i := range p.batch {
		if !p.doubts.suspects[p.batch[i].UUID.String()] {
			free = append(free, p.batch[i])
		}
	}
	if len(free) <= maxBroken {
		return free
	}
	return []stats.Stat{free[len(free)-1], free[len(free)/2], free[0]}
}

// takesAny reports whether the peer settles one of the stats. They are delivered,
// and counted, in their turn. Its errors are those that are about none of them.
func (p *push) takesAny(ctx context.Context, others []stats.Stat) (bool, error) {
	for i := range others {
		err := p.retry(ctx, p.search.suspect, func() error {
			_, err := p.post(ctx, others[i:i+1])
			return err
		})
		p.uncertain = true
		if err == nil {
			p.believe()
			return true, nil
		}
		if failed, ok := errors.AsType[*failure](err); !ok || !failed.blamesStats() {
			return false, err
		}
		p.search.failed()
	}
	return false, nil
}

// deliverBatch sends a batch, and sets it aside where the peer seems to be at
// fault, or the batch as a whole.
func (p *push) deliverBatch(ctx context.Context, query postgres.UnsentQuery, batch []stats.Stat) error {
	p.batch, p.uncertain = batch, false
	if len(batch) > 0 && p.doubts.strong() && !p.search.thorough {
		works, err := p.takesAny(ctx, p.others())
		if err != nil {
			return err
		}
		if !works {
			p.search.setAside(query, batch)
			return nil
		}
	}
	p.search.goesOn = false
	err := p.send(ctx, batch)
	if aside, ok := errors.AsType[*asideError](err); ok {
		p.search.setAside(query, aside.rest)
		return nil
	}
	return err
}

// setAside remembers a part of a batch. Batches that follow each other make one
// stretch, so that there are few.
func (s *search) setAside(query postgres.UnsentQuery, batch []stats.Stat) {
	if len(batch) == 0 {
		return
	}
	first, last := batch[0], batch[len(batch)-1]
	first.Data, last.Data = nil, nil
	if n := len(s.aside); s.goesOn && s.aside[n-1].query.ClientID == query.ClientID {
		s.aside[n-1].query.To, s.aside[n-1].last = last.Date, last
		return
	}
	s.goesOn = true
	query.From, query.To = first.Date, last.Date
	s.aside = append(s.aside, stretch{query: query, first: first, last: last})
}

// searchAside delivers what was set aside, down to the last stats.
func (p *push) searchAside(ctx context.Context) error {
	p.search.thorough, p.search.fruitless = true, 0
	for _, part := range p.search.aside {
		if err := p.pushStretch(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// verdict is about suspects that no later stats has cleared the peer of.
func (p *push) verdict() error {
	if p.doubts.strong() && !p.proven {
		return broken(p.doubts.last)
	}
	return nil
}

// brokenError reports that the peer takes nothing, for which no stats is to blame.
type brokenError struct{ cause *failure }

func (e *brokenError) Error() string {
	return "the peer fails on one stats after the other: " + e.cause.Error()
}

func (e *brokenError) Unwrap() error { return e.cause }

func broken(failed *failure) error { return &brokenError{failed} }
