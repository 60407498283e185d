// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"cmp"
	"slices"
)

// ByDate returns a result in the shape of the public routes, where dates are
// names instead of values:
//
//	Series      {object: {date: {"count", "maxRisk", "averageRate"}}}
//	RiskSeries  {state: {kind: {level: {date: value}}}}
//
// Names are in ascending order, except for the fixed order of states, kinds and
// levels. Every other result is returned as it is.
func ByDate(result any) any {
	switch r := result.(type) {
	case Series:
		return objectsByDate(r)
	case RiskSeries:
		return risksByDate(r)
	}
	return result
}

func objectsByDate(series Series) Members[Members[Measure]] {
	objects := make(Members[Members[Measure]], 0, len(series))
	for _, row := range series {
		dates := make(Members[Measure], len(row.Values))
		for i, value := range row.Values {
			dates[i] = Member[Measure]{value.Date, value.Measure}
		}
		objects = append(objects, Member[Members[Measure]]{row.Object, dates})
	}
	slices.SortFunc(objects, func(a, b Member[Members[Measure]]) int { return cmp.Compare(a.Name, b.Name) })
	return objects
}

func risksByDate(series RiskSeries) ByLevel[Members[float64]] {
	return mapMembers(series, func(kinds Members[Members[[]DatedValue]]) Members[Members[Members[float64]]] {
		return mapMembers(kinds, func(levels Members[[]DatedValue]) Members[Members[float64]] {
			return mapMembers(levels, datesAsNames)
		})
	})
}

func datesAsNames(values []DatedValue) Members[float64] {
	dates := make(Members[float64], len(values))
	for i, value := range values {
		dates[i] = Member[float64]{value.Date, value.Value}
	}
	return dates
}

func mapMembers[V, W any](members Members[V], f func(V) W) Members[W] {
	mapped := make(Members[W], len(members))
	for i, member := range members {
		mapped[i] = Member[W]{member.Name, f(member.Value)}
	}
	return mapped
}
