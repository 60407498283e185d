// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		tally  tally
		quoted bool
		want   string
	}{
		{"rounded up", tally{count: 3, highest: 48, rates: 8}, false, `3,"maxRisk":48,"averageRate":2.67}`},
		{"rounded down", tally{count: 3, highest: 48, rates: 7}, true, `3,"maxRisk":48,"averageRate":"2.33"}`},
		{"one decimal", tally{count: 2, rates: 5}, true, `2,"maxRisk":0,"averageRate":"2.5"}`},
		{"whole", tally{count: 2, rates: 2}, true, `2,"maxRisk":0,"averageRate":"1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, string(tt.tally.appendValues(nil, tt.quoted))); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}
