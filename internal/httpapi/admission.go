// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// largeBody is the size from which on bodies wait for each other, and mediumBody
	// that from which on those wait for each other that are not large. Two classes keep
	// a few large batches from holding up the posts of everybody else.
	largeBody, mediumBody = 256 << 10, 16 << 10
	// bodyGrowth is by how much the memory of a body grows when it is full.
	bodyGrowth = 4
	// bodiesAtOnce is how many of the largest accepted bodies are held at a time. A
	// batch takes up to four times its size until it is stored.
	bodiesAtOnce = 2
	// mediumAtOnce is how many of the largest medium bodies are held at a time, and
	// mediumShare how many of them may be of one client.
	mediumAtOnce, mediumShare = 64, 16
	// itemCost is a quarter of what an item of a batch takes beside its text, which
	// itself is leastItem bytes long at least.
	itemCost, leastItem = 720, 90
	// acquireTimeout is how long a large body waits for others, all in all.
	acquireTimeout = 10 * time.Second
)

// admission bounds the memory of large bodies. The weight of a body grows with what
// has arrived of it. Bodies cannot wait for each other forever: the oldest one always
// finds the weight of the largest reserved, and the others share the rest. One client
// has at most its share, by what its bodies may become.
type admission struct {
	class   class
	timeout time.Duration
	metrics *metrics.Metrics

	mu      sync.Mutex
	clients map[int64]*clientShare
	bodies  []*weighedBody // large ones, oldest first
	weight  int64          // of all bodies
	changed chan struct{}  // closed when some weight is released
}

// class is the bodies that wait for each other.
type class struct {
	above   int64 // they are larger, bytes
	largest int64 // bytes of the largest of them
	atOnce  int64 // how many of the largest are held at a time
	share   int64 // how many of them may be of one client
}

func largeBodies(maxBodyBytes int64) class { return class{largeBody, maxBodyBytes, bodiesAtOnce, 1} }

var mediumBodies = class{mediumBody, largeBody, mediumAtOnce, mediumShare}

// clientShare bounds the bodies of one client that are taken in at a time.
type clientShare struct {
	weight *semaphore.Weighted
	bodies int // that hold weight or wait for it
}

func newAdmission(bodies class, timeout time.Duration, counted *metrics.Metrics) *admission {
	return &admission{
		class:   bodies,
		timeout: timeout,
		metrics: counted,
		clients: map[int64]*clientShare{},
		changed: make(chan struct{}),
	}
}

// weight is the size of a body, and what the items that may be in it add to that.
func weight(size int64) int64 { return size + min(size/leastItem, stats.MaxItems)*itemCost }

// admitBodies returns what makes bodies of both classes, of so many bytes at most, wait
// until there is memory for them. One whose length is not known is medium first.
func admitBodies(opts Options) func(maxBytes int64) echo.MiddlewareFunc {
	large := newAdmission(largeBodies(opts.MaxBodyBytes), opts.AcquireTimeout, opts.Metrics)
	medium := newAdmission(mediumBodies, opts.AcquireTimeout, opts.Metrics)
	return func(maxBytes int64) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			admitted := large.admit(maxBytes, medium.admit(maxBytes, next))
			return func(c echo.Context) error {
				err := admitted(c)
				keepBody(c.Request().Context())
				return err
			}
		}
	}
}

// admit makes the bodies of its class wait until there is memory for them. One that announces
// its size waits before anything is read, so before 100 Continue is sent.
func (a *admission) admit(maxBytes int64, next echo.HandlerFunc) echo.HandlerFunc {
	largest := min(maxBytes, a.class.largest)
	return func(c echo.Context) error {
		r := c.Request()
		if r.Body == nil || r.ContentLength >= 0 && r.ContentLength <= a.class.above || r.ContentLength > largest {
			return next(c) // which refuses what is too large
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
	largest   int64         // bytes that it may have
	arrived   int64         // bytes
	room      int64         // bytes that may arrive with the weight that is held
	timeout   time.Duration // that is left for waiting

	weight int64 // held; 0: not admitted
	share  *clientShare
}

// Read implements io.Reader. Its errors include errOverloaded.
func (b *weighedBody) Read(p []byte) (int, error) {
	if b.arrived == b.room && b.room < b.largest {
		time := deadlineOf(b.ctx)
		time.resume() // others are waited for, not the caller
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

// grow acquires the weight of more room. Errors are errOverloaded and that of the
// request's context.
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

// join waits for the share of the client, once.
func (b *weighedBody) join(ctx context.Context) error {
	if b.share != nil {
		return nil
	}
	a := b.admission
	share := a.shareOf(b.client)
	if err := share.weight.Acquire(ctx, weight(b.largest)); err != nil {
		a.leave(b.client, share)
		return err
	}
	b.share = share
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bodies = append(a.bodies, b)
	return nil
}

func (a *admission) shareOf(client int64) *clientShare {
	a.mu.Lock()
	defer a.mu.Unlock()
	share, found := a.clients[client]
	if !found {
		share = &clientShare{weight: semaphore.NewWeighted(a.class.share * weight(a.class.largest))}
		a.clients[client] = share
	}
	share.bodies++
	return share
}

func (a *admission) leave(client int64, share *clientShare) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if share.bodies--; share.bodies == 0 {
		delete(a.clients, client)
	}
}

// tryAcquire raises the weight of a body to total if there is room for it. Otherwise
// changed is closed when there may be.
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
	if b.share == nil {
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
	b.share.weight.Release(weight(b.largest))
	a.leave(b.client, b.share)
}
