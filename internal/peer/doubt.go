package peer

import (
	"context"
	"fmt"
	"net/http"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// maxBroken is on how many single stats in a row the peer may fail before it
	// is tried with others, and how many of those it is tried with.
	maxBroken = 3
	// maxAlike is how many single stats in a row the peer may refuse with the
	// same words, which name nothing about them, before it is tried with others.
	maxAlike = 10
)

// doubts are the single stats that the peer took none of, one after the other:
// either they are malformed, or it is the peer that is broken.
type doubts struct {
	reason   string
	suspects map[string]bool // by uuid
	last     *failure
}

// strong tells whether so many stats are unlikely to be at fault.
func (d doubts) strong() bool {
	if d.last == nil {
		return false
	}
	if d.last.status == http.StatusInternalServerError {
		return len(d.suspects) >= maxBroken
	}
	return len(d.suspects) >= maxAlike
}

// doubt notes that the peer did not take a single stats. Once that has happened
// too often in a row, others of the batch are tried, and when the peer takes none
// of them either, it is broken. The suspects of a batch that has no others are
// set aside, and the next batch decides.
func (p *push) doubt(ctx context.Context, stat stats.Stat, failed *failure) error {
	if len(itemsNamed(failed.fields, 1)) > 0 {
		return nil
	}
	if p.doubts.reason != failed.reason() {
		p.doubts = doubts{reason: failed.reason(), suspects: map[string]bool{}}
	}
	p.doubts.suspects[stat.UUID.String()] = true
	p.doubts.last = failed
	others := p.others()
	if !p.doubts.strong() || len(others) == 0 {
		return nil
	}
	works, err := p.takesAny(ctx, others)
	if err != nil {
		return err
	}
	if !works {
		return broken(failed)
	}
	p.doubts = doubts{}
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

// takesAny tells whether the peer settles one of the stats. They are delivered,
// and counted, in their turn.
func (p *push) takesAny(ctx context.Context, others []stats.Stat) (bool, error) {
	for i := range others {
		err := p.retry(ctx, suspect, func() error {
			_, err := p.post(ctx, others[i:i+1])
			return err
		})
		p.uncertain = true
		if err == nil {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}

// verdict is about suspects that no later stats has cleared the peer of.
func (p *push) verdict() error {
	if p.doubts.strong() && p.summary.Sent+p.summary.AlreadyThere == 0 {
		return broken(p.doubts.last)
	}
	return nil
}

func broken(failed *failure) error {
	return fmt.Errorf("the peer fails on one stats after the other: %w", failed)
}
