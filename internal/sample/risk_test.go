// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import "testing"

func TestLevelOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind, risk int
		want       string
	}{
		{ofInformation, 9, "Low risks"},
		{ofInformation, 10, "Medium risks"},
		{ofInformation, 27, "Medium risks"},
		{ofInformation, 28, "High risks"},
		{ofOperation, 4, "Low risks"},
		{ofOperation, 9, "High risks"},
	}
	for _, tt := range tests {
		if got := levelNames[levelOf(tt.kind, tt.risk)]; got != tt.want {
			t.Errorf("%s risk %d: %s, want %s", kindNames[tt.kind], tt.risk, got, tt.want)
		}
	}
}
