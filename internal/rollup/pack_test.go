// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/payloads"
	"github.com/monarc-project/stats-service/internal/stats"
)

// decimals compares by value: 1.50 equals 1.5.
var decimals = cmp.Options{
	cmp.AllowUnexported(sample{}),
	cmpopts.IgnoreFields(sample{}, "count"),
	cmp.Comparer(func(a, b amount) bool { return a.decimal().Equal(b.decimal()) }),
}

func amountFrom(text string) amount { return amountOf(udecimal.MustParse(text)) }

func TestPackWritesTheDocumentedBytes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		samples []sample
		width   int
		want    []byte
	}{
		"nothing measured": {nil, 3, []byte{1, 3}},
		"one value": {
			[]sample{{subject: 5, values: [3]amount{{coef: 7}}}}, 1,
			[]byte{1, 1, 5 /* scale 0, zigzag 7 */, 0, 14},
		},
		"three values, difference to the previous subject": {
			[]sample{
				{subject: 300, values: [3]amount{{coef: 1}, {coef: -1}, {coef: 282, scale: 2}}},
				{subject: 301},
			}, 3,
			[]byte{1, 3 /* 300 */, 0xac, 2, 0, 2, 0, 1, 2, 0xb4, 4 /* +1 */, 1, 0, 0, 0, 0, 0, 0},
		},
		"long form": {
			[]sample{{subject: 1, values: [3]amount{amountFrom("-9223372036854775808")}}}, 1,
			// negative, scale 0; high word 0; low word 2^63
			[]byte{1, 1, 1, 0xc0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pack(observed, tc.samples, tc.width)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("packed (-want +got):\n%s", diff)
			}
			back, err := unpack(observed, got, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.samples, back, decimals); diff != "" {
				t.Errorf("unpacked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTotalsLeaveOutWhatIsZero(t *testing.T) {
	t.Parallel()
	sums := Totals{}
	key := Key{Type: "risk", Day: 19844}
	one, err := pack(observed, []sample{{subject: 5, values: [3]amount{{coef: 15, scale: 1}}}, {subject: 7}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		sign int64
		want []byte
	}{
		{1, []byte{2, 1 /* 5 */, 5, 2, 1, 30 /* 7 */, 2, 2, 0, 0}},
		{1, []byte{2, 1, 5, 4, 0, 6, 2, 4, 0, 0}}, // 1.5 + 1.5 is 3, without a trailing zero
		{-1, []byte{2, 1, 5, 2, 1, 30, 2, 2, 0, 0}},
		{-1, nil}, // a total of zero is left out
		{-1, []byte{2, 1, 5, 1, 1, 29, 2, 1, 0, 0}},
	}
	for i, step := range steps {
		if err := sums.Observe(key, one, step.sign); err != nil {
			t.Fatal(err)
		}
		got, err := sums[key].pack(1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestPackKeepsValuesExactly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "1", "-1", "2.82", "0.0000000000000000001", "-0.5", "1000000000",
		"9223372036854775807", "9223372036854775808", "-9223372036854775807", "-9223372036854775809",
		"999999999.999999999999999999", "-999999999.999999999999999999",
		"34028236692093846346.3374607431768211455", // 2^128 - 1 at scale 19
	} {
		packed, err := pack(observed, []sample{{subject: math.MaxInt64, values: [3]amount{amountFrom(text)}}}, 1)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := unpack(observed, packed, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(text, got[0].values[0].decimal().String()); diff != "" {
			t.Errorf("value (-want +got):\n%s", diff)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	for name, samples := range map[string][]sample{
		"no subject":      {{subject: 0}},
		"same subject":    {{subject: 4}, {subject: 4}},
		"unsorted":        {{subject: 4}, {subject: 3}},
		"beyond 128 bits": {{subject: 1, values: [3]amount{amountFrom("1" + string(bytes.Repeat([]byte("0"), 40)))}}},
	} {
		if packed, err := pack(observed, samples, 1); err == nil {
			t.Errorf("%s: got %x, want an error", name, packed)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	for name, packed := range map[string][]byte{
		"null":                    nil,
		"empty":                   {},
		"form only":               {1},
		"another form":            {2, 1},
		"unknown width":           {1, 2},
		"subject 0":               {1, 1, 0, 0, 0},
		"subject twice":           {1, 1, 5, 0, 0, 0, 0, 0},
		"no value":                {1, 1, 5},
		"half a value":            {1, 1, 5, 0},
		"too few values":          {1, 3, 5, 0, 2, 0, 2},
		"endless number":          {1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
		"subject beyond int64":    {1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0},
		"unknown head bit":        {1, 1, 5, 0x20, 0},
		"negative without long":   {1, 1, 5, 0x40, 0},
		"scale beyond 19":         {1, 1, 5, 20, 0},
		"half of the long form":   {1, 1, 5, 0x80, 0},
		"good one before the bad": {1, 1, 5, 0, 2, 1, 0},
	} {
		if got, err := unpack(observed, packed, nil); !errors.Is(err, errDamaged) || got != nil {
			t.Errorf("%s: got %v, %v; want errDamaged", name, got, err)
		}
	}
}

// packedDocument packs the observations of a document; ids count them from 1.
func packedDocument(t testing.TB, of stats.Type, data []byte) []byte {
	t.Helper()
	document, err := stats.ReadDocument(of, data)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int64, len(document.Observations))
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	packed, err := Pack(of, document.Observations, ids)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// FuzzUnpack checks that samples survive being packed and unpacked again.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{1, 3, 5, 0, 2, 0, 2, 2, 0xb4, 4})
	f.Add([]byte{1, 1, 1, 0xc0, 1, 1})
	f.Add([]byte{1, 1, 5, 0x93, 0xff, 1, 7, 1, 19, 1})
	for _, item := range payloads.Items(f) {
		f.Add(packedDocument(f, stats.Type(item.Type), item.Data))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		first, err := unpack(observed, packed, nil)
		if err != nil {
			return
		}
		again, err := pack(observed, first, int(packed[1]))
		if err != nil {
			t.Fatalf("%x unpacks but does not pack: %v", packed, err)
		}
		second, err := unpack(observed, again, nil)
		if err != nil {
			t.Fatalf("%x became %x: %v", packed, again, err)
		}
		if diff := cmp.Diff(first, second, decimals); diff != "" {
			t.Errorf("%x became %x (-first +second):\n%s", packed, again, diff)
		}
	})
}

// TestSumIsExact compares sums that change their scale, overflow and shrink again with
// rational arithmetic.
func TestSumIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var got sum
		want := new(big.Rat)
		for range random.IntN(30) {
			text := randomDecimal(random)
			got.add(amountFrom(text))
			exact, _ := new(big.Rat).SetString(text)
			want.Add(want, exact)
		}
		total, _ := new(big.Rat).SetString(got.total().String())
		if total.Cmp(want) != 0 {
			t.Fatalf("sum is %s, want %s", total.RatString(), want.RatString())
		}
	}
}

func TestSumLeavesInt64Exactly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		amounts []amount
		want    string
	}{
		"none":                 {nil, "0"},
		"scales meet":          {[]amount{{coef: 15, scale: 1}, {coef: 25, scale: 2}}, "1.75"},
		"finer first":          {[]amount{{coef: 25, scale: 2}, {coef: 15, scale: 1}}, "1.75"},
		"overflow":             {[]amount{{coef: math.MaxInt64}, {coef: 1}}, "9223372036854775808"},
		"underflow":            {[]amount{{coef: math.MinInt64}, {coef: -1}}, "-9223372036854775809"},
		"least int64 rescaled": {[]amount{{coef: math.MinInt64}, {coef: 1, scale: 1}}, "-9223372036854775807.9"},
		"scale overflows":      {[]amount{{coef: 1_000_000_000}, {coef: 1, scale: 19}}, "1000000000.0000000000000000001"},
		"cancels out":          {[]amount{{coef: 5, scale: 3}, {coef: -5, scale: 3}}, "0"},
		"zero added":           {[]amount{{coef: 5}, {}}, "5"},
		"long":                 {[]amount{{coef: 5}, amountFrom("18446744073709551616")}, "18446744073709551621"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s sum
			for _, a := range tc.amounts {
				s.add(a)
			}
			if diff := cmp.Diff(tc.want, s.total().String()); diff != "" {
				t.Errorf("sum (-want +got):\n%s", diff)
			}
		})
	}
}

// randomDecimal has up to 18 decimals and is small, huge or in between.
func randomDecimal(random *rand.Rand) string {
	coef := random.Int64() >> random.IntN(63)
	if random.IntN(2) == 0 {
		coef = -coef
	}
	return udecimal.MustFromInt64(coef, uint8(random.IntN(19))).String()
}
