// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// firstMonths is how far back the first pull of a type goes: the default period
	// for which stats are kept.
	firstMonths = 36
	// overlapDays are pulled again each time, for stats that reached the peer late.
	overlapDays = 7
	// windowDays are requested at once. The Python service answers the last three
	// months to a request without dates, and its pages have no order, so a pull has to
	// walk windows of days.
	windowDays = 7
)

// PullOptions configure a Pull. Remote, Store and Client are required.
type PullOptions struct {
	Remote
	Store *postgres.Store
	// Client is the local client that will own the pulled stats.
	Client stats.Client
	// Types are the types to pull; empty means all.
	Types []stats.Type
	// From is the first day. If it is zero, each type continues where the last pull
	// with the same peer, client and identity of the token ended, with an overlap of a
	// week. A first pull starts three years back. Neither starts before the day up to
	// which stats were purged here. To is the last day; zero is today.
	From, To time.Time
	// Full starts as far back as a first pull where From is zero, to fetch what
	// reached the peer very late. What is already here stays as it is.
	Full bool
	// DryRun queries the peer, but writes nothing.
	DryRun bool
	// BatchCount and BatchBytes bound a transaction; 0 is the default.
	BatchCount, BatchBytes int
	// Progress, if any, is called with the number of completed requests and the
	// total.
	Progress func(done, total int64)
}

func (o PullOptions) withDefaults() PullOptions {
	o.Remote = o.Remote.withDefaults()
	if len(o.Types) == 0 {
		o.Types = stats.Types()
	}
	if o.BatchCount <= 0 {
		o.BatchCount = DefaultBatchCount
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	if o.To.IsZero() {
		o.To = o.today()
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	return o
}

// Pull stores the stats that the token may see at the peer as those of a local
// client, week by week, oldest first. A stat that is already here stays as it is,
// whoever owns it; so does one whose content the client has under another UUID.
// Malformed stats are refused and skipped. Receipts record that the peer holds the
// pulled stats, so that a push does not send them back.
//
// Pull stores its position for each type unless it leaves days out. When ctx ends, the
// summary is marked as interrupted and there is no error; the next run continues after
// the last complete week. The summary is valid beside an error too.
//
// It returns a *BusyError when the same pull is running. Other errors say what is
// wrong with the peer, the token or the database.
func Pull(ctx context.Context, opts PullOptions) (summary Summary, err error) {
	opts = opts.withDefaults()
	l, err := connect(opts.Remote)
	if err != nil {
		return Summary{}, err
	}
	defer l.close()
	started := opts.Now()
	p := &pull{link: l, opts: opts}
	err = p.run(ctx)
	p.summary.Bytes = l.bytes.Load()
	p.summary.Elapsed = opts.Now().Sub(started)
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		p.summary.Interrupted, err = true, nil
	}
	return p.summary, err
}

// pull is the state of a Pull.
type pull struct {
	*link
	opts    PullOptions
	peerID  int64  // 0 in a dry run with a peer that is not stored
	as      string // the client of the peer that the token belongs to, see tokenIdentity
	summary Summary
	warned  bool // warnOfPurge has logged
}

func (p *pull) run(ctx context.Context) (err error) {
	if p.opts.DryRun {
		p.peerID, err = p.opts.Store.FindPeer(ctx, p.server)
		if err != nil && !errors.Is(err, stats.ErrNotFound) {
			return err
		}
		return p.pullAll(ctx)
	}
	work := "pull from " + p.server + " for client " + p.opts.Client.UUID.String()
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
	return p.pullAll(ctx)
}

// window is what one request asks for: a type and a range of days, both ends
// included.
type window struct {
	statsType stats.Type
	from, to  time.Time
	// advances reports whether there is no gap between the position and from.
	advances bool
}

func (w window) covers(day time.Time) bool { return !day.Before(w.from) && !day.After(w.to) }

func (p *pull) pullAll(ctx context.Context) (err error) {
	if p.as, err = p.tokenIdentity(ctx); err != nil {
		return err
	}
	var windows []window
	for _, t := range p.opts.Types {
		of, err := p.windows(ctx, t)
		if err != nil {
			return err
		}
		windows = append(windows, of...)
	}
	total := int64(len(windows))
	p.opts.Progress(0, total)
	for i, w := range windows {
		if err := p.pullWindow(ctx, w); err != nil {
			return err
		}
		p.opts.Progress(int64(i+1), total)
	}
	return nil
}

// position returns the key under which the position of a type is stored.
func (p *pull) position(t stats.Type) postgres.PullKey {
	return postgres.PullKey{PeerID: p.peerID, ClientID: p.opts.Client.ID, PeerClient: p.as, Type: t}
}

// purgedBefore returns the day before which an operator has purged everything, which
// must not come back; zero if there was no purge.
func (p *pull) purgedBefore(ctx context.Context) (time.Time, error) {
	day, err := p.opts.Store.PurgedBefore(ctx)
	if errors.Is(err, stats.ErrNotFound) {
		return time.Time{}, nil
	}
	return day, err
}

// warnOfPurge logs once that a first pull leaves out the days before a purge: a new
// peer may have stats there that were never here.
func (p *pull) warnOfPurge(before time.Time) {
	shortens := p.opts.From.IsZero() && before.After(stats.MonthsBefore(p.today(), firstMonths))
	if p.warned || !shortens {
		return
	}
	p.warned = true
	p.Log.Warn("stats from before a purge are not pulled; --date-from pulls them too",
		"purged before", before.Format(time.DateOnly))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// windows divides the days to pull of a type.
func (p *pull) windows(ctx context.Context, t stats.Type) ([]window, error) {
	purged, err := p.purgedBefore(ctx)
	if err != nil {
		return nil, err
	}
	first := later(stats.MonthsBefore(p.today(), firstMonths), purged)
	complete, err := p.opts.Store.PullPosition(ctx, p.position(t))
	floor := purged
	if errors.Is(err, stats.ErrNotFound) {
		floor = first
		p.warnOfPurge(purged)
	} else if err != nil {
		return nil, err
	}
	complete = later(complete, floor.AddDate(0, 0, -1)) // do not pull older days
	start := later(complete.AddDate(0, 0, 1-overlapDays), floor)
	if p.opts.Full && first.Before(start) {
		start = first
	}
	if !p.opts.From.IsZero() {
		start = p.opts.From
	}
	advances := !start.After(complete.AddDate(0, 0, 1))
	var windows []window
	for from := start; !from.After(p.opts.To); from = from.AddDate(0, 0, windowDays) {
		to := from.AddDate(0, 0, windowDays-1)
		if to.After(p.opts.To) {
			to = p.opts.To
		}
		windows = append(windows, window{statsType: t, from: from, to: to, advances: advances})
	}
	return windows, nil
}

// pullWindow repeats the request until its response was read completely.
func (p *pull) pullWindow(ctx context.Context, w window) error {
	r := &windowReader{pull: p, window: w}
	err := p.retry(ctx, always, func() error { return r.attempt(ctx) })
	r.report(&p.summary)
	if err != nil {
		return err
	}
	return p.savePosition(ctx, w)
}

// savePosition advances the position to the end of the window, but not beyond yesterday:
// more may come today.
func (p *pull) savePosition(ctx context.Context, w window) error {
	day := p.today().AddDate(0, 0, -1)
	if w.to.Before(day) {
		day = w.to
	}
	if p.opts.DryRun || !w.advances || day.Before(w.from) {
		return nil
	}
	return p.opts.Store.SetPullPosition(ctx, p.position(w.statsType), day)
}
