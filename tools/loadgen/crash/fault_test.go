// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"slices"
	"testing"
	"time"
)

// TestDurationsOfFaults checks that failures of the database reach the deadline of requests one time
// in three, with equal choices for equal seeds.
func TestDurationsOfFaults(t *testing.T) {
	t.Parallel()
	draw := func(longest time.Duration, seed uint64) (all []time.Duration, late int) {
		o := options{seed: seed}
		with := &dice{o.random(1), longest}
		for range 300 {
			d := with.untilTimeout()
			if all = append(all, d); d > requestTimeout {
				late++
			} else if d < longest/4 || d > longest {
				t.Errorf("a failure lasts %s, of at most %s", d, longest)
			}
		}
		return all, late
	}
	for _, longest := range []time.Duration{time.Second, 2 * time.Second} {
		all, late := draw(longest, 7)
		if late < 60 || late > 140 {
			t.Errorf("%d of 300 failures reach the deadline", late)
		}
		if again, _ := draw(longest, 7); !slices.Equal(all, again) {
			t.Error("equal seeds make other choices")
		}
	}
}
