// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wrongkeys slows down whoever guesses keys. Failures are counted by the network
// that they come from and by the beginning of the key, since one key may be guessed from
// many addresses. Right keys are none of its business: nobody waits for another's failures.
package wrongkeys

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

const (
	// interval is how often another failure is allowed for good.
	interval = 2 * time.Second
	// maxDelay is the longest delay; what would have to wait longer is blocked.
	maxDelay = 8 * time.Second
	// memory is how long failures are remembered after the last one. All allowances have
	// grown back by then.
	memory = 10 * time.Minute
	// maxCounted bounds how many networks and beginnings of keys are remembered.
	maxCounted = 20_000
	// beginning is how many characters of a key are counted, at most half of it.
	beginning = 8
)

// Limiter counts failures. It is safe for concurrent use; a nil one counts nothing.
type Limiter struct {
	atOnce int
	now    func() time.Time
	counts *otter.Cache[[sha256.Size]byte, *rate.Limiter]
}

// New returns a limiter that allows so many failures before it delays further ones.
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

// Failed notes that a wrong key came from a network. The answer should wait for delay,
// which grows from one failure to the next; if it is blocked, the caller should be told to
// come back after delay.
func (l *Limiter) Failed(from netip.Prefix, key string) (delay time.Duration, blocked bool) {
	if l == nil {
		return 0, false
	}
	now := l.now()
	for _, counted := range []string{"network " + from.String(), "key " + key[:min(beginning, len(key)/2)]} {
		reserved := l.count(counted).ReserveN(now, 1)
		wait := reserved.DelayFrom(now)
		if wait > maxDelay {
			reserved.CancelAt(now) // or a flood would block for ever
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
