// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/monarc-project/stats-service/internal/stats"
)

// CartographyAverages is the result of cartography_averages: the mean number of risks
// per state, kind, impact and likelihood (for operational risks the probability).
// States and kinds without a map are left out; impacts and likelihoods are in numeric
// order.
type CartographyAverages = Members[Members[Members[Members[float64]]]]

// mapKey identifies a map of risks.
type mapKey struct{ state, kind string }

// cellKey identifies a cell of a map.
type cellKey struct {
	mapKey
	impact, likelihood string
}

// isMap reports whether k is the key of the map itself, not of a cell.
func (k cellKey) isMap() bool { return k.impact == "" && k.likelihood == "" }

func (k cellKey) compare(other cellKey) int {
	return cmp.Or(
		cmp.Compare(k.state, other.state),
		cmp.Compare(k.kind, other.kind),
		compareScaleValues(k.impact, other.impact),
		compareScaleValues(k.likelihood, other.likelihood),
	)
}

// compareScaleValues orders decimal numbers without leading zeros, which may be
// negative, by their value.
func compareScaleValues(a, b string) int {
	magnitudeA, negativeA := strings.CutPrefix(a, "-")
	magnitudeB, negativeB := strings.CutPrefix(b, "-")
	order := cmp.Or(cmp.Compare(len(magnitudeA), len(magnitudeB)), strings.Compare(magnitudeA, magnitudeB))
	switch {
	case negativeA && negativeB:
		return -order
	case negativeA:
		return -1
	case negativeB:
		return 1
	}
	return order
}

func cartographyAverages(sums []DailySum, params Params) any {
	shares := make(map[cellKey]*share)
	for i := range sums {
		key := cellOf(sums[i].Key)
		if shares[key] == nil {
			shares[key] = new(share)
		}
		shares[key].add(&sums[i])
	}
	cells := sortedCells(shares, params)
	result := CartographyAverages{}
	for _, key := range cells {
		// Senders leave out cells without risks, so the denominator is the number of
		// maps, not the number of stats that have the cell.
		maps := shares[cellKey{mapKey: key.mapKey}]
		if maps == nil {
			continue
		}
		kinds := last(&result, key.state)
		impacts := last(kinds, key.kind)
		if key.isMap() {
			continue
		}
		likelihoods := last(impacts, key.impact)
		*last(likelihoods, key.likelihood) = Mean(shares[key].sum, maps.n)
	}
	return result
}

func cellOf(k stats.Key) cellKey {
	return cellKey{mapKey{k.State, k.Kind}, k.Impact, k.Likelihood}
}

// sortedCells lists what the parameters allow in the order of the result.
func sortedCells(shares map[cellKey]*share, params Params) []cellKey {
	cells := make([]cellKey, 0, len(shares))
	for key := range shares {
		if params.allows(ParamState, key.state) && params.allows(ParamKind, key.kind) {
			cells = append(cells, key)
		}
	}
	slices.SortFunc(cells, cellKey.compare)
	return cells
}

// last returns the value of the last member, after adding one if the last has another
// name. Keys come sorted, so a name never recurs.
func last[V any](members *Members[V], name string) *V {
	if n := len(*members); n == 0 || (*members)[n-1].Name != name {
		*members = append(*members, Member[V]{Name: name})
	}
	return &(*members)[len(*members)-1].Value
}
