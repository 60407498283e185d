// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cache keeps computed values until the data they were computed from changes.
// Values keep their type; they are not encoded.
package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	otterstats "github.com/maypok86/otter/v2/stats"
)

const (
	// largestShare is the fraction of the cache, 1/largestShare, that one value may take:
	// it must not evict all others.
	largestShare = 4
	// smallEntry is the weight in bytes of a value without a Size method.
	smallEntry = 512
)

// Key identifies what is computed.
type Key [sha256.Size]byte

// KeyOf returns the key made of parts, all of which decide about the value.
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

// Sized is a value that knows how many bytes it takes.
type Sized interface{ Size() int64 }

// Options are what a Cache needs.
type Options struct {
	MaxBytes int64 // of all values together; 0 keeps none
	// MaxAge bounds how long a value may be stale should an invalidation get lost
	// on its way.
	MaxAge time.Duration
	Now    func() time.Time
}

// Cache keeps values of any type. Concurrent callers of Get for one key share one
// computation.
//
// Invalidate announces a change under the name of a topic. Calls of Get after it never
// return a value computed before it. Before Enable and after Disable, a Cache keeps
// nothing. A Cache is safe for concurrent use.
type Cache struct {
	maxBytes int64
	entries  *otter.Cache[versionedKey, entry]
	lookups  *otterstats.Counter

	mu       sync.RWMutex
	enabled  bool
	epoch    uint64            // counts the changes of everything
	versions map[string]uint64 // counts the changes of each topic
}

// versionedKey includes the version of the topics, so that no caller joins a computation
// that began before an announced change.
type versionedKey struct {
	key     Key
	version uint64
}

type entry struct {
	value  any
	topics []string
}

func (e entry) size() int64 {
	if sized, ok := e.value.(Sized); ok {
		return smallEntry + sized.Size()
	}
	return smallEntry
}

// New returns an empty cache, which keeps nothing until it is enabled.
func New(o Options) *Cache {
	lookups := otterstats.NewCounter()
	return &Cache{
		lookups:  lookups,
		maxBytes: o.MaxBytes,
		versions: map[string]uint64{},
		entries: otter.Must(&otter.Options[versionedKey, entry]{
			MaximumWeight:    uint64(max(o.MaxBytes, 1)), // a maximum of 1 keeps nothing
			Weigher:          func(_ versionedKey, e entry) uint32 { return uint32(e.size()) },
			ExpiryCalculator: otter.ExpiryWriting[versionedKey, entry](o.MaxAge),
			Clock:            clock{o.Now},
			StatsRecorder:    lookups,
			Executor:         func(evict func()) { evict() }, // at once: goroutines would fall behind a burst
		}),
	}
}

// clock reads the time from the caller. It does not tick: expired values are never
// returned, and Trim removes them.
type clock struct{ now func() time.Time }

func (c clock) NowNano() int64                    { return c.now().UnixNano() }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

// Get returns the value of key. If the cache does not have it, load computes it, which
// may depend only on the topics and on the parts of the key. All values of a key must
// have the same type.
//
// The error is that of load, or that of ctx. If ctx ends for the caller whose load runs,
// a waiting caller loads the value again. Errors are not kept.
func Get[V any](ctx context.Context, c *Cache, key Key, topics []string, load func(context.Context) (V, error)) (V, error) {
	at, enabled := c.version(key, topics)
	found, err := c.entries.Get(ctx, at, otter.LoaderFunc[versionedKey, entry](func(ctx context.Context, _ versionedKey) (entry, error) {
		value, err := load(ctx)
		return entry{value, topics}, err
	}))
	if err != nil {
		var none V
		return none, err
	}
	if !enabled || found.size() > c.maxBytes/largestShare {
		c.entries.Invalidate(at)
	}
	value, ok := found.value.(V)
	if !ok {
		return value, fmt.Errorf("the cache has a %T for a key of a %T", found.value, value)
	}
	return value, nil
}

// Trim removes the expired values.
func (c *Cache) Trim() { c.entries.CleanUp() }

// Lookups returns how often Get found a value, and how often it was computed.
func (c *Cache) Lookups() (hits, misses uint64) {
	counted := c.lookups.Snapshot()
	return counted.Hits, counted.Misses
}

// version identifies the state of the topics: all counters only grow.
func (c *Cache) version(key Key, topics []string) (at versionedKey, enabled bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	version := c.epoch
	for _, topic := range topics {
		version += c.versions[topic]
	}
	return versionedKey{key, version}, c.enabled
}

// Invalidate announces that a topic has changed.
func (c *Cache) Invalidate(topic string) {
	c.mu.Lock()
	c.versions[topic]++
	c.mu.Unlock()
	// No caller finds these entries any more; free their memory.
	for key, e := range c.entries.All() {
		if slices.Contains(e.topics, topic) {
			c.entries.Invalidate(key)
		}
	}
}

// Enable announces that anything may have changed, and that all changes will be
// announced from now on.
func (c *Cache) Enable() { c.reset(true) }

// Disable announces that changes may go unannounced from now on.
func (c *Cache) Disable() { c.reset(false) }

func (c *Cache) reset(enabled bool) {
	c.mu.Lock()
	c.epoch++
	c.enabled = enabled
	c.mu.Unlock()
	c.entries.InvalidateAll()
}
