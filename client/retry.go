// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry configures retries. A zero field means the default in its comment. The methods
// of Client decide which requests are safe to repeat.
type Retry struct {
	Attempts      int           // total number, default 6; 1 never retries
	MinDelay      time.Duration // pause after the first attempt, default 500 ms; it doubles
	MaxDelay      time.Duration // longest pause, default 30 s
	MaxRetryAfter time.Duration // longest Retry-After that is honoured, default 5 min

	// Notify is called before the pause of each retry.
	Notify func(err *Error, attempt int, pause time.Duration)
	// Sleep pauses, and returns the error of ctx if that ends first; nil means real
	// time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand returns a number from 0 to 1 for the jitter; nil means a random one.
	Rand func() float64
}

func (r Retry) withDefaults() Retry {
	if r.Attempts < 1 {
		r.Attempts = 6
	}
	if r.MinDelay <= 0 {
		r.MinDelay = 500 * time.Millisecond
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = 30 * time.Second
	}
	if r.MaxRetryAfter <= 0 {
		r.MaxRetryAfter = 5 * time.Minute
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	if r.Rand == nil {
		r.Rand = rand.Float64
	}
	return r
}

// Do calls call until it succeeds, fails permanently, or has used the attempts for its
// error; nil attempts means r.Attempts. If ctx ends, Do stops and returns the error of
// ctx.
func (r Retry) Do(ctx context.Context, attempts func(*Error) int, call func() error) error {
	r = r.withDefaults()
	for attempt := 1; ; attempt++ {
		err := call()
		var failed *Error
		if !errors.As(err, &failed) || !failed.Temporary() || failed.RetryAfter > r.MaxRetryAfter {
			return err
		}
		allowed := r.Attempts
		if attempts != nil {
			allowed = attempts(failed)
		}
		if attempt >= allowed {
			return err
		}
		pause := max(r.delay(attempt), failed.RetryAfter)
		if r.Notify != nil {
			r.Notify(failed, attempt, pause)
		}
		if err := r.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// delay returns the pause after an attempt: exponential, with jitter in the upper half.
func (r Retry) delay(attempt int) time.Duration {
	full := r.MinDelay
	for range attempt - 1 {
		if full >= r.MaxDelay {
			break
		}
		full *= 2
	}
	full = min(full, r.MaxDelay)
	return full/2 + time.Duration(r.Rand()*float64(full/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
