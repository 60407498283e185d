// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestPositionAmongOthers ranks values among unordered values of others.
func TestPositionAmongOthers(t *testing.T) {
	t.Parallel()
	upTo := func(n int) (values []float64) {
		for i := range n {
			values = append(values, float64((i*7)%n+1)) // 1 to n, where n and 7 have no divisor in common
		}
		return values
	}
	zeros := func(n int, rest ...float64) []float64 { return append(make([]float64, n), rest...) }
	in := func(b Band) Position { return Position{Band: b} }
	not := func(u Unranked) Position { return Position{Unranked: u} }
	tests := map[string]struct {
		threshold threshold
		own       float64
		others    []float64
		want      Position
	}{
		"three others":           {1, 2, upTo(3), not(FewOrganisations)},
		"below all":              {1, 0, upTo(4), in(Lowest)},
		"at the first limit":     {1, 1.5, upTo(4), in(Lowest)},
		"above the first limit":  {1, 1.6, upTo(4), in(LowerMiddle)},
		"above the second limit": {1, 2.6, upTo(4), in(UpperMiddle)},
		"above all":              {1, 9, upTo(4), in(Highest)},
		"no threshold":           {0, 9, upTo(4), in(Highest)},
		// Limits of two on either side: 2.5, 4.5 and 6.5.
		"eight others, k 2":     {2, 2.6, upTo(8), in(LowerMiddle)},
		"seven others, k 2":     {2, 2.6, upTo(6), not(FewOrganisations)},
		"one more than is safe": {2, 2.6, upTo(9), not(FewOrganisations)},
		"two more":              {2, 9.6, upTo(10), in(Highest)},
		"all alike":             {1, 3, []float64{2, 2, 2, 2, 2}, not(AllAlike)},
		// The limit between the quarters would be a share of what one organisation has.
		"zeros but one":           {2, 1, zeros(7, 8), not(FewOrganisations)},
		"zeros but two":           {2, 1, zeros(6, 8, 8), in(UpperMiddle)},
		"zeros alone":             {2, 1, zeros(8), not(AllAlike)},
		"zeros without threshold": {1, 1, zeros(3, 8), in(UpperMiddle)},
	}
	for name, tt := range tests {
		if got := tt.threshold.position(tt.own, slices.Clone(tt.others)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// TestMovingFindsMeansOfMany moves an own value until it has found each limit, as exactly
// as numbers can be: none is what a single organisation has, but the mean of six.
func TestMovingFindsMeansOfMany(t *testing.T) {
	t.Parallel()
	others := []float64{0.137, 0.211, 0.389, 0.541, 0.673, 0.797, 0.911, 1.039, 1.187, 1.361, 1.523, 1.741, 2.027, 2.311, 2.719, 3.067}
	var found []float64
	for at := range len(bands) - 1 {
		low, high := 0.0, 4.0
		for range 60 {
			middle := (low + high) / 2
			position := threshold(3).position(middle, slices.Clone(others))
			if slices.Index(bands[:], position.Band) > at {
				high = middle
			} else {
				low = middle
			}
		}
		found = append(found, high)
	}
	for i, limit := range found {
		want := 0.0
		for _, value := range others[4*(i+1)-3 : 4*(i+1)+3] {
			want += value / 6
		}
		if math.Abs(limit-want) > 1e-12 {
			t.Errorf("limit %d is %v, want %v", i, limit, want)
		}
	}
}

// TestLimitsAndTotalRevealNobody looks for a combination of the limits and of the total,
// each as often as one likes, that is of few organisations: whatever cancels out, at least
// as many remain as the threshold wants.
func TestLimitsAndTotalRevealNobody(t *testing.T) {
	t.Parallel()
	for k := threshold(1); k <= 6; k++ {
		ranked := 0
		for n := range 12 * int(k) {
			between, enough := k.between(n)
			if !enough {
				continue
			}
			ranked++
			// In which sums each organisation is: those of the limits, and the total.
			memberships := make([][]float64, n)
			for i := range memberships {
				memberships[i] = []float64{1}
				for _, at := range between {
					is := 0.0
					if i >= at.from && i < at.to {
						is = 1
					}
					memberships[i] = append(memberships[i], is)
				}
			}
			if left := fewestLeft(memberships); left < int(k) {
				t.Errorf("threshold %d, %d organisations: something can be computed of %d", k, n, left)
			}
		}
		if ranked == 0 {
			t.Errorf("threshold %d: no value is ever ranked", k)
		}
	}
	if left := fewestLeft([][]float64{{1, 1}, {1, 1}, {1, 0}}); left != 1 {
		t.Errorf("a total less a sum leaves one; this test finds %d", left)
	}
}

// fewestLeft is the number of organisations in the combination of sums that has the
// fewest: each combination that cancels out as much as possible is one that all
// organisations of a hyperplane are not in.
func fewestLeft(memberships [][]float64) int {
	distinct := map[string][]float64{}
	for _, m := range memberships {
		distinct[fmt.Sprint(m)] = m
	}
	var kinds [][]float64
	for _, m := range distinct {
		kinds = append(kinds, m)
	}
	fewest, whole := len(memberships), rank(kinds)
	for chosen := range 1 << len(kinds) {
		var cancelled [][]float64
		for i, kind := range kinds {
			if chosen>>i&1 == 1 {
				cancelled = append(cancelled, kind)
			}
		}
		if rank(cancelled) != whole-1 {
			continue
		}
		left := 0
		for _, m := range memberships {
			if rank(append(slices.Clone(cancelled), m)) == whole {
				left++
			}
		}
		fewest = min(fewest, left)
	}
	return fewest
}

// rank is that of a matrix of zeros and ones, by elimination.
func rank(rows [][]float64) (rank int) {
	var left [][]float64
	for _, row := range rows {
		left = append(left, slices.Clone(row))
	}
	if len(left) == 0 {
		return 0
	}
	for column := range left[0] {
		pivot := slices.IndexFunc(left, func(row []float64) bool { return math.Abs(row[column]) > 1e-9 })
		if pivot < 0 {
			continue
		}
		rank++
		by := left[pivot]
		left = slices.Delete(left, pivot, pivot+1)
		for _, row := range left {
			factor := row[column] / by[column]
			for i := range row {
				row[i] -= factor * by[i]
			}
		}
	}
	return rank
}
