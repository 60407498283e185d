// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"math"
	"math/big"

	"github.com/quagmt/udecimal"
)

// exactFloat bounds the integers that float64 represents without rounding.
const exactFloat = 1 << 53

// pow10 holds the scales of decimals with 0 to 15 digits after the point. Mean has no
// fast path for more digits.
var pow10 = [...]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
}

// Mean returns the float64 that is nearest to sum/n, and 0 when n is not positive.
func Mean(sum udecimal.Decimal, n int64) float64 {
	mean, _ := meanAndRest(sum, n)
	return mean
}

// meanAndRest returns the Mean and its rounding error, so that means of means need not
// start from rounded ones.
func meanAndRest(sum udecimal.Decimal, n int64) (mean, rest float64) {
	if n <= 0 {
		return 0, 0
	}
	negative, hi, lo, prec, small := sum.ToHiLo()
	if !small || hi != 0 || lo >= exactFloat || int(prec) >= len(pow10) || n >= exactFloat/pow10[prec] {
		return exactMean(sum, n)
	}
	// Both operands are exact, so only the division rounds.
	dividend, divisor := float64(lo), float64(n*pow10[prec])
	if negative {
		dividend = -dividend
	}
	mean = dividend / divisor
	return mean, math.FMA(-mean, divisor, dividend) / divisor
}

// exactMean is meanAndRest for sums and counts that float64 cannot hold.
func exactMean(sum udecimal.Decimal, n int64) (mean, rest float64) {
	quotient := new(big.Rat)
	quotient.SetString(sum.String()) // cannot fail: a decimal prints as a decimal
	quotient.Quo(quotient, new(big.Rat).SetInt64(n))
	mean, _ = quotient.Float64()
	rest, _ = quotient.Sub(quotient, new(big.Rat).SetFloat64(mean)).Float64()
	return mean, rest
}

// total adds means with Neumaier's compensated summation. With their rounding errors,
// the mean of 0.1 and 0.2 is 0.15, as a reader computes by hand.
type total struct {
	sum, lost float64
	n         int
}

func (t *total) add(mean, rest float64) {
	t.n++
	sum := t.sum + mean
	if math.Abs(t.sum) >= math.Abs(mean) {
		t.lost += (t.sum - sum) + mean
	} else {
		t.lost += (mean - sum) + t.sum
	}
	t.lost += rest
	t.sum = sum
}

// mean returns 0 when nothing was added.
func (t *total) mean() float64 {
	if t.n == 0 {
		return 0
	}
	sum, n := t.sum+t.lost, float64(t.n)
	rest := t.lost - (sum - t.sum)
	mean := sum / n
	return mean + (math.FMA(-mean, n, sum)+rest)/n
}
