// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/quagmt/udecimal"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, want string
		decimals   int
	}{
		{"0", "0", 0},
		{"-0", "0", 0},
		{"-0.00e5", "0", 0},
		{"0e-999999999999999999999", "0", 0},
		{"12", "12", 0},
		{"2.82", "2.82", 2},
		{"-2.820", "-2.82", 2},
		{"1.0", "1", 0},
		{"100", "100", 0},
		{"1e0", "1", 0},
		{"2.82E1", "28.2", 1},
		{"2.82e+1", "28.2", 1},
		{"282e-2", "2.82", 2},
		{"1000000000", "1000000000", 0},
		{"-1e9", "-1000000000", 0},
		{"0.000000000000000000001e30", "1000000000", 0},
		{"1000000000000000000000e-20", "10", 0},
		{"0.123456789012345678", "0.123456789012345678", 18},
		{"999999999.123456789012345678", "999999999.123456789012345678", 18},
		// Half to even, in both directions and signs.
		{"0.1234567890123456785", "0.123456789012345678", 18},
		{"0.1234567890123456775", "0.123456789012345678", 18},
		{"0.12345678901234567850000001", "0.123456789012345679", 18},
		{"-0.1234567890123456785", "-0.123456789012345678", 18},
		{"0.9999999999999999999", "1", 0},
		{"5e-19", "0", 0},
		{"15e-19", "0.000000000000000002", 18},
		{"1e-99", "0", 0},
		{"-1e-999999999999", "0", 0},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			got, err := parseDecimal([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(udecimal.MustParse(tt.want)) || got.Prec() != tt.decimals {
				t.Errorf("got %s with %d decimals, want %s with %d", got, got.Prec(), tt.want, tt.decimals)
			}
		})
	}
}

func TestParseDecimalRefusesOtherText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "01", "-01", "+1", "1e", "1e+", "1e1.5", "1,5", "1 ", " 1", "0x1", "1_000",
		"NaN", "Infinity", "--1", "1.2.3", "e5", "١",
	} {
		if got, err := parseDecimal([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, got)
		} else if want := strconv.Quote(text) + " is not a number"; err.Error() != want {
			t.Errorf("%q: error %q, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		"1000000001", "-1000000001", "1000000000.000000000000000001", "1e10", "1e99", "1e999999999999999999",
		"9999999999999999999999999999999999999999", "99999999999999999",
	} {
		if got, err := parseDecimal([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, got)
		} else if want := text + " is not between -1000000000 and 1000000000"; err.Error() != want {
			t.Errorf("%q: error %q, want %q", text, err, want)
		}
	}
}

// TestParseDecimalIsExact compares random numbers with rational arithmetic.
func TestParseDecimalIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		text := randomNumber(random)
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("the test makes %q", text)
		}
		got, err := parseDecimal([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		rational, _ := new(big.Rat).SetString(got.String())
		distance := rational.Sub(rational, exact)
		if distance.Abs(distance).Cmp(big.NewRat(1, 2e18)) > 0 || (len(text) < 18 && distance.Sign() != 0) {
			t.Fatalf("%s is read as %s", text, got)
		}
	}
}

// randomNumber returns a number below 10^9 of at most 40 characters.
func randomNumber(random *rand.Rand) string {
	text := strconv.FormatInt(random.Int64N(1e9), 10)
	if n := random.IntN(25); n > 0 {
		fraction := ""
		for range n {
			fraction += strconv.Itoa(random.IntN(10))
		}
		text += "." + fraction
	}
	if random.IntN(2) == 0 {
		text = "-" + text
	}
	if random.IntN(4) == 0 {
		text += "e-" + strings.Repeat("0", random.IntN(2)) + strconv.Itoa(random.IntN(10))
	}
	return text
}
