package answer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxKept is how many answers are kept, whatever their size.
	maxKept = 10_000
	// largestShare keeps one answer from driving out all others.
	largestShare = 4
	// maxAge bounds how long an answer may be wrong should an announcement of a
	// change get lost on its way.
	maxAge = time.Minute
)

// Key identifies a question.
type Key [sha256.Size]byte

// KeyOf returns the key of a question, all of whose parts decide about its answer.
func KeyOf(parts ...string) Key {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return Key(hash.Sum(nil))
}

// Cache keeps answers until what they were computed from changes. It computes an
// answer once for all who ask for it at the same time.
//
// Everything that changes is announced with Drop under the name of a topic. An
// answer that was computed before a change is not given to those who ask after
// the announcement, and is not kept. Nothing is kept before Resume, and after
// Suspend. A Cache is safe for concurrent use.
type Cache struct {
	now      func() time.Time
	maxBytes int64

	mu       sync.Mutex
	kept     *simplelru.LRU[Key, keptAnswer]
	bytes    int64
	keeping  bool
	epoch    uint64            // counts the changes of everything
	versions map[string]uint64 // counts the changes of each topic
	flights  map[flightKey]*flight
}

type keptAnswer struct {
	answer *Encoded
	topics []string
	since  time.Time
}

// flight is the computation of an answer. x/sync/singleflight cannot end one that
// nobody waits for any more, which would hold on to a connection of the database.
type flight struct {
	done    chan struct{} // closed when answer or err is there
	answer  *Encoded
	err     error
	waiting int // callers; at 0 the computation is given up
	cancel  context.CancelFunc
}

// flightKey has the version of the topics, so that nobody joins a computation
// that began before a change that was announced.
type flightKey struct {
	key     Key
	version uint64
}

// NewCache returns a cache of maxBytes at most, by the clock now.
func NewCache(maxBytes int64, now func() time.Time) *Cache {
	c := &Cache{now: now, maxBytes: maxBytes, versions: map[string]uint64{}, flights: map[flightKey]*flight{}}
	kept, err := simplelru.NewLRU(maxKept, func(_ Key, dropped keptAnswer) { c.bytes -= dropped.answer.size() })
	if err != nil {
		panic(fmt.Sprintf("cache of %d answers: %v", maxKept, err)) // a constant
	}
	c.kept = kept
	return c
}

// Do is Keep for answers of which compute returns the JSON.
func (c *Cache) Do(ctx context.Context, key Key, topics []string, compute func(context.Context) ([]byte, error)) (*Encoded, error) {
	return c.Keep(ctx, key, topics, func(ctx context.Context) (*Encoded, error) {
		body, err := compute(ctx)
		if err != nil {
			return nil, err
		}
		return NewEncoded(body), nil
	})
}

// Keep returns the answer to the question key. Where it is not kept, it is
// computed, from nothing but the topics and the key.
//
// The error is that of compute, or that of ctx, whose end is no matter to others
// who wait for the same answer: the ctx of compute ends when nobody waits.
func (c *Cache) Keep(ctx context.Context, key Key, topics []string, compute func(context.Context) (*Encoded, error)) (*Encoded, error) {
	c.mu.Lock()
	if answer, ok := c.find(key); ok {
		c.mu.Unlock()
		return answer, nil
	}
	at := flightKey{key, c.version(topics)}
	f, ok := c.flights[at]
	if !ok {
		f = c.start(ctx, at, topics, compute)
	}
	f.waiting++
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		c.leave(at, f)
		return nil, ctx.Err()
	}
}

func (c *Cache) find(key Key) (*Encoded, bool) {
	found, ok := c.kept.Get(key)
	if !ok {
		return nil, false
	}
	if c.now().Sub(found.since) > maxAge {
		c.kept.Remove(key)
		return nil, false
	}
	return found.answer, true
}

// version changes with every change of the topics: all counters only grow.
func (c *Cache) version(topics []string) uint64 {
	version := c.epoch
	for _, topic := range topics {
		version += c.versions[topic]
	}
	return version
}

func (c *Cache) start(ctx context.Context, at flightKey, topics []string, compute func(context.Context) (*Encoded, error)) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{done: make(chan struct{}), cancel: cancel}
	c.flights[at] = f
	go func() {
		defer cancel()
		f.answer, f.err = guarded(ctx, compute)
		c.land(at, f, topics)
		close(f.done)
	}()
	return f
}

// guarded calls compute, whose panic would otherwise end the whole program: it
// is not the goroutine of a request.
func guarded(ctx context.Context, compute func(context.Context) (*Encoded, error)) (answer *Encoded, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			answer, err = nil, fmt.Errorf("compute answer: panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return compute(ctx)
}

// land keeps the answer unless something has changed since the flight began.
func (c *Cache) land(at flightKey, f *flight, topics []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[at] == f {
		delete(c.flights, at)
	}
	if f.err != nil || !c.keeping || c.version(topics) != at.version || f.answer.size() > c.maxBytes/largestShare {
		return
	}
	c.kept.Remove(at.key) // replacing would not tell of what is dropped
	c.kept.Add(at.key, keptAnswer{f.answer, topics, c.now()})
	for c.bytes += f.answer.size(); c.bytes > c.maxBytes; {
		c.kept.RemoveOldest()
	}
}

// leave gives a flight up when nobody waits for it any more.
func (c *Cache) leave(at flightKey, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	f.cancel()
	if c.flights[at] == f {
		delete(c.flights, at)
	}
}

// Drop announces that a topic has changed.
func (c *Cache) Drop(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions[topic]++
	for _, key := range c.kept.Keys() {
		if found, ok := c.kept.Peek(key); ok && slices.Contains(found.topics, topic) {
			c.kept.Remove(key)
		}
	}
}

// Resume announces that anything may have changed, and that all changes will be
// announced from now on.
func (c *Cache) Resume() { c.dropAll(true) }

// Suspend tells that changes may happen without being announced.
func (c *Cache) Suspend() { c.dropAll(false) }

func (c *Cache) dropAll(keeping bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.keeping = keeping
	c.kept.Purge()
}
