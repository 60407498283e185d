// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/stats"
)

func referential(date, object string, labels stats.Labels) DailySum {
	return DailySum{Date: day(date), Key: stats.Key{Object: object}, Count: 1, Labels: labels}
}

func category(date, object, state string, labels stats.Labels, count int64, sum string) DailySum {
	key := stats.Key{Object: object, State: state, Category: labels.Name()}
	return DailySum{Date: day(date), Key: key, Count: count, Sums: decimals(sum), Labels: labels}
}

func TestComplianceAverages(t *testing.T) {
	t.Parallel()
	iso, access, assets := stats.Labels{"", "ISO"}, stats.Labels{"Accès", "Access"}, stats.Labels{"Actifs"}
	empty := `{"label1":"","label2":"","label3":"","label4":""}`
	tests := map[string]struct {
		sums []DailySum
		want string
	}{
		"no stats": {want: `[]`},
		"current and target means over all days": {
			// Access: (0.5+0.25)/(1+2) = 0.25 now, 3/4 = 0.75 aimed at.
			sums: []DailySum{
				category("2020-01-01", "r", stats.Current, access, 1, "0.5"),
				referential("2020-01-01", "r", iso),
				category("2020-01-02", "r", stats.Current, access, 2, "0.25"),
				category("2020-01-02", "r", stats.Residual, access, 4, "3"),
				category("2020-01-02", "r", stats.Residual, assets, 3, "1"),
			},
			want: `[{"referential":"r","labels":{"label1":"","label2":"ISO","label3":"","label4":""},"categories":[
				{"labels":{"label1":"Accès","label2":"Access","label3":"","label4":""},"current":0.25,"target":0.75},
				{"labels":{"label1":"Actifs","label2":"","label3":"","label4":""},"current":null,"target":0.3333333333333333}]}]`,
		},
		"a value of zero is not null": {
			sums: []DailySum{referential("2020-01-01", "r", iso), category("2020-01-01", "r", stats.Current, access, 1, "0")},
			want: `[{"referential":"r","labels":{"label1":"","label2":"ISO","label3":"","label4":""},"categories":[
				{"labels":{"label1":"Accès","label2":"Access","label3":"","label4":""},"current":0,"target":null}]}]`,
		},
		"referentials by name and then by UUID, also without categories or labels": {
			sums: []DailySum{
				referential("2020-01-01", "a", stats.Labels{"", "Zebra"}),
				referential("2020-01-01", "c", stats.Labels{"Alpha"}),
				referential("2020-01-01", "b", stats.Labels{"Alpha"}),
				category("2020-01-01", "d", stats.Current, stats.Labels{}, 1, "1"),
			},
			want: `[{"referential":"d","labels":` + empty + `,"categories":[{"labels":` + empty + `,"current":1,"target":null}]},
				{"referential":"b","labels":{"label1":"Alpha","label2":"","label3":"","label4":""},"categories":[]},
				{"referential":"c","labels":{"label1":"Alpha","label2":"","label3":"","label4":""},"categories":[]},
				{"referential":"a","labels":{"label1":"","label2":"Zebra","label3":"","label4":""},"categories":[]}]`,
		},
		"labels of the newest day that has any": {
			sums: []DailySum{
				referential("2020-01-01", "r", stats.Labels{"", "Old"}),
				referential("2020-01-02", "r", stats.Labels{"", "New"}),
				referential("2020-01-03", "r", stats.Labels{}),
			},
			want: `[{"referential":"r","labels":{"label1":"","label2":"New","label3":"","label4":""},"categories":[]}]`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkJSON(t, tt.want, process(t, "compliance_averages", tt.sums, nil))
		})
	}
}
