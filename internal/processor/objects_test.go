// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/stats"
)

func threat(date, object string, count int64, labels stats.Labels, sums ...string) DailySum {
	return DailySum{Date: day(date), Key: stats.Key{Object: object}, Count: count, Sums: decimals(sums...), Labels: labels}
}

func TestAverageOnDate(t *testing.T) {
	t.Parallel()
	fire := stats.Labels{"Feu", "Fire", "Feuer", "Brand"}
	tests := map[string]struct {
		sums []DailySum
		want string
	}{
		"no stats": {want: `[]`},
		"one stat of one object": {
			sums: []DailySum{threat("2020-07-28", "a", 1, fire, "12", "36", "2.82")},
			want: `[{"object":"a","labels":{"label1":"Feu","label2":"Fire","label3":"Feuer","label4":"Brand"},
				"values":[{"date":"2020-07-28","count":12,"maxRisk":36,"averageRate":2.82}],
				"averages":{"count":12,"maxRisk":36,"averageRate":2.82}}]`,
		},
		"the mean of the stats of a day": {
			// Three stats: count (1+2+4)/3 = 2.333…, maxRisk (-1+0+5)/3 = 1.333…,
			// averageRate (0.1+0.2+0.3)/3 = 0.2.
			sums: []DailySum{threat("2020-01-01", "a", 3, stats.Labels{}, "7", "4", "0.6")},
			want: `[{"object":"a","labels":{"label1":"","label2":"","label3":"","label4":""},
				"values":[{"date":"2020-01-01","count":2.3333333333333335,"maxRisk":1.3333333333333333,"averageRate":0.2}],
				"averages":{"count":2.3333333333333335,"maxRisk":1.3333333333333333,"averageRate":0.2}}]`,
		},
		"averages are means of daily means, not of stats": {
			// Day 1: 30/3 = 10 of three stats; day 2: 20/1 = 20 of one.
			// Mean of means (10+20)/2 = 15; of stats it would be 50/4 = 12.5.
			sums: []DailySum{
				threat("2020-01-01", "a", 3, stats.Labels{}, "30", "3", "0.3"),
				threat("2020-01-02", "a", 1, stats.Labels{}, "20", "2", "0.2"),
			},
			want: `[{"object":"a","labels":{"label1":"","label2":"","label3":"","label4":""},"values":[
				{"date":"2020-01-01","count":10,"maxRisk":1,"averageRate":0.1},
				{"date":"2020-01-02","count":20,"maxRisk":2,"averageRate":0.2}],
				"averages":{"count":15,"maxRisk":1.5,"averageRate":0.15}}]`,
		},
		"rows by first date and then by object, days without stats left out": {
			sums: []DailySum{
				threat("2020-01-01", "z", 1, stats.Labels{}, "1", "1", "1"),
				threat("2020-01-01", "m", 1, stats.Labels{}, "2", "2", "2"),
				threat("2020-01-02", "a", 1, stats.Labels{}, "3", "3", "3"),
				threat("2020-01-03", "z", 2, stats.Labels{}, "6", "10", "4"),
			},
			want: `[
				{"object":"m","labels":{"label1":"","label2":"","label3":"","label4":""},
				"values":[{"date":"2020-01-01","count":2,"maxRisk":2,"averageRate":2}],
				"averages":{"count":2,"maxRisk":2,"averageRate":2}},
				{"object":"z","labels":{"label1":"","label2":"","label3":"","label4":""},
				"values":[{"date":"2020-01-01","count":1,"maxRisk":1,"averageRate":1},
				{"date":"2020-01-03","count":3,"maxRisk":5,"averageRate":2}],
				"averages":{"count":2,"maxRisk":3,"averageRate":1.5}},
				{"object":"a","labels":{"label1":"","label2":"","label3":"","label4":""},
				"values":[{"date":"2020-01-02","count":3,"maxRisk":3,"averageRate":3}],
				"averages":{"count":3,"maxRisk":3,"averageRate":3}}]`,
		},
		"labels of the newest day that has any": {
			sums: []DailySum{
				threat("2020-01-01", "a", 1, stats.Labels{"", "Old"}, "1", "1", "1"),
				threat("2020-01-02", "a", 1, stats.Labels{"", "New"}, "1", "1", "1"),
				threat("2020-01-03", "a", 1, stats.Labels{}, "1", "1", "1"),
			},
			want: `[{"object":"a","labels":{"label1":"","label2":"New","label3":"","label4":""},"values":[
				{"date":"2020-01-01","count":1,"maxRisk":1,"averageRate":1},
				{"date":"2020-01-02","count":1,"maxRisk":1,"averageRate":1},
				{"date":"2020-01-03","count":1,"maxRisk":1,"averageRate":1}],
				"averages":{"count":1,"maxRisk":1,"averageRate":1}}]`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkJSON(t, tt.want, process(t, "threat_average_on_date", tt.sums, nil))
			checkJSON(t, tt.want, process(t, "vulnerability_average_on_date", tt.sums, nil))
		})
	}
}

func TestByDateNamesDatesOfObjects(t *testing.T) {
	t.Parallel()
	sums := []DailySum{
		threat("2020-07-13", "b", 2, stats.Labels{}, "20", "71", "4.64"),
		threat("2020-07-14", "a", 1, stats.Labels{}, "8", "34", "3"),
		threat("2020-07-14", "b", 1, stats.Labels{}, "8", "34", "3"),
	}
	want := `{"a":{"2020-07-14":{"count":8,"maxRisk":34,"averageRate":3}},
		"b":{"2020-07-13":{"count":10,"maxRisk":35.5,"averageRate":2.32},
		"2020-07-14":{"count":8,"maxRisk":34,"averageRate":3}}}`
	checkJSON(t, want, encode(t, ByDate(averageOnDate(sums, nil))))
	checkJSON(t, `{}`, encode(t, ByDate(averageOnDate(nil, nil))))
}
