// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// Bodies above largeBody share one budget of memory, and those above mediumBody
	// another. Two classes keep a few large batches from holding up everybody else's
	// posts.
	largeBody, mediumBody = 256 << 10, 16 << 10
	// bodyGrowth is the factor by which a full buffer grows.
	bodyGrowth = 4
	// bodiesAtOnce is how many bodies of the maximum size fit at a time. A batch takes
	// up to four times its size until it is stored.
	bodiesAtOnce = 2
	// mediumAtOnce is how many medium bodies of the maximum size fit at a time, and
	// mediumShare how many of them one client may have.
	mediumAtOnce, mediumShare = 64, 16
	// itemCost is a quarter of the memory in bytes that an item takes in addition to
	// its text. The text of an item has at least leastItem bytes.
	itemCost, leastItem = 720, 90
	// acquireTimeout bounds the total time that a body waits for others.
	acquireTimeout = 10 * time.Second
)

// admission bounds the memory of large bodies. The weight of a body grows as its bytes
// arrive. There is no deadlock: enough weight for the largest body is reserved for the
// oldest one, and the others share the rest. A client has at most its share, counted by
// the maximum size of its bodies.
type admission struct {
	class   class
	timeout time.Duration
	metrics *metrics.Metrics

	clients *clientShares // of weight

	mu      sync.Mutex
	bodies  []*weighedBody // large ones, oldest first
	weight  int64          // of all bodies
	changed chan struct{}  // closed when some weight is released
}

// class is a range of body sizes that share one budget.
type class struct {
	above   int64 // its bodies are larger than this, bytes
	largest int64 // size of its largest body, bytes
	atOnce  int64 // how many of the largest fit at a time
	share   int64 // how many of them one client may have
}

func largeBodies(maxBodyBytes int64) class { return class{largeBody, maxBodyBytes, bodiesAtOnce, 1} }

var mediumBodies = class{mediumBody, largeBody, mediumAtOnce, mediumShare}

func newAdmission(bodies class, timeout time.Duration, counted *metrics.Metrics) *admission {
	return &admission{
		class:   bodies,
		timeout: timeout,
		metrics: counted,
		clients: newClientShares(bodies.share * weight(bodies.largest)),
		changed: make(chan struct{}),
	}
}

// weight returns the size of a body plus the cost of the most items that it can hold.
func weight(size int64) int64 { return size + min(size/leastItem, stats.MaxItems)*itemCost }

// admitBodies returns a middleware that makes bodies of both classes, of at most
// maxBytes, wait until there is memory for them. A body of unknown length starts as a
// medium one.
func admitBodies(opts Options) func(maxBytes int64) echo.MiddlewareFunc {
	large := newAdmission(largeBodies(opts.MaxBodyBytes), opts.AcquireTimeout, opts.Metrics)
	medium := newAdmission(mediumBodies, opts.AcquireTimeout, opts.Metrics)
	refused := newRefusals(opts.RefusalDelay)
	return func(maxBytes int64) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			admitted := large.admit(maxBytes, medium.admit(maxBytes, next))
			return func(c echo.Context) error {
				err := admitted(c)
				placeOf(c.Request().Context()).leave()
				keepBody(c.Request().Context())
				refused.slowDown(c, err)
				return err
			}
		}
	}
}

// admit makes the bodies of its class wait until there is memory for them. A body that
// announces its size waits before anything is read, and so before 100 Continue is sent.
func (a *admission) admit(maxBytes int64, next echo.HandlerFunc) echo.HandlerFunc {
	largest := min(maxBytes, a.class.largest)
	return func(c echo.Context) error {
		r := c.Request()
		if r.Body == nil || r.ContentLength >= 0 && r.ContentLength <= a.class.above || r.ContentLength > largest {
			return next(c) // refuses bodies that are too large
		}
		client, _ := caller(r.Context())
		body := &weighedBody{ReadCloser: r.Body, ctx: r.Context(), admission: a, client: client.ID, largest: largest, room: a.class.above, timeout: a.timeout}
		defer body.release()
		if r.ContentLength > 0 {
			body.largest = r.ContentLength
			if err := body.grow(); err != nil {
				return err
			}
		}
		r.Body = body
		return next(c)
	}
}

// weighedBody is a body that may become large.
type weighedBody struct {
	io.ReadCloser
	ctx       context.Context // of the request
	admission *admission
	client    int64         // 0: none
	largest   int64         // maximum size, bytes
	arrived   int64         // bytes
	room      int64         // bytes that the acquired weight covers
	timeout   time.Duration // left for waiting

	weight int64 // held; 0: not admitted
	joined bool  // it has its part of the client's share
}

// Read implements io.Reader. Its errors include errOverloaded.
func (b *weighedBody) Read(p []byte) (int, error) {
	if b.arrived == b.room && b.room < b.largest {
		time := deadlineOf(b.ctx)
		time.resume() // it waits for other bodies, not for the caller
		err := b.grow()
		time.pause()
		if err != nil {
			return 0, err
		}
	}
	if b.room < b.largest {
		p = p[:min(int64(len(p)), b.room-b.arrived)]
	}
	n, err := b.ReadCloser.Read(p)
	b.arrived += int64(n)
	return n, err
}

// grow acquires weight for more bytes. Its errors are errOverloaded and the error of
// the request's context.
func (b *weighedBody) grow() error {
	defer b.admission.metrics.Waiting(metrics.Write)()
	start := time.Now()
	ctx, cancel := context.WithTimeout(b.ctx, b.timeout)
	defer cancel()
	err := b.acquire(ctx, min(bodyGrowth*b.room, b.largest))
	b.timeout -= time.Since(start)
	if err != nil && b.ctx.Err() == nil {
		return errOverloaded
	}
	return err
}

func (b *weighedBody) acquire(ctx context.Context, room int64) error {
	if err := b.join(ctx); err != nil {
		return err
	}
	for {
		acquired, changed := b.admission.tryAcquire(b, weight(room))
		if acquired {
			b.room = room
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// join waits until the client's share has a place for the body, once.
func (b *weighedBody) join(ctx context.Context) error {
	if b.joined {
		return nil
	}
	a := b.admission
	if err := a.clients.acquire(ctx, b.client, weight(b.largest)); err != nil {
		return err
	}
	b.joined = true
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bodies = append(a.bodies, b)
	return nil
}

// tryAcquire raises the weight of a body to total if there is room for it. Otherwise it
// returns a channel that is closed when there may be room.
func (a *admission) tryAcquire(b *weighedBody, total int64) (acquired bool, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.bodies[0]
	others := a.weight - oldest.weight - b.weight + total
	if b != oldest && others > (a.class.atOnce-1)*weight(a.class.largest) {
		return false, a.changed
	}
	a.weight += total - b.weight
	b.weight = total
	return true, nil
}

// release gives back what the body holds.
func (b *weighedBody) release() {
	if !b.joined {
		return
	}
	a := b.admission
	a.mu.Lock()
	for i, other := range a.bodies {
		if other == b {
			a.bodies = append(a.bodies[:i], a.bodies[i+1:]...)
			break
		}
	}
	a.weight -= b.weight
	close(a.changed)
	a.changed = make(chan struct{})
	a.mu.Unlock()
	a.clients.release(b.client, weight(b.largest))
}

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
