// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// queue is bodies that wait for decoders, in the order in which they get a slot.
type queue struct {
	*decoders
	t       *testing.T
	entered []string
	slots   map[string]*slot
}

func newQueue(t *testing.T, processors int) *queue {
	return &queue{decoders: newDecoders(processors), t: t, slots: map[string]*slot{}}
}

// send lets a body of a client wait for a slot.
func (q *queue) send(name string, client int64) {
	q.t.Helper()
	go func() {
		p, err := q.enter(q.t.Context(), client, mediumBody+1)
		if err != nil {
			q.t.Error(err)
		}
		q.entered, q.slots[name] = append(q.entered, name), p
	}()
	synctest.Wait()
}

// end ends the decoding of the bodies.
func (q *queue) end(names ...string) {
	q.t.Helper()
	for _, name := range names {
		if q.slots[name] == nil {
			q.t.Fatalf("%s has no slot, only %v had", name, q.entered)
		}
		q.slots[name].leave()
		synctest.Wait()
	}
}

func (q *queue) want(names ...string) {
	q.t.Helper()
	if !slices.Equal(q.entered, names) {
		q.t.Errorf("slots were given to %v, want %v", q.entered, names)
	}
}

// TestClientsTakeTurnsAtDecoding leaves a processor to small bodies, and lets clients take turns: the
// second one waits for a single body of the first, which has sent many.
func TestClientsTakeTurnsAtDecoding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 3)
		for _, name := range []string{"flood 1", "flood 2", "flood 3", "flood 4"} {
			q.send(name, 1)
		}
		q.send("honest", 2)
		q.want("flood 1", "flood 2")
		if p, err := q.enter(t.Context(), 2, mediumBody); p != nil || err != nil {
			t.Errorf("a small body has to wait: %v, %v", p, err)
		}
		q.end("flood 1")
		q.want("flood 1", "flood 2", "honest")
		q.end("flood 2", "honest", "flood 3", "flood 4")
		q.want("flood 1", "flood 2", "honest", "flood 3", "flood 4")
		if len(q.shares.shares) != 0 {
			t.Errorf("%d shares are left over", len(q.shares.shares))
		}
	})
}

// TestDecodersYield lets others in between the items of a batch, and while the database
// answers it. On one processor there is one slot.
func TestDecodersYield(t *testing.T) {
	t.Parallel()
	for _, processors := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, processors)
			q.send("large", 1)
			if err := q.slots["large"].yield(); err != nil {
				t.Fatal(err)
			}
			q.send("medium", 2)
			q.send("another", 3)
			q.want("large")
			yielded := false
			go func() { yielded = q.slots["large"].yield() == nil }()
			synctest.Wait()
			q.want("large", "medium")
			q.end("medium", "another")
			if !yielded {
				t.Error("the large one has no slot again")
			}
			q.slots["large"].pause()
			q.send("last", 2)
			q.want("large", "medium", "another", "last")
			q.end("last")
			if err := q.slots["large"].resume(); err != nil {
				t.Error(err)
			}
			q.end("large")
		})
	}
}

// TestDecodersGiveUp keeps no slot for a caller that is gone, wherever it waited.
func TestDecodersGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 2)
		q.send("first", 1)
		ctx, disconnect := context.WithCancel(t.Context())
		for _, client := range []int64{1, 2} {
			go func() {
				if _, err := q.enter(ctx, client, mediumBody+1); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
			}()
		}
		synctest.Wait()
		disconnect()
		synctest.Wait()
		q.send("next", 2)
		if err := (&slot{of: q.decoders, ctx: ctx}).yield(); err == nil {
			t.Error("a caller that is gone got a slot again")
		}
		q.end("first", "next")
		if len(q.shares.shares) != 0 || q.turns.free != 1 || len(q.turns.waiting) != 0 {
			t.Error("something is left over")
		}
	})
}

// TestDecodersPreferWhoSendLittle lets a client that sends little go first, from its
// first to its last turn, while two others keep the slot busy. It waits once it has had
// the slot for longer than they.
func TestDecodersPreferWhoSendLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 2)
		q.send("flood", 1)
		time.Sleep(time.Second)
		q.send("another", 2)
		go func() { _ = q.slots["flood"].yield() }() // it waits while the test sleeps
		time.Sleep(time.Second)
		synctest.Wait()
		q.want("flood", "another")
		q.send("honest", 3)
		go func() { _ = q.slots["another"].yield() }()
		synctest.Wait()
		q.want("flood", "another", "honest")
		for range 8 {
			time.Sleep(100 * time.Millisecond)
			if err := q.slots["honest"].yield(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(400 * time.Millisecond)
		kept := make(chan error)
		go func() { kept <- q.slots["honest"].yield() }()
		synctest.Wait()
		select {
		case <-kept:
			t.Error("the honest client kept the slot, though it had it for longer than the others")
		default:
		}
		q.end("flood", "another")
		if err := <-kept; err != nil {
			t.Error(err)
		}
		q.end("honest")
	})
}
