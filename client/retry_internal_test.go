// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"testing"
	"time"
)

// The pause grows up to its limit, and no two callers need to agree.
func TestDelayGrowsToItsLimit(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64][]time.Duration{
		0: {250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second},
		1: {500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second},
	} {
		retry := Retry{Rand: func() float64 { return random }}.withDefaults()
		for i, d := range want {
			if got := retry.delay(i + 1); got != d {
				t.Errorf("random %v, attempt %d: %s, want %s", random, i+1, got, d)
			}
		}
	}
}
