// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// decoders bounds how many bodies above mediumBody are decoded at a time, to one less
// than there are processors: a small request need not wait for them. Bodies take turns,
// and clients do: none waits for more than one body of each other client.
type decoders struct {
	places *semaphore.Weighted // first come, first served
	shares *clientShares       // of places, and of the queue for them
}

func newDecoders(processors int) *decoders {
	places := int64(max(1, processors-1))
	return &decoders{places: semaphore.NewWeighted(places), shares: newClientShares(places)}
}

func processors() int { return runtime.GOMAXPROCS(0) }

// place is one of those where bodies are decoded. A nil *place needs none.
type place struct {
	of     *decoders
	ctx    context.Context // of the request
	client int64
	taken  bool
}

// enter waits for a place for a body, which must be left. Errors are those of ctx.
func (d *decoders) enter(ctx context.Context, client int64, size int) (*place, error) {
	if size <= mediumBody {
		return nil, nil
	}
	if err := d.shares.acquire(ctx, client, 1); err != nil {
		return nil, err
	}
	p := &place{of: d, ctx: ctx, client: client}
	if err := p.resume(); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// pause gives the place to others while the body waits for something else.
func (p *place) pause() {
	if p != nil && p.taken {
		p.taken = false
		p.of.places.Release(1)
	}
}

// resume takes a place again, after those who wait already.
func (p *place) resume() error {
	if p == nil {
		return nil
	}
	err := p.of.places.Acquire(p.ctx, 1)
	p.taken = err == nil
	return err
}

// yield lets those go first who wait.
func (p *place) yield() error {
	p.pause()
	return p.resume()
}

// leave ends the decoding.
func (p *place) leave() {
	if p != nil {
		p.pause()
		p.of.shares.release(p.client, 1)
	}
}
