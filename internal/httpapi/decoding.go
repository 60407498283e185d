// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"runtime"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/gen/server"
)

// decoders bounds how many bodies above mediumBody are decoded at a time, and how many
// long filters are applied, to one less than there are processors: a small request need
// not wait for them. Bodies take turns. Of one client, there are no more of them in the
// queue for the places, or of its batches being stored, than there are places: others
// need not wait for a flood.
type decoders struct {
	places *semaphore.Weighted // first come, first served
	shares *clientShares       // bodies that have entered and not left
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
	left   bool
}

type placeKey struct{}

// placeOf returns the place of the body of a request.
func placeOf(ctx context.Context) *place {
	p, _ := ctx.Value(placeKey{}).(*place)
	return p
}

// takePlace waits for a place for the body of a request. The middleware of bodies leaves
// it.
func (d *decoders) takePlace(c echo.Context, size int) error {
	r := c.Request()
	client, _ := caller(r.Context())
	p, err := d.enter(r.Context(), client.ID, size)
	if p != nil {
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), placeKey{}, p)))
	}
	return err
}

// leavePlace is the middleware that leaves the place of a body before the answer is
// written, for which the caller may take its time. Lists, which are read while they are
// written, leave it by themselves.
func leavePlace(next server.StrictHandlerFunc, operation string) server.StrictHandlerFunc {
	if operation == "ListStats" {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		defer placeOf(c.Request().Context()).leave()
		return next(c, request)
	}
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

// leave gives back the place, and what the body has of the client's share.
func (p *place) leave() {
	if p != nil && !p.left {
		p.left = true
		p.pause()
		p.of.shares.release(p.client, 1)
	}
}
