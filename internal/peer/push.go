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

// itemOverhead is roughly the bytes of an item on the wire beside its data.
const itemOverhead = 160

// PushOptions configure a Push. Remote, Store and Clients are required.
type PushOptions struct {
	Remote
	Store *postgres.Store
	// Clients are the local clients whose stats are pushed. Those that do not share
	// their stats are skipped.
	Clients []stats.Client
	// From and To are the first and the last day; zero is a month before today,
	// and today.
	From, To time.Time
	// Type limits the push to one type; empty means all.
	Type stats.Type
	// DryRun counts what would be pushed. It neither contacts the peer nor writes.
	DryRun bool
	// Resend also pushes what the peer is known to hold, in case it lost data.
	Resend bool
	// BatchCount and BatchBytes bound a request; 0 is the default. A stat that is
	// larger than BatchBytes is sent alone.
	BatchCount, BatchBytes int
	// Progress, if any, is called with the number of processed stats and the total.
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

// Push sends the stats of the clients that the peer is not known to hold. It records
// receipts batch by batch, so that the run after one that was interrupted, even
// killed, continues there.
//
// When ctx ends, Push finishes the current batch; the summary is marked as interrupted
// and there is no error. The summary is valid beside an error too.
//
// It returns a *BusyError when a push to this peer is running. Other errors say what
// is wrong with the peer, the token or the database.
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
	batch       []stats.Stat // the whole batch that is being delivered
	uncertain   bool         // the peer may have stored the batch in a failed attempt
	identified  bool         // the peer has accepted the token in this run
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

// dryRun leaves the id of an unknown peer at 0, which has no receipts.
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
		// No request would show that the token is wrong or the peer gone.
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

// queries returns one query for each client that shares its stats.
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

// count sets the total to push, and counts what the peer is known to hold.
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

// pushSome sends the wanted stats of a query in batches.
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

// countUnsent counts what a dry run would send.
func (p *push) countUnsent(batch []stats.Stat) {
	p.summary.Sent += len(batch)
	for i := range batch {
		p.summary.Bytes += int64(len(batch[i].Data) + itemOverhead)
	}
	p.advance(batch)
}

// advance counts a batch as processed.
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
