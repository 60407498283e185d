// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/stats"
)

func TestChooseMatchesNameAndType(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, processor string
		statsType       stats.Type
		want            string // part of the error; empty: the processor is found
	}{
		{"by name", "risk_averages", "", ""},
		{"by name and type", "risk_averages", stats.Risk, ""},
		{"no name", "", stats.Threat, "is required: choose one of threat_average_on_date"},
		{"unknown", "threats", stats.Threat, "is not known: choose one of threat_average_on_date"},
		{"unknown of any type", "x", "", "cartography_averages, compliance_averages, risk_averages"},
		{"of another type", "risk_averages", stats.Threat, "works on stats of type risk, not threat"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, err := Choose(test.processor, test.statsType)
			if test.want == "" {
				if err != nil || p.Name != test.processor {
					t.Errorf("got %q, %v, want the processor", p.Name, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that says %q", err, test.want)
			}
		})
	}
}
