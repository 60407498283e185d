// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/stats"
)

func risk(date, state, kind, level string, count int64, sum string) DailySum {
	return DailySum{
		Date: day(date), Key: stats.Key{State: state, Kind: kind, Level: level}, Count: count, Sums: decimals(sum),
	}
}

// riskSums returns the sums of two days: three stats on the first, one on the second.
func riskSums() []DailySum {
	return []DailySum{
		risk("2020-10-01", stats.Current, stats.Informational, stats.LowRisks, 3, "100"),
		risk("2020-10-01", stats.Current, stats.Informational, stats.HighRisks, 3, "10"),
		risk("2020-10-01", stats.Residual, stats.Operational, stats.MediumRisks, 2, "5"),
		risk("2020-10-12", stats.Current, stats.Informational, stats.LowRisks, 1, "0"),
		risk("2020-10-12", stats.Current, stats.Informational, stats.HighRisks, 1, "6"),
	}
}

func TestRiskAverages(t *testing.T) {
	t.Parallel()
	zeros := `{"Low risks":0,"Medium risks":0,"High risks":0}`
	tests := map[string]struct {
		sums   []DailySum
		params Params
		want   string
	}{
		"no stats": {
			want: `{"current":{"informational":` + zeros + `,"operational":` + zeros + `},
				"residual":{"informational":` + zeros + `,"operational":` + zeros + `}}`,
		},
		"over all stats of all days": {
			// Low: (100+0)/(3+1) = 25, high: (10+6)/(3+1) = 4, medium: 5/2 = 2.5.
			sums: riskSums(),
			want: `{"current":{"informational":{"Low risks":25,"Medium risks":0,"High risks":4},"operational":` + zeros + `},
				"residual":{"informational":` + zeros + `,"operational":{"Low risks":0,"Medium risks":2.5,"High risks":0}}}`,
		},
		"one state": {
			sums:   riskSums(),
			params: Params{ParamState: {stats.Residual}},
			want:   `{"residual":{"informational":` + zeros + `,"operational":{"Low risks":0,"Medium risks":2.5,"High risks":0}}}`,
		},
		"one kind": {
			sums:   riskSums(),
			params: Params{ParamKind: {stats.Informational}},
			want: `{"current":{"informational":{"Low risks":25,"Medium risks":0,"High risks":4}},
				"residual":{"informational":` + zeros + `}}`,
		},
		"both values in any order are everything": {
			sums:   riskSums(),
			params: Params{ParamKind: {stats.Operational, stats.Informational}, ParamState: {stats.Residual}},
			want:   `{"residual":{"informational":` + zeros + `,"operational":{"Low risks":0,"Medium risks":2.5,"High risks":0}}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkJSON(t, tt.want, process(t, "risk_averages", tt.sums, tt.params))
		})
	}
}

func TestRiskAveragesOnDate(t *testing.T) {
	t.Parallel()
	none := `{"Low risks":[],"Medium risks":[],"High risks":[]}`
	tests := map[string]struct {
		sums   []DailySum
		params Params
		want   string
	}{
		"no stats": {
			want: `{"current":{"informational":` + none + `,"operational":` + none + `},
				"residual":{"informational":` + none + `,"operational":` + none + `}}`,
		},
		"the mean of each day": {
			// 100/3 = 33.333…, 0/1 = 0; 10/3 = 3.333…, 6/1 = 6.
			sums:   riskSums(),
			params: Params{ParamState: {stats.Current}, ParamKind: {stats.Informational}},
			want: `{"current":{"informational":{
				"Low risks":[{"date":"2020-10-01","value":33.333333333333336},{"date":"2020-10-12","value":0}],
				"Medium risks":[],
				"High risks":[{"date":"2020-10-01","value":3.3333333333333335},{"date":"2020-10-12","value":6}]}}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkJSON(t, tt.want, process(t, "risk_averages_on_date", tt.sums, tt.params))
		})
	}
}

func TestByDateNamesDatesOfRisks(t *testing.T) {
	t.Parallel()
	params := Params{ParamState: {stats.Current}, ParamKind: {stats.Informational}}
	want := `{"current":{"informational":{
		"Low risks":{"2020-10-01":33.333333333333336,"2020-10-12":0},
		"Medium risks":{},
		"High risks":{"2020-10-01":3.3333333333333335,"2020-10-12":6}}}}`
	checkJSON(t, want, encode(t, ByDate(riskAveragesOnDate(riskSums(), params))))

	averages := riskAverages(riskSums(), params)
	checkJSON(t, encode(t, averages), encode(t, ByDate(averages)))
}
