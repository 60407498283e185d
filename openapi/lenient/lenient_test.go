// SPDX-License-Identifier: AGPL-3.0-or-later

package lenient_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/openapi/lenient"
)

// rewritten reads text into a T and returns what it is written as, or the error.
func rewritten[T any](text string) string {
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return "error"
	}
	written, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(written)
}

func TestLenientSpellings(t *testing.T) {
	t.Parallel()
	const a, b = "b402d4d8-4576-11e9-9173-0800277f0571", "5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"
	tests := map[string]struct {
		rewrite func(string) string
		want    map[string]string // by what is read
	}{
		"integer": {rewritten[lenient.Integer], map[string]string{
			`0`: `0`, `5`: `5`, `"5"`: `5`, `"007"`: `7`, `999999999999999999`: `999999999999999999`,
			`-1`: "error", `"-1"`: "error", `1.5`: "error", `1e3`: "error", `""`: "error", `" 5"`: "error",
			`"+5"`: "error", `true`: "error", `[]`: "error", `1000000000000000000`: "error", `"٣"`: "error",
		}},
		"boolean": {rewritten[lenient.Boolean], map[string]string{
			`true`: `true`, `"true"`: `true`, `1`: `true`, `"1"`: `true`,
			`false`: `false`, `"false"`: `false`, `0`: `false`, `"0"`: `false`,
			`"TRUE"`: "error", `2`: "error", `""`: "error", `"yes"`: "error", `{}`: "error",
		}},
		"uuids": {rewritten[lenient.UUIDs], map[string]string{
			`null`: `null`, `[]`: `null`, `""`: `null`,
			`","`: "error", `[""]`: "error", `[null]`: "error",
			`["` + a + `"]`:             `["` + a + `"]`,
			`"` + a + ", " + b + `"`:    `["` + a + `","` + b + `"]`,
			`["` + a + "," + b + `"]`:   "error",
			`["` + a + `", "nonsense"]`: "error",
			`["{` + a + `}"]`:           "error",
			`["urn:uuid:` + a + `"]`:    "error",
			`[5]`:                       "error", `5`: "error", `{}`: "error", `true`: "error",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(map[string]string, len(tt.want))
			for text := range tt.want {
				got[text] = tt.rewrite(text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
