// SPDX-License-Identifier: AGPL-3.0-or-later

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/cache"
)

// counting is a cache whose values number their computations.
type counting struct {
	*cache.Cache
	t       *testing.T
	counted atomic.Int64
}

func newCounting(t *testing.T, maxBytes int64) *counting {
	t.Helper()
	return &counting{Cache: cache.New(cache.Options{MaxBytes: maxBytes, MaxAge: time.Minute, Now: time.Now}), t: t}
}

// get returns the value of a name that is computed from topics.
func (c *counting) get(name string, topics ...string) int64 {
	c.t.Helper()
	value, err := cache.Get(c.t.Context(), c.Cache, cache.KeyOf(name), topics, func(context.Context) (int64, error) {
		return c.counted.Add(1), nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}

// TestValuesAreKeptUntilTheirTopicsChange shows what a cache is for.
func TestValuesAreKeptUntilTheirTopicsChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounting(t, 1<<20)
		var got []int64
		step := func(change func()) {
			change()
			got = append(got, c.get("name", "threat", "risk"), c.get("name", "threat", "risk"))
		}
		step(func() {})
		step(c.Enable)
		step(func() { c.Invalidate("other") })
		step(func() { c.Invalidate("risk") })
		step(func() { time.Sleep(59 * time.Second) })
		step(func() { time.Sleep(2 * time.Second) })
		step(c.Disable)
		step(c.Enable)
		want := []int64{1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 7, 8, 8}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("computations (-want +got):\n%s", diff)
		}
		if c.get("another") == c.get("name", "threat", "risk") {
			t.Error("two names have one value")
		}
	})
}

// TestTrimRemovesExpiredValues advances the clock by seconds.
func TestTrimRemovesExpiredValues(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	c := cache.New(cache.Options{MaxBytes: 1 << 20, MaxAge: time.Minute, Now: func() time.Time { return time.Unix(passed.Load(), 0) }})
	c.Enable()
	value, err := cache.Get(t.Context(), c, cache.KeyOf("name"), nil, func(context.Context) (*[1 << 16]byte, error) { return new([1 << 16]byte), nil })
	if err != nil {
		t.Fatal(err)
	}
	kept := weak.Make(value)
	runtime.KeepAlive(value)
	value = nil
	for _, step := range []struct {
		seconds int64
		there   bool
	}{{30, true}, {90, false}} {
		passed.Store(step.seconds)
		c.Trim()
		runtime.GC()
		if there := kept.Value() != nil; there != step.there {
			t.Errorf("after %d seconds the value is there: %t", step.seconds, there)
		}
	}
}

func TestKeysOfDifferentPartsDiffer(t *testing.T) {
	t.Parallel()
	keys := map[cache.Key]bool{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"a", "b", ""}, {"", "ab"}} {
		keys[cache.KeyOf(parts...)] = true
	}
	if len(keys) != 7 {
		t.Errorf("%d keys of 7 names", len(keys))
	}
}

// bytes is a value of a known size.
type bytes string

func (b bytes) Size() int64 { return int64(len(b)) }

// TestCacheIsBounded checks that the cache keeps fewer values than were computed, and
// none larger than a quarter of its size, but returns each computed value to its caller.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 100_000)
	c.Enable()
	computed := 0
	get := func(name string, size int) {
		value, err := cache.Get(t.Context(), c.Cache, cache.KeyOf(name), nil, func(context.Context) (bytes, error) {
			computed++
			return bytes(strings.Repeat("x", size)), nil
		})
		if err != nil || len(value) != size {
			t.Fatalf("%d bytes, error %v", len(value), err)
		}
	}
	const values = 50
	for range 2 {
		for i := range values {
			get(fmt.Sprint(i), 9_000)
		}
	}
	if computed < 2*values-15 { // 10 of them fit, and some more while others are being evicted
		t.Errorf("%d computations of %d values of 9,000 bytes, twice each", computed, values)
	}
	computed = 0
	get("large", 26_000)
	get("large", 26_000)
	if computed != 2 {
		t.Errorf("a value of more than a quarter is kept")
	}
}

func TestCacheOfNoBytesKeepsNothing(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 0)
	c.Enable()
	if first, again := c.get("a"), c.get("a"); first == again {
		t.Error("a cache of no bytes kept a value")
	}
}

