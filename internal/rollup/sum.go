// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"math"
	"math/bits"

	"github.com/quagmt/udecimal"
)

// sum adds amounts exactly. It uses an int64 while the sum fits, which it always does
// for MONARC's data, and a decimal of any size from then on.
type sum struct {
	coef  int64
	scale uint8
	moved *udecimal.Decimal // the part that did not fit, in addition to coef / 10^scale; immutable, since copies of the sum share it
}

func (s *sum) add(a amount) {
	if a.long != nil {
		s.move(*a.long)
		return
	}
	if !s.addShort(a.coef, a.scale) {
		total := s.total()
		*s = sum{coef: a.coef, scale: a.scale, moved: &total}
	}
}

func (s *sum) addSum(other *sum) {
	s.add(amount{coef: other.coef, scale: other.scale})
	if other.moved != nil {
		s.move(*other.moved)
	}
}

func (s *sum) move(d udecimal.Decimal) {
	if s.moved != nil {
		d = d.Add(*s.moved)
	}
	s.moved = &d
}

// addShort adds coef / 10^scale unless the result does not fit.
func (s *sum) addShort(coef int64, scale uint8) bool {
	own, ok := s.coef, true
	switch {
	case scale > s.scale:
		own, ok = shift(own, scale-s.scale)
	case scale < s.scale:
		coef, ok = shift(coef, s.scale-scale)
	}
	total, fits := addInt64(own, coef)
	if !ok || !fits {
		return false
	}
	s.coef, s.scale = total, max(s.scale, scale)
	return true
}

// total is the sum of all amounts.
func (s *sum) total() udecimal.Decimal {
	total := udecimal.MustFromInt64(s.coef, s.scale) // scale is at most maxScale
	if s.moved != nil {
		total = total.Add(*s.moved)
	}
	return total
}

func (s *sum) isZero() bool {
	if s.moved == nil {
		return s.coef == 0
	}
	return s.total().IsZero()
}

// amount is the total in its shortest form, without trailing zeros: equal sums
// are packed to equal bytes.
func (s *sum) amount() amount {
	if s.moved != nil {
		total := udecimal.MustParse(s.total().String()) // String trims zeros, arithmetic does not
		return amountOf(total)
	}
	a := amount{coef: s.coef, scale: s.scale}
	for a.scale > 0 && a.coef%10 == 0 {
		a.coef /= 10
		a.scale--
	}
	return a
}

// powers holds the powers of ten that an int64 can be.
var powers = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// shift multiplies by 10^digits; ok is false when the product does not fit.
func shift(value int64, digits uint8) (product int64, ok bool) {
	if value == 0 {
		return 0, true
	}
	if int(digits) >= len(powers) || value == math.MinInt64 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(max(value, -value)), uint64(powers[digits]))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if value < 0 {
		return -int64(lo), true
	}
	return int64(lo), true
}

// addInt64 adds; ok is false when the total does not fit.
func addInt64(a, b int64) (total int64, ok bool) {
	total = a + b
	return total, (total > a) == (b > 0)
}
