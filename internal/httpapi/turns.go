// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// halfLife is how long it takes until half of the time that a client had a slot is
// forgotten.
const halfLife = 10 * time.Second

// turns is a number of slots. The next free slot is for the client that had slots for the
// least time lately, so that clients who send much do not hold up those who send little.
// Nobody waits forever, as time counts against whoever goes first.
type turns struct {
	mu      sync.Mutex
	free    int64
	waiting []*turn // in order of arrival
	held    map[int64]heldTime
}

// turn is a client's place in the queue for a slot.
type turn struct {
	client int64
	given  chan struct{} // closed when the slot is the client's
	begun  time.Time     // set before given is closed
}

// heldTime is how long a client had slots until a moment, without what is forgotten.
type heldTime struct {
	total time.Duration
	until time.Time
}

// at returns the time that counts at a later moment.
func (h heldTime) at(now time.Time) time.Duration {
	return time.Duration(float64(h.total) * math.Exp2(-float64(now.Sub(h.until))/float64(halfLife)))
}

func newTurns(slots int64) *turns { return &turns{free: slots, held: map[int64]heldTime{}} }

// acquire waits for a slot, which the caller must release. Its errors are those of ctx.
func (t *turns) acquire(ctx context.Context, client int64) (*turn, error) {
	t.mu.Lock()
	place := t.enqueue(client)
	t.mu.Unlock()
	return t.await(ctx, place)
}

// yield exchanges a slot for a later one if a client waits that had less time.
func (t *turns) yield(ctx context.Context, place *turn) (*turn, error) {
	t.mu.Lock()
	if len(t.waiting) == 0 && ctx.Err() == nil {
		t.mu.Unlock()
		return place, nil
	}
	t.count(place)
	t.free++
	place = t.enqueue(place.client)
	t.mu.Unlock()
	return t.await(ctx, place)
}

// release gives the slot to the next client.
func (t *turns) release(place *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(place)
	t.free++
	t.give()
}

// await waits until a place has its slot.
func (t *turns) await(ctx context.Context, place *turn) (*turn, error) {
	select {
	case <-place.given:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return place, nil
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, place)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		t.release(place)
	}
	return nil, ctx.Err()
}

// enqueue and the methods below are called with the mutex locked.
func (t *turns) enqueue(client int64) *turn {
	place := &turn{client: client, given: make(chan struct{})}
	t.waiting = append(t.waiting, place)
	t.give()
	return place
}

// count adds the time since a slot was given to that of its client.
func (t *turns) count(place *turn) {
	now := time.Now()
	t.held[place.client] = heldTime{t.held[place.client].at(now) + now.Sub(place.begun), now}
}

// give gives free slots to waiting clients.
func (t *turns) give() {
	for t.free > 0 && len(t.waiting) > 0 {
		now := time.Now()
		next := 0
		for i, place := range t.waiting {
			if t.held[place.client].at(now) < t.held[t.waiting[next].client].at(now) {
				next = i
			}
		}
		place := t.waiting[next]
		t.waiting = slices.Delete(t.waiting, next, next+1)
		t.free--
		place.begun = now
		close(place.given)
	}
}