// TestChangeDuringComputationDropsTheValue checks that the old value is neither kept nor
// returned to callers after the change.
func TestChangeDuringComputationDropsTheValue(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 1<<20)
	c.Enable()
	started, goOn, first := make(chan bool), make(chan bool), make(chan int64)
	go func() {
		value, err := cache.Get(t.Context(), c.Cache, cache.KeyOf("name"), []string{"risk"}, func(context.Context) (int64, error) {
			close(started)
			<-goOn
			return 100, nil
		})
		if err != nil {
			t.Error(err)
		}
		first <- value
	}()
	<-started
	c.Invalidate("risk")
	if got := c.get("name", "risk"); got != 1 {
		t.Errorf("after the change: %d", got)
	}
	close(goOn)
	if got := <-first; got != 100 {
		t.Errorf("the caller before the change got %d", got)
	}
	if got := c.get("name", "risk"); got != 1 {
		t.Errorf("the old value was kept: %d", got)
	}
}

// TestConcurrentCallersShareAComputation has many callers, some of which give up.
func TestConcurrentCallersShareAComputation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounting(t, 1<<20) // keeps nothing
		var computed atomic.Int64
		goOn := make(chan bool)
		load := func(context.Context) (int64, error) {
			computed.Add(1)
			<-goOn
			return 1, nil
		}
		get := func(ctx context.Context) error {
			_, err := cache.Get(ctx, c.Cache, cache.KeyOf("name"), nil, load)
			return err
		}
		impatient, giveUp := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		results := make([]error, 20)
		for i := range results {
			ctx := t.Context()
			if i%2 == 1 {
				ctx = impatient
			}
			waiting.Go(func() { results[i] = get(ctx) })
			synctest.Wait() // the first caller, which does not give up, computes
		}
		giveUp()
		synctest.Wait()
		close(goOn)
		waiting.Wait()
		for i, err := range results {
			if gaveUp := i%2 == 1; gaveUp != errors.Is(err, context.Canceled) || !gaveUp && err != nil {
				t.Errorf("caller %d got %v", i, err)
			}
		}
		if n := computed.Load(); n != 1 {
			t.Errorf("%d computations", n)
		}
	})
}

// TestWaitingCallerTakesOverAComputation cancels the caller that computes: its load,
// which may hold a database connection, ends, and a waiting caller starts its own.
func TestWaitingCallerTakesOverAComputation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounting(t, 1<<20)
		ctx, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := cache.Get(ctx, c.Cache, cache.KeyOf("name"), nil, func(ctx context.Context) (int64, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the canceled caller got %v", err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			if got := c.get("name"); got != 1 {
				t.Errorf("the waiting caller got %d", got)
			}
		})
		synctest.Wait()
		giveUp()
		group.Wait()
	})
}

func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 1<<20)
	c.Enable()
	broken := errors.New("broken")
	_, err := cache.Get(t.Context(), c.Cache, cache.KeyOf("name"), nil, func(context.Context) (int64, error) { return 0, broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if got := c.get("name"); got != 1 {
		t.Errorf("afterwards: %d", got)
	}
}

// TestPanicReachesTheComputingCaller checks that no other caller waits forever.
func TestPanicReachesTheComputingCaller(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 1<<20)
	c.Enable()
	func() {
		defer func() {
			if fault := recover(); fault == nil || !strings.Contains(fmt.Sprint(fault), "broken") {
				t.Errorf("recovered %v", fault)
			}
		}()
		_, _ = cache.Get(t.Context(), c.Cache, cache.KeyOf("name"), nil, func(context.Context) (int64, error) { panic("broken") })
	}()
	if got := c.get("name"); got != 1 {
		t.Errorf("afterwards: %d", got)
	}
}

func TestAKeyHasValuesOfOneType(t *testing.T) {
	t.Parallel()
	c := newCounting(t, 1<<20)
	c.Enable()
	c.get("name")
	_, err := cache.Get(t.Context(), c.Cache, cache.KeyOf("name"), nil, func(context.Context) (string, error) { return "", nil })
	if err == nil || !strings.Contains(err.Error(), "int64") {
		t.Errorf("error %v", err)
	}
}
