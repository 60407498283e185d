// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"

	"github.com/quagmt/udecimal"
)

const (
	maxNumberLen = 40  // characters of a measured number
	maxMagnitude = 1e9 // of a measured number
	maxDecimals  = 18  // of a measured number; more are rounded half to even

	// maxStoredLen and maxStoredExp bound numbers that are stored, but not measured.
	// PostgreSQL accepts far larger ones, but not every number that JSON can write.
	maxStoredLen = 400
	maxStoredExp = 400
)

var (
	notNegative = udecimal.Zero
	// notEvaluated is MONARC's value for a risk that nobody has evaluated.
	notEvaluated = udecimal.MustFromInt64(-1, 0)
	largest      = udecimal.MustFromInt64(maxMagnitude, 0)
)

// literal is a JSON number in parts: ±digits·10^exponent.
type literal struct {
	negative bool
	whole    []byte // digits before the point
	fraction []byte // digits after the point
	exponent []byte // sign and digits, or empty
}

// splitNumber splits text into its parts and reports whether it is a JSON number.
func splitNumber(text []byte) (n literal, ok bool) {
	rest, negative := bytes.CutPrefix(text, []byte("-"))
	n.negative = negative
	n.whole, rest = leadingDigits(rest)
	if len(n.whole) == 0 || (n.whole[0] == '0' && len(n.whole) > 1) {
		return n, false
	}
	if after, found := bytes.CutPrefix(rest, []byte(".")); found {
		n.fraction, rest = leadingDigits(after)
		if len(n.fraction) == 0 {
			return n, false
		}
	}
	if len(rest) == 0 {
		return n, true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return n, false
	}
	n.exponent = rest[1:]
	digits := n.exponent
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	digits, rest = leadingDigits(digits)
	return n, len(digits) > 0 && len(rest) == 0
}

func leadingDigits(text []byte) (digits, rest []byte) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// parseDecimal parses a measured number. Its error completes a sentence about the
// number.
func parseDecimal(text []byte) (udecimal.Decimal, error) {
	if len(text) > maxNumberLen {
		return udecimal.Zero, fmt.Errorf("must be a number of at most %d characters", maxNumberLen)
	}
	n, ok := splitNumber(text)
	if !ok {
		return udecimal.Zero, fmt.Errorf("%q is not a number", text)
	}
	d, ok := n.decimal()
	if !ok || d.Abs().GreaterThan(largest) {
		return udecimal.Zero, fmt.Errorf("%s is not between -%d and %d", text, int64(maxMagnitude), int64(maxMagnitude))
	}
	return d, nil
}

// decimal returns n with at most maxDecimals decimals and no trailing zeros;
// ok is false if n is certainly larger than maxMagnitude.
func (n literal) decimal() (d udecimal.Decimal, ok bool) {
	fraction := bytes.TrimRight(n.fraction, "0")
	if len(n.exponent) == 0 && len(n.whole)+len(fraction) <= maxDecimals {
		var coefficient int64
		for _, digits := range [...][]byte{n.whole, fraction} {
			for _, digit := range digits {
				coefficient = coefficient*10 + int64(digit-'0')
			}
		}
		if n.negative {
			coefficient = -coefficient
		}
		d, err := udecimal.NewFromInt64(coefficient, uint8(len(fraction)))
		return d, err == nil
	}
	return n.largeDecimal()
}

// largeDecimal implements decimal for numbers that do not fit the fast path.
func (n literal) largeDecimal() (d udecimal.Decimal, ok bool) {
	coefficient, _ := new(big.Int).SetString(string(n.whole)+string(n.fraction), 10)
	if coefficient.Sign() == 0 {
		return udecimal.Zero, true
	}
	exponent, ok := n.exponentWithin(2 * maxNumberLen)
	if !ok {
		// The digits cannot make up for such an exponent: far too large, or nearly zero.
		return udecimal.Zero, n.exponent[0] == '-'
	}
	shift := exponent - len(n.fraction) + maxDecimals
	rounded := shiftHalfEven(coefficient, shift)
	if n.negative {
		rounded.Neg(rounded)
	}
	return decimalOf(rounded)
}

// shiftHalfEven returns coefficient·10^shift, rounded half to even.
func shiftHalfEven(coefficient *big.Int, shift int) *big.Int {
	if shift >= 0 {
		return coefficient.Mul(coefficient, powerOfTen(shift))
	}
	divisor := powerOfTen(-shift)
	quotient, remainder := new(big.Int).QuoRem(coefficient, divisor, new(big.Int))
	half := remainder.Lsh(remainder, 1).Cmp(divisor)
	if half > 0 || (half == 0 && quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}

// decimalOf returns scaled/10^maxDecimals without trailing zeros; ok is false
// when it is larger than maxMagnitude.
func decimalOf(scaled *big.Int) (d udecimal.Decimal, ok bool) {
	bound := powerOfTen(maxDecimals)
	if scaled.CmpAbs(bound.Mul(bound, big.NewInt(maxMagnitude))) > 0 {
		return udecimal.Zero, false
	}
	decimals := maxDecimals
	ten, remainder := big.NewInt(10), new(big.Int)
	for decimals > 0 {
		shorter, _ := new(big.Int).QuoRem(scaled, ten, remainder)
		if remainder.Sign() != 0 {
			break
		}
		scaled = shorter
		decimals--
	}
	hi := new(big.Int).Rsh(new(big.Int).Abs(scaled), 64).Uint64()
	lo := new(big.Int).And(new(big.Int).Abs(scaled), new(big.Int).SetUint64(1<<64-1)).Uint64()
	d, err := udecimal.NewFromHiLo(scaled.Sign() < 0, hi, lo, uint8(decimals))
	return d, err == nil
}

func powerOfTen(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// exponentWithin returns the exponent and whether its magnitude is at most limit.
func (n literal) exponentWithin(limit int) (exponent int, ok bool) {
	if len(n.exponent) == 0 {
		return 0, true
	}
	exponent, err := strconv.Atoi(string(n.exponent))
	return exponent, err == nil && -limit <= exponent && exponent <= limit
}

// storable reports whether text, a JSON number, can be stored unchanged.
func storable(text []byte) bool {
	n, _ := splitNumber(text)
	_, ok := n.exponentWithin(maxStoredExp)
	return ok && len(text) <= maxStoredLen
}
