// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import "github.com/monarc-project/stats-service/internal/stats"

// Average has the means of a key over stats.
type Average struct {
	Labels stats.Labels
	Values [3]float64 // as the sums of DailySum
}

// Averages returns the means of sums by key, the same as in the results of the
// processors of the type. Keys without a mean, such as a referential's, are left out.
func Averages(t stats.Type, sums []DailySum) map[stats.Key]Average {
	if t == stats.Threat || t == stats.Vulnerability {
		return objectAverages(sums)
	}
	shares, labels := map[stats.Key]*share{}, map[stats.Key]stats.Labels{}
	for i := range sums {
		key := sums[i].Key
		if shares[key] == nil {
			shares[key] = new(share)
		}
		shares[key].add(&sums[i])
		if !sums[i].Labels.Empty() {
			labels[key] = sums[i].Labels
		}
	}
	averages := make(map[stats.Key]Average, len(shares))
	for key, s := range shares {
		of := s
		switch t {
		case stats.Cartography:
			of = shares[stats.Key{State: key.State, Kind: key.Kind}] // see cartographyAverages
			if of == nil || cellOf(key).isMap() {
				continue
			}
		case stats.Compliance:
			if key.State == "" {
				continue
			}
		}
		averages[key] = Average{labels[key], [3]float64{Mean(s.sum, of.n)}}
	}
	return averages
}

func objectAverages(sums []DailySum) map[stats.Key]Average {
	rows := averageOnDate(sums, nil).(Series)
	averages := make(map[stats.Key]Average, len(rows))
	for _, row := range rows {
		labels, means := row.Labels, row.Averages
		averages[stats.Key{Object: row.Object}] = Average{
			stats.Labels{labels.Label1, labels.Label2, labels.Label3, labels.Label4},
			[3]float64{means.Count, means.MaxRisk, means.AverageRate},
		}
	}
	return averages
}
