// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/stats"
)

// DatedValue is the mean of a day (YYYY-MM-DD).
type DatedValue struct {
	Date  string  `json:"date"`
	Value float64 `json:"value"`
}

// ByLevel is a result per state, kind and level of risk, in the order of States, Kinds
// and Levels. Values that were not requested are left out.
type ByLevel[V any] = Members[Members[Members[V]]]

// RiskAverages is the result of risk_averages.
type RiskAverages = ByLevel[float64]

// RiskSeries is the result of risk_averages_on_date; its leaves are by date
// and never nil.
type RiskSeries = ByLevel[[]DatedValue]

// share is a sum and the number of stats it is a sum of.
type share struct {
	sum udecimal.Decimal
	n   int64
}

func (s *share) add(sum *DailySum) {
	s.sum = s.sum.Add(sum.Sums[0])
	s.n += sum.Count
}

func (s share) mean() float64 { return Mean(s.sum, s.n) }

func riskAverages(sums []DailySum, params Params) any {
	shares := make(map[levelKey]*share)
	for i := range sums {
		key := levelOf(sums[i].Key)
		if shares[key] == nil {
			shares[key] = new(share)
		}
		shares[key].add(&sums[i])
	}
	return perLevel(params, func(key levelKey) float64 {
		if s := shares[key]; s != nil {
			return s.mean()
		}
		return 0
	})
}

func riskAveragesOnDate(sums []DailySum, params Params) any {
	series := make(map[levelKey][]DatedValue)
	var days calendar
	for i := range sums {
		sum := &sums[i]
		value := DatedValue{days.format(sum.Date), Mean(sum.Sums[0], sum.Count)}
		key := levelOf(sum.Key)
		series[key] = append(series[key], value)
	}
	return perLevel(params, func(key levelKey) []DatedValue {
		if values := series[key]; values != nil {
			return values
		}
		return []DatedValue{}
	})
}

// levelKey has the fields of Key that risks use.
type levelKey struct{ state, kind, level string }

func levelOf(k stats.Key) levelKey { return levelKey{k.State, k.Kind, k.Level} }

// perLevel builds the result from its leaves.
func perLevel[V any](params Params, leaf func(levelKey) V) ByLevel[V] {
	return choose(params, ParamState, stats.States(), func(state string) Members[Members[V]] {
		return choose(params, ParamKind, stats.Kinds(), func(kind string) Members[V] {
			return choose(nil, "", stats.Levels(), func(level string) V {
				return leaf(levelKey{state, kind, level})
			})
		})
	})
}

// choose makes a member of each name that the parameter allows.
func choose[V any](params Params, parameter string, names []string, value func(name string) V) Members[V] {
	members := make(Members[V], 0, len(names))
	for _, name := range names {
		if params.allows(parameter, name) {
			members = append(members, Member[V]{name, value(name)})
		}
	}
	return members
}
