// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wrongkeys slows down attempts to guess keys. It counts failures by network
// and by the first characters of the key, since a key may be guessed from many
// addresses. Valid keys are never delayed.
package wrongkeys

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

const (
	// interval is the time after which one more failure is allowed.
	interval = 2 * time.Second
	// maxDelay is the longest delay; failures that would wait longer are blocked.
	maxDelay = 8 * time.Second
	// memory is how long a counter is kept after its last failure. By then it has
	// recovered completely.
	memory = 10 * time.Minute
	// maxCounted bounds the number of counters.
	maxCounted = 20_000
	// beginning is how many first characters of a key are counted, at most half of it.
	beginning = 8
)

// Limiter counts failures. It is safe for concurrent use; a nil one counts nothing.
type Limiter struct {
	atOnce int
	now    func() time.Time
	counts *otter.Cache[[sha256.Size]byte, *rate.Limiter]
}

// New returns a limiter that allows atOnce failures before it delays further ones.
func New(atOnce int, now func() time.Time) *Limiter {
	return &Limiter{
		atOnce: atOnce,
		now:    now,
		counts: otter.Must(&otter.Options[[sha256.Size]byte, *rate.Limiter]{
			MaximumSize:      maxCounted,
			ExpiryCalculator: otter.ExpiryAccessing[[sha256.Size]byte, *rate.Limiter](memory),
			Executor:         func(evict func()) { evict() },
		}),
	}
}

// Failed records a wrong key from a network. The answer should wait for delay, which
// grows with each failure. If blocked, the caller should be asked to retry after delay.
func (l *Limiter) Failed(from netip.Prefix, key string) (delay time.Duration, blocked bool) {
	if l == nil {
		return 0, false
	}
	now := l.now()
	for _, counted := range []string{"network " + from.String(), "key " + key[:min(beginning, len(key)/2)]} {
		reserved := l.count(counted).ReserveN(now, 1)
		wait := reserved.DelayFrom(now)
		if wait > maxDelay {
			reserved.CancelAt(now) // otherwise a flood would block forever
			blocked = true
		}
		delay = max(delay, wait)
	}
	return delay, blocked
}

func (l *Limiter) count(of string) *rate.Limiter {
	key := sha256.Sum256([]byte(of))
	if known, found := l.counts.GetIfPresent(key); found {
		return known
	}
	known, _ := l.counts.SetIfAbsent(key, rate.NewLimiter(rate.Every(interval), l.atOnce))
	return known
}
