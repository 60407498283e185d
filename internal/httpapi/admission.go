// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
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
	// mediumShare is how many of them one client may have.
	mediumAtOnce, mediumShare = 64, 16
	// itemCost is a quarter of the memory in bytes that an item takes in addition to
	// its text. The text of an item has at least leastItem bytes.
	itemCost, leastItem = 720, 90
	// acquireTimeout bounds the total time that a body waits for others.
	acquireTimeout = 10 * time.Second
)

// admission bounds the memory of large bodies. The weight of a body grows as its bytes
// arrive. There is no deadlock: enough weight for the largest body is reserved for the
// oldest one, and the others share the rest. Each client has a share, which its bodies
// count against by their maximum size.
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
				slotOf(c.Request().Context()).leave()
				recycleBody(c.Request().Context())
				refused.slowDown(c, err)
				return err
			}
		}
	}
}

// admit makes the bodies of its class wait until there is memory for them. A body with
// a Content-Length waits before anything is read, and so before 100 Continue is sent.
func (a *admission) admit(maxBytes int64, next echo.HandlerFunc) echo.HandlerFunc {
	largest := min(maxBytes, a.class.largest)
	return func(c echo.Context) error {
		r := c.Request()
		if r.Body == nil || r.ContentLength >= 0 && r.ContentLength <= a.class.above || r.ContentLength > largest {
			return next(c) // refuses bodies that are too large
		}
		client, _ := caller(r.Context())
		body := &weighedBody{ReadCloser: r.Body, ctx: r.Context(), admission: a, client: client.ID, largest: largest, covered: a.class.above, timeout: a.timeout}
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
	covered   int64         // bytes that the acquired weight covers
	timeout   time.Duration // left for waiting

	weight int64 // held; 0: not admitted
	joined bool  // it counts against the client's share
}

// Read implements io.Reader. Its errors include errOverloaded.
func (b *weighedBody) Read(p []byte) (int, error) {
	if b.arrived == b.covered && b.covered < b.largest {
		time := deadlineOf(b.ctx)
		time.resume() // it waits for other bodies, not for the caller
		err := b.grow()
		time.pause()
		if err != nil {
			return 0, err
		}
	}
	if b.covered < b.largest {
		p = p[:min(int64(len(p)), b.covered-b.arrived)]
	}
	n, err := b.ReadCloser.Read(p)
	b.arrived += int64(n)
	return n, err
}

// grow acquires weight for more bytes. Its errors are errOverloaded and the error of
// the request's context.
func (b *weighedBody) grow() error {
	defer b.admission.metrics.Waiting()()
	start := time.Now()
	ctx, cancel := context.WithTimeout(b.ctx, b.timeout)
	defer cancel()
	err := b.acquire(ctx, min(bodyGrowth*b.covered, b.largest))
	b.timeout -= time.Since(start)
	if err != nil && b.ctx.Err() == nil {
		return errOverloaded
	}
	return err
}

func (b *weighedBody) acquire(ctx context.Context, covered int64) error {
	if err := b.join(ctx); err != nil {
		return err
	}
	for {
		acquired, changed := b.admission.tryAcquire(b, weight(covered))
		if acquired {
			b.covered = covered
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// join waits until the body fits into the client's share, once.
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

// tryAcquire raises the weight of a body to total if the budget allows. Otherwise it
// returns a channel that is closed when weight is released.
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

// release releases the weight of the body and its part of the client's share.
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

// decoders bounds how many bodies above mediumBody are decoded, and how many long
// filters are applied, at a time: to one less than there are processors, so that small
// requests need not wait for them. Bodies take turns, that of the client that has sent
// the least first. A client has at most as many bodies waiting, decoded or being stored
// as there are slots, so that a flood from one client does not block others.
type decoders struct {
	turns  *turns
	shares *clientShares // bodies that have entered and not left
}

func newDecoders(processors int) *decoders {
	slots := int64(max(1, processors-1))
	return &decoders{turns: newTurns(slots), shares: newClientShares(slots)}
}

func processors() int { return runtime.GOMAXPROCS(0) }

// slot is the right to decode one body at a time. A nil *slot is always granted.
type slot struct {
	of     *decoders
	ctx    context.Context // of the request
	client int64
	turn   *turn // nil: it has none
	left   bool
}

type slotKey struct{}

// slotOf returns the slot of a request's body.
func slotOf(ctx context.Context) *slot {
	s, _ := ctx.Value(slotKey{}).(*slot)
	return s
}

// acquireSlot waits for a slot for the body of a request. The middleware admitBodies
// releases it.
func (d *decoders) acquireSlot(c echo.Context, size int) error {
	r := c.Request()
	client, _ := caller(r.Context())
	s, err := d.enter(r.Context(), client.ID, size)
	if s != nil {
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), slotKey{}, s)))
	}
	return err
}

// releaseSlot is a middleware that releases the slot of a body before the answer is
// written, which may take as long as the caller reads. Lists are read from the database
// while they are written, and release it themselves.
func releaseSlot(next server.StrictHandlerFunc, operation string) server.StrictHandlerFunc {
	if operation == "ListStats" {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		defer slotOf(c.Request().Context()).leave()
		return next(c, request)
	}
}

// enter waits for a slot for a body; the caller must leave it. Its errors are those of
// ctx.
func (d *decoders) enter(ctx context.Context, client int64, size int) (*slot, error) {
	if size <= mediumBody {
		return nil, nil
	}
	if err := d.shares.acquire(ctx, client, 1); err != nil {
		return nil, err
	}
	s := &slot{of: d, ctx: ctx, client: client}
	if err := s.resume(); err != nil {
		s.leave()
		return nil, err
	}
	return s, nil
}

// pause lets others have the slot while the body waits for something else.
func (s *slot) pause() {
	if s != nil && s.turn != nil {
		s.of.turns.release(s.turn)
		s.turn = nil
	}
}

// resume acquires the slot again, unless the body has left.
func (s *slot) resume() (err error) {
	if s == nil || s.left {
		return nil
	}
	s.turn, err = s.of.turns.acquire(s.ctx, s.client)
	return err
}

// yield lets a waiting body go first if its client had the slots for less time.
func (s *slot) yield() (err error) {
	if s == nil || s.turn == nil {
		return s.resume()
	}
	s.turn, err = s.of.turns.yield(s.ctx, s.turn)
	return err
}

// leave releases the slot and the body's part of the client's share.
func (s *slot) leave() {
	if s != nil && !s.left {
		s.left = true
		s.pause()
		s.of.shares.release(s.client, 1)
	}
}
