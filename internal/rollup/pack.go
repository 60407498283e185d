// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Packed observations are those of one document, in the column document.observations.
// Packed totals, in rollup.packed and rollup_delta.packed, are sums of observations:
//
//	form      1 byte    1 observations, 2 totals
//	width     1 byte    values of each observation: 3 for threats and
//	                    vulnerabilities, 1 for every other type
//	then, in ascending order of subject id, for each observation
//	subject   uvarint   difference to the previous subject id (to 0 at first)
//	count     varint    in totals only: zigzag number of stats, below 0 in a
//	                    delta that subtracts
//	values    width of:
//	  head    1 byte    bits 0-4 scale: digits after the decimal point, 0 to 19
//	                    bit 6 negative, in the long form only
//	                    bit 7 long form
//	  short   varint    zigzag coefficient, an int64
//	  long    2 uvarint upper and lower 64 bits of the coefficient's magnitude
//
// The value is coefficient / 10^scale, exactly.
const (
	maxWidth = 3

	headScale    = 0x1f
	headNegative = 0x40
	headLong     = 0x80
	headUnused   = 0x20

	maxScale = 19 // the most that udecimal holds
)

var errDamaged = errors.New("damaged packed observations")

// form is the kind of packed bytes, stored in their first byte.
type form byte

const (
	observed form = 1
	totalled form = 2
)

// sample is one observation or a total of several, in packed form.
type sample struct {
	subject int64
	count   int64 // of stats: 1 for an observation
	values  [maxWidth]amount
}

// amount is a decimal number: coef / 10^scale, or long when that is not nil.
type amount struct {
	coef  int64
	scale uint8
	long  *udecimal.Decimal
}

// sampleBuffers reuses buffers of samples that do not outlive a call.
var sampleBuffers = sync.Pool{New: func() any { return new([]sample) }}

// widthOf returns the number of values of each observation of the type.
func widthOf(t stats.Type) int {
	if t == stats.Threat || t == stats.Vulnerability {
		return 3
	}
	return 1
}

// pack encodes samples, which must be sorted by subject without repetition.
func pack(f form, samples []sample, width int) ([]byte, error) {
	packed := make([]byte, 0, 2+len(samples)*(2+3*width))
	packed = append(packed, byte(f), byte(width))
	var previous int64
	for i := range samples {
		m := &samples[i]
		if m.subject <= previous {
			return nil, fmt.Errorf("pack observations: subject %d follows %d", m.subject, previous)
		}
		packed = binary.AppendUvarint(packed, uint64(m.subject-previous))
		previous = m.subject
		if f == totalled {
			packed = binary.AppendVarint(packed, m.count)
		}
		var err error
		for _, value := range m.values[:width] {
			if packed, err = appendAmount(packed, value); err != nil {
				return nil, err
			}
		}
	}
	return packed, nil
}

func appendAmount(b []byte, a amount) ([]byte, error) {
	if a.long == nil {
		return binary.AppendVarint(append(b, a.scale), a.coef), nil
	}
	negative, hi, lo, scale, ok := a.long.ToHiLo()
	if !ok {
		return nil, fmt.Errorf("pack observations: %s has more than 128 bits", a.long)
	}
	head := headLong | scale
	if negative {
		head |= headNegative
	}
	return binary.AppendUvarint(binary.AppendUvarint(append(b, head), hi), lo), nil
}

// amountOf uses the short form whenever the coefficient fits.
func amountOf(d udecimal.Decimal) amount {
	negative, hi, lo, scale, ok := d.ToHiLo()
	if !ok || hi != 0 || lo > math.MaxInt64 {
		return amount{long: &d}
	}
	coef := int64(lo)
	if negative {
		coef = -coef
	}
	return amount{coef: coef, scale: scale}
}

// times multiplies the value by n, exactly.
func (a amount) times(n int64) amount {
	switch {
	case n == 1:
		return a
	case a.long == nil && n == -1 && a.coef != math.MinInt64:
		return amount{coef: -a.coef, scale: a.scale}
	case a.long == nil && a.coef == 0:
		return a
	}
	if product := a.coef * n; a.long == nil && fitsInt32(a.coef) && fitsInt32(n) {
		return amount{coef: product, scale: a.scale}
	}
	product := a.decimal().Mul(udecimal.MustFromInt64(n, 0))
	return amount{long: &product}
}

func fitsInt32(n int64) bool { return n == int64(int32(n)) }

// decimal returns the value as a decimal number.
func (a amount) decimal() udecimal.Decimal {
	if a.long != nil {
		return *a.long
	}
	return udecimal.MustFromInt64(a.coef, a.scale) // scale is at most maxScale
}

func (a amount) isZero() bool {
	if a.long != nil {
		return a.long.IsZero()
	}
	return a.coef == 0
}

// unpack appends decoded observations or totals to buffer. On an error the result must
// not be used.
func unpack(f form, packed []byte, buffer []sample) ([]sample, error) {
	if len(packed) < 2 || packed[0] != byte(f) || (packed[1] != 1 && packed[1] != maxWidth) {
		return nil, fmt.Errorf("%w: unknown form or width", errDamaged)
	}
	width, r := int(packed[1]), unpacker{rest: packed[2:]}
	var subject int64
	for len(r.rest) > 0 {
		delta := r.uvarint()
		if delta == 0 || delta > uint64(math.MaxInt64-subject) {
			return nil, fmt.Errorf("%w: subjects out of order", errDamaged)
		}
		subject += int64(delta)
		m := sample{subject: subject, count: 1}
		if f == totalled {
			m.count = r.varint()
		}
		for i := range width {
			m.values[i] = r.amount()
		}
		if r.failed {
			return nil, fmt.Errorf("%w: bad value of subject %d", errDamaged, subject)
		}
		buffer = append(buffer, m)
	}
	return buffer, nil
}

// unpacker reads values from the front of rest until one is malformed.
type unpacker struct {
	rest   []byte
	failed bool
}

func (r *unpacker) uvarint() uint64 {
	value, n := binary.Uvarint(r.rest)
	r.advance(n)
	return value
}

func (r *unpacker) varint() int64 {
	value, n := binary.Varint(r.rest)
	r.advance(n)
	return value
}

// advance skips the n bytes of a value; n is not positive if the value was malformed.
func (r *unpacker) advance(n int) {
	if n <= 0 {
		r.failed = true
		return
	}
	r.rest = r.rest[n:]
}

func (r *unpacker) amount() amount {
	if len(r.rest) == 0 {
		r.failed = true
		return amount{}
	}
	head := r.rest[0]
	r.rest = r.rest[1:]
	scale := head & headScale
	if scale > maxScale || head&headUnused != 0 || head&(headLong|headNegative) == headNegative {
		r.failed = true
		return amount{}
	}
	if head&headLong == 0 {
		return amount{coef: r.varint(), scale: scale}
	}
	return r.longAmount(head&headNegative != 0, scale)
}

func (r *unpacker) longAmount(negative bool, scale uint8) amount {
	hi, lo := r.uvarint(), r.uvarint()
	d, err := udecimal.NewFromHiLo(negative, hi, lo, scale)
	if err != nil {
		r.failed = true
		return amount{}
	}
	return amount{long: &d}
}
