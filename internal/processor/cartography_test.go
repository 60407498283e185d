// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/stats"
)

func cell(date, state, kind, impact, likelihood string, count int64, sum string) DailySum {
	key := stats.Key{State: state, Kind: kind, Impact: impact, Likelihood: likelihood}
	return DailySum{Date: day(date), Key: key, Count: count, Sums: decimals(sum)}
}

func cartographySums() []DailySum {
	return []DailySum{
		cell("2020-01-01", stats.Current, stats.Informational, "10", "2", 1, "3"),
		cell("2020-01-01", stats.Current, stats.Informational, "2", "10", 2, "7"),
		cell("2020-01-01", stats.Current, stats.Informational, "", "", 3, "0"),
		cell("2020-01-01", stats.Residual, stats.Operational, "0", "0", 1, "1"),
		cell("2020-01-01", stats.Residual, stats.Operational, "", "", 1, "0"),
		cell("2020-01-02", stats.Current, stats.Informational, "2", "9", 1, "1"),
		cell("2020-01-02", stats.Current, stats.Informational, "2", "10", 1, "1"),
		cell("2020-01-02", stats.Current, stats.Informational, "", "", 1, "0"),
		cell("2020-01-02", stats.Current, stats.Operational, "", "", 1, "0"),
	}
}

func TestCartographyAverages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sums   []DailySum
		params Params
		want   string
	}{
		"no stats": {want: `{}`},
		"the sum of a cell by the number of maps": {
			// Four maps of current informational risks (3+1): cell 2/9 is 1/4,
			// cell 2/10 is (7+1)/4 = 2, cell 10/2 is 3/4.
			sums: cartographySums(),
			want: `{"current":{"informational":{"2":{"9":0.25,"10":2},"10":{"2":0.75}},"operational":{}},
				"residual":{"operational":{"0":{"0":1}}}}`,
		},
		"one state": {
			sums:   cartographySums(),
			params: Params{ParamState: {stats.Residual}},
			want:   `{"residual":{"operational":{"0":{"0":1}}}}`,
		},
		"one kind": {
			sums:   cartographySums(),
			params: Params{ParamKind: {stats.Operational}},
			want:   `{"current":{"operational":{}},"residual":{"operational":{"0":{"0":1}}}}`,
		},
		"what is not evaluated comes before 0, under its own key": {
			sums: []DailySum{
				cell("2020-01-01", stats.Current, stats.Operational, "", "", 2, "0"),
				cell("2020-01-01", stats.Current, stats.Operational, "2", "0", 1, "6"),
				cell("2020-01-01", stats.Current, stats.Operational, "2", "-1", 1, "1"),
				cell("2020-01-01", stats.Current, stats.Operational, "-1", "-1", 1, "3"),
				cell("2020-01-01", stats.Current, stats.Operational, "-10", "-1", 1, "4"),
			},
			want: `{"current":{"operational":{"-10":{"-1":2},"-1":{"-1":1.5},"2":{"-1":0.5,"0":3}}}}`,
		},
		"cells that no map accounts for have no mean": {
			sums: []DailySum{cell("2020-01-01", stats.Current, stats.Informational, "1", "1", 1, "3")},
			want: `{}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkJSON(t, tt.want, process(t, "cartography_averages", tt.sums, tt.params))
		})
	}
}
