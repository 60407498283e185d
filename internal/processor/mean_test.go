// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/quagmt/udecimal"
)

func TestMean(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sum  string
		n    int64
		want float64
	}{
		{"0", 0, 0},
		{"5", 0, 0},
		{"5", -1, 0},
		{"0", 7, 0},
		{"1", 3, 1.0 / 3},
		{"-2", 3, -2.0 / 3},
		{"0.3", 3, 0.1}, // in floats 0.3/3 is 0.09999999999999999
		{"8.46", 3, 2.82},
		{"-0.6", 3, -0.2},
		{"27021597764222979", 3, 9007199254740993},        // 2^53+1, a tie, rounds to even
		{"0.123456789012345678", 1, 0.123456789012345678}, // more digits than the fast path takes
		{"1000000000.000000000000000001", 1, 1000000000},  // adds less than half a unit
		{"99999999999999999999999999999999999999999", 9, 11111111111111111111111111111111111111111},
		{"1", math.MaxInt64, 1.0 / math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s by %d", tt.sum, tt.n), func(t *testing.T) {
			t.Parallel()
			if got := Mean(udecimal.MustParse(tt.sum), tt.n); got != tt.want {
				t.Errorf("Mean = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestMeanIsTheNearestFloat compares means of random decimals, small and large, with
// rational arithmetic.
func TestMeanIsTheNearestFloat(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		sum := randomDecimal(random)
		n := 1 + random.Int64N(1<<random.IntN(40))
		rational, _ := new(big.Rat).SetString(sum.String())
		want, _ := rational.Quo(rational, new(big.Rat).SetInt64(n)).Float64()
		if got := Mean(sum, n); got != want {
			t.Fatalf("Mean(%s, %d) = %v, want %v", sum, n, got, want)
		}
	}
}

func randomDecimal(random *rand.Rand) udecimal.Decimal {
	hi, lo := uint64(0), random.Uint64()>>random.IntN(64)
	if random.IntN(4) == 0 {
		hi = random.Uint64() >> random.IntN(64)
	}
	d, err := udecimal.NewFromHiLo(random.IntN(2) == 0, hi, lo, uint8(random.IntN(20)))
	if err != nil {
		panic(err)
	}
	for range random.IntN(3) {
		d = d.Add(d) // also beyond 128 bits
	}
	return d
}

// TestMeanOfMeansIsTheNearestFloat compares a year of daily means with rational
// arithmetic.
func TestMeanOfMeansIsTheNearestFloat(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var sum total
		exact := new(big.Rat)
		for range 365 {
			day, n := udecimal.MustFromInt64(random.Int64N(1e6), uint8(random.IntN(3))), 1+random.Int64N(50)
			sum.add(meanAndRest(day, n))
			mean, _ := new(big.Rat).SetString(day.String())
			exact.Add(exact, mean.Quo(mean, new(big.Rat).SetInt64(n)))
		}
		want, _ := exact.Quo(exact, new(big.Rat).SetInt64(365)).Float64()
		if got := sum.mean(); got != want {
			t.Fatalf("mean = %v, want %v", got, want)
		}
	}
}

func TestTotalCompensatesRounding(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		add  []string
		want float64
	}{
		"nothing":                   {nil, 0},
		"what plain addition loses": {[]string{"9007199254740992", "1", "-9007199254740992", "1"}, 0.5},
		"ten tenths":                {[]string{"0.1", "0.1", "0.1", "0.1", "0.1", "0.1", "0.1", "0.1", "0.1", "0.1"}, 0.1},
		"one and two tenths":        {[]string{"0.1", "0.2"}, 0.15},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sum total
			for _, x := range tt.add {
				sum.add(meanAndRest(udecimal.MustParse(x), 1))
			}
			if got := sum.mean(); got != tt.want {
				t.Errorf("mean = %v, want %v", got, tt.want)
			}
		})
	}
}
