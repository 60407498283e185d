// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":            `"plain"`,
		"Dégât":            `"D\u00e9g\u00e2t"`,
		"ISO/IEC":          `"ISO\/IEC"`,
		`say "a\b"`:        `"say \"a\\b\""`,
		"tab\tand 😀 emoji": `"tab\u0009and \ud83d\ude00 emoji"`,
	} {
		if diff := cmp.Diff(want, string(appendString(nil, text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestAppendMap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		keys []int
		want string
	}{
		{"empty", nil, `[]`},
		{"from zero without a gap", []int{0, 1, 2}, `["v","v","v"]`},
		{"only zero", []int{0}, `["v"]`},
		{"from one", []int{1, 2}, `{"1":"v","2":"v"}`},
		{"gap", []int{0, 2}, `{"0":"v","2":"v"}`},
		{"last", []int{4}, `{"4":"v"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var present [5]bool
			for _, key := range tt.keys {
				present[key] = true
			}
			got := appendMap(nil, len(present),
				func(key int) bool { return present[key] },
				func(dst []byte, _ int) []byte { return append(dst, `"v"`...) })
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}
