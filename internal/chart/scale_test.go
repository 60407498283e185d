// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTicksAreRound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		low, high float64
		steps     int
		want      []float64
	}{
		"round":       {0, 10, 5, []float64{0, 2, 4, 6, 8, 10}},
		"outward":     {1.3, 3.6, 5, []float64{1, 1.5, 2, 2.5, 3, 3.5, 4}},
		"small":       {0.012, 0.019, 4, []float64{0.012, 0.014, 0.016, 0.018, 0.02}},
		"large":       {0, 123456, 3, []float64{0, 50000, 100000, 150000}},
		"below zero":  {-3, 2, 5, []float64{-3, -2, -1, 0, 1, 2}},
		"one value":   {3, 3, 3, []float64{1, 2, 3, 4, 5}},
		"only zero":   {0, 0, 2, []float64{-0.5, 0, 0.5}},
		"no room":     {0, 10, 0, []float64{0, 10}},
		"a huge span": {0, 1e12, 2, []float64{0, 5e11, 1e12}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, scaleOf(tt.low, tt.high, tt.steps).ticks()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLongLinesAreThinned(t *testing.T) {
	t.Parallel()
	var points []point
	for i := range 1000 {
		points = append(points, point{float64(i) / 100, float64(i * 7 % 100)})
	}
	got := thinned(points, 1)
	if len(got) > 22 || got[0][1] != 0 {
		t.Errorf("%d points are left, the first is %v", len(got), got[0])
	}
	for _, at := range got {
		if at[1] != 0 && at[1] != 99 {
			t.Errorf("%v is neither the lowest nor the highest of its column", at)
		}
	}
	few := []point{{0, 1}, {10, 2}, {20, 1}}
	if diff := cmp.Diff(few, thinned(few, 1)); diff != "" {
		t.Errorf("points with room (-want +got)\n%s", diff)
	}
}
