// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
)

// FuzzFilter reads the bodies of filters: every fault names its field, and what is taken
// can be written as JSON again.
func FuzzFilter(f *testing.F) {
	for _, body := range []string{
		`{"type":"risk","limit":"5","anrs":["b402d4d8-4576-11e9-9173-0800277f0571"],"get_last":"1"}`,
		`{"processor":"risk_averages","processor_params":{"risks_type":["operational"]},"anrs":null,"local_stats_only":1}`,
		`{"limit":-1,"offset":1e400,"x":{"x":1}}`, `{"anrs":{"0":"b"}}`, `[]`, `null`, ``, `{"limit":1,"limit":2}`, `{"type":"\ud800"}`, "{\"\xff\":1}", `{"":""}`, `{"processor_params":[[[]]]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, target := range []any{new(api.StatsQuery), new(api.ProcessingQuery), new(api.ComparisonQuery), new(api.ClientPatch), new(api.ClientCreation)} {
			err := decodeStrict(body, target)
			if err == nil {
				if _, err := json.Marshal(target); err != nil {
					t.Errorf("%T was read from %q, and cannot be written: %v", target, body, err)
				}
				continue
			}
			invalid, one := errors.AsType[*stats.InvalidError](err)
			if several, ok := errors.AsType[*membersError](err); ok {
				invalid, one = several.errors, true
			}
			if !one || len(invalid.Fields) == 0 {
				t.Errorf("%T from %q: the error %v (%T) names no field", target, body, err, err)
				continue
			}
			for field, reason := range invalid.Fields {
				if reason == "" || len(field) > 2_000 || utf8.ValidString(string(body)) && !utf8.ValidString(field+reason) {
					t.Errorf("%T from %q: field %q, reason %q", target, body, field, reason)
				}
			}
		}
	})
}
