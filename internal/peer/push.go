// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// itemOverhead is about what an item takes on the wire beside its data.
const itemOverhead = 160

// PushOptions say what is pushed where. Remote, Store and Clients are required.
type PushOptions struct {
	Remote
	Store *postgres.Store
	// Clients are the local clients whose stats are pushed. Those that do not
	// share theirs are passed over.
	Clients []stats.Client
	// From and To are the first and the last day; zero is a month before today,
	// and today.
	From, To time.Time
	// Type narrows to one type; empty is every type.
	Type stats.Type
	// DryRun counts what would be pushed, without asking the peer or writing.
	DryRun bool
	// Resend also pushes what the peer is known to hold, for a peer that has
	// lost data.
	Resend bool
	// BatchCount and BatchBytes bound what is sent at once; 0 is the default. A
	// stats that is larger than BatchBytes goes alone.
	BatchCount, BatchBytes int
	// Progress, if any, is called from time to time with the number of stats
	// that are dealt with and the number of all that are to be.
	Progress func(done, total int64)
}

func (o PushOptions) withDefaults() PushOptions {
	o.Remote = o.Remote.withDefaults()
	if o.BatchCount <= 0 {
		o.BatchCount = DefaultBatchCount
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	if o.To.IsZero() {
		o.To = o.today()
	}
	if o.From.IsZero() {
		o.From = stats.MonthsBefore(o.today(), 1)
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	return o
}

// Push sends the stats of the clients that the peer is not known to hold. What
// the peer has settled is remembered, batch by batch, so that a run after one
// that was interrupted, even killed, goes on where it was.
//
// When ctx ends, the batch that is on its way is finished first; the summary is
// marked as interrupted and there is no error. The summary is valid beside an
// error too.
//
// Errors: *BusyError when a push to this peer is running; otherwise the text
// tells what is wrong with the peer, the token or the database.
func Push(ctx context.Context, opts PushOptions) (summary Summary, err error) {
	opts = opts.withDefaults()
	l, err := connect(opts.Remote)
	if err != nil {
		return Summary{}, err
	}
	defer l.close()
	started := opts.Now()
	p := &push{link: l, opts: opts}
	err = p.run(ctx)
	if _, isBroken := errors.AsType[*brokenError](err); !isBroken {
		p.refuseQuarantined()
	}
	p.summary.Bytes += l.bytes.Load()
	p.summary.Elapsed = opts.Now().Sub(started)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		p.summary.Interrupted, err = true, nil
	}
	return p.summary, err
}

// push is the state of a Push.
type push struct {
	*link
	opts    PushOptions
	peerID  int64
	summary Summary

	done, total int64
	batch       []stats.Stat // that is being delivered, as a whole
	uncertain   bool         // a try of the batch failed that the peer may have stored
	identified  bool         // the peer has said in this run whose token it is
	searching   bool         // the quarantine is being searched
	breaker     breaker
	quarantine  quarantine
}

func (p *push) run(ctx context.Context) error {
	if p.opts.DryRun {
		return p.dryRun(ctx)
	}
	work := "push to " + p.server
	release, ok, err := p.opts.Store.TryLock(ctx, work)
	if err != nil {
		return err
	}
	if !ok {
		return &BusyError{Work: work}
	}
	defer release()
	if p.peerID, err = p.opts.Store.PeerID(ctx, p.server); err != nil {
		return err
	}
	return p.pushAll(ctx)
}

// dryRun leaves the id of a peer that is not remembered at 0, which has nothing.
func (p *push) dryRun(ctx context.Context) (err error) {
	p.peerID, err = p.opts.Store.FindPeer(ctx, p.server)
	if err != nil && !errors.Is(err, stats.ErrNotFound) {
		return err
	}
	return p.pushAll(ctx)
}

func (p *push) pushAll(ctx context.Context) error {
	queries := p.queries()
	if err := p.count(ctx, queries); err != nil {
		return err
	}
	p.summary.AlreadyThere = p.summary.Known
	if p.total == 0 && !p.opts.DryRun {
		// Nothing would show that the token is wrong, or the peer gone.
		if _, err := p.tokenIdentity(ctx); err != nil {
			return err
		}
	}
	p.opts.Progress(0, p.total)
	for _, query := range queries {
		if err := p.pushSome(ctx, query, func(stats.Stat) bool { return true }); err != nil {
			return err
		}
	}
	return p.searchQuarantine(ctx)
}

// queries has one query for each client that shares its stats.
func (p *push) queries() []postgres.UnsentQuery {
	var queries []postgres.UnsentQuery
	for _, client := range p.opts.Clients {
		if !client.IsSharingEnabled {
			p.Log.Info("a client does not share its stats and is not pushed", "client", client.Name)
			continue
		}
		queries = append(queries, postgres.UnsentQuery{
			PeerID: p.peerID, ClientID: client.ID, Type: p.opts.Type,
			From: p.opts.From, To: p.opts.To, Resend: p.opts.Resend,
		})
	}
	return queries
}

// count finds out how much there is to push and how much need not be.
func (p *push) count(ctx context.Context, queries []postgres.UnsentQuery) error {
	for _, query := range queries {
		unsent, err := p.opts.Store.CountUnsent(ctx, query)
		if err != nil {
			return err
		}
		query.Resend = true
		all, err := p.opts.Store.CountUnsent(ctx, query)
		if err != nil {
			return err
		}
		p.total += unsent
		p.summary.Known += int(max(0, all-unsent))
	}
	return nil
}

// pushSome sends some of the stats that the query visits in batches.
func (p *push) pushSome(ctx context.Context, query postgres.UnsentQuery, wanted func(stats.Stat) bool) error {
	var (
		batch []stats.Stat
		size  int
	)
	flush := func() error {
		full := batch
		batch, size = batch[:0], 0
		return p.deliver(ctx, query, full)
	}
	err := p.opts.Store.EachUnsent(ctx, query, func(stat stats.Stat) error {
		if !wanted(stat) {
			return nil
		}
		length := len(stat.Data) + itemOverhead
		if len(batch) == p.opts.BatchCount || size > 0 && size+length > p.opts.BatchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		batch, size = append(batch, stat), size+length
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// countUnsent counts in a dry run what would be sent.
func (p *push) countUnsent(batch []stats.Stat) {
	p.summary.Sent += len(batch)
	for i := range batch {
		p.summary.Bytes += int64(len(batch[i].Data) + itemOverhead)
	}
	p.advance(batch)
}

// advance counts a batch as dealt with.
func (p *push) advance(batch []stats.Stat) {
	p.done += int64(len(batch))
	last := batch[len(batch)-1]
	p.summary.LastDay, p.summary.LastOf = last.Date, p.nameOf(last.ClientID)
	p.opts.Progress(p.done, p.total)
}

func (p *push) nameOf(clientID int64) string {
	i := slices.IndexFunc(p.opts.Clients, func(c stats.Client) bool { return c.ID == clientID })
	return p.opts.Clients[i].Name
}
