// SPDX-License-Identifier: AGPL-3.0-or-later

package wrongkeys_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/origin"
	"github.com/monarc-project/stats-service/internal/wrongkeys"
)

// clock shows a fixed time until the test changes it.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// key returns a wrong key with a unique beginning.
func key(n int) string { return fmt.Sprintf("%08d-wrong", n) }

// TestFailuresDelayThenBlock checks that delays grow, then failures are blocked, and that
// both end with time.
func TestFailuresDelayThenBlock(t *testing.T) {
	t.Parallel()
	c := &clock{time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)}
	limiter := wrongkeys.New(3, c.now)
	from := origin.OfText("192.0.2.7")
	for n, want := range []time.Duration{0, 0, 0, 2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second} {
		if delay, blocked := limiter.Failed(from, key(n)); delay != want || blocked {
			t.Errorf("failure %d: %s, blocked %t; want %s", n+1, delay, blocked, want)
		}
	}
	for n := range 1000 { // a flood does not block for longer
		if delay, blocked := limiter.Failed(from, key(100+n)); delay != 10*time.Second || !blocked {
			t.Fatalf("failure %d: %s, blocked %t; want 10s, blocked", n+8, delay, blocked)
		}
	}
	if delay, _ := limiter.Failed(origin.OfText("192.0.2.8"), key(2000)); delay != 0 {
		t.Errorf("another address waits %s", delay)
	}
	c.Time = c.Add(time.Minute)
	if delay, blocked := limiter.Failed(from, key(3000)); delay != 0 || blocked {
		t.Errorf("after a minute: %s, blocked %t", delay, blocked)
	}
}

// TestFailuresCountByNetwork checks that an IPv6 /64 counts as one caller.
func TestFailuresCountByNetwork(t *testing.T) {
	t.Parallel()
	limiter := wrongkeys.New(3, time.Now)
	blocked := false
	for n := range 20 {
		_, blocked = limiter.Failed(origin.OfText(fmt.Sprintf("2001:db8:1:2::%x", n+1)), key(n))
	}
	if !blocked {
		t.Error("addresses of one network are not counted together")
	}
	if delay, _ := limiter.Failed(origin.OfText("2001:db8:1:3::1"), key(100)); delay != 0 {
		t.Errorf("another network waits %s", delay)
	}
}

// TestFailuresCountByKey checks that guesses of one key from all addresses count together.
func TestFailuresCountByKey(t *testing.T) {
	t.Parallel()
	limiter := wrongkeys.New(3, time.Now)
	blocked := false
	for n := range 20 {
		_, blocked = limiter.Failed(origin.OfText(fmt.Sprintf("192.0.2.%d", n+1)), fmt.Sprintf("abcdefgh%08d", n))
	}
	if !blocked {
		t.Error("guesses of one key are not counted together")
	}
}

// TestNilLimiterCountsNothing has no limiter.
func TestNilLimiterCountsNothing(t *testing.T) {
	t.Parallel()
	var limiter *wrongkeys.Limiter
	for range 100 {
		if delay, blocked := limiter.Failed(origin.OfText("192.0.2.7"), "wrong"); delay != 0 || blocked {
			t.Fatalf("%s, blocked %t", delay, blocked)
		}
	}
}
