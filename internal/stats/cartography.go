// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"strings"

	"github.com/quagmt/udecimal"
)

// maxScaleDigits bounds the length of an impact or likelihood.
const maxScaleDigits = 9

// cartography reads the maps of risks. It returns one observation for each state and
// kind (see Key), also where the analysis has no risks, and one for each cell that has
// risks. PHP writes a map with the keys 0, 1, 2 as a list, with null for a missing key;
// null in place of a map means that there are no risks. The scales are ignored.
func (r *reader) cartography() ([]Observation, error) {
	observations := r.reserve(`:`)
	for _, of := range statesAndKinds() {
		observations = append(observations, Observation{Key: of})
	}
	hasRisks := false
	err := r.emptyableObject(func(name string) error {
		if name != "risks" {
			return r.skip()
		}
		hasRisks = true
		return r.perKind(func(state, kind string) (err error) {
			if r.dec.PeekKind() == 'n' {
				return r.token()
			}
			observations, err = r.appendCells(observations, Key{State: state, Kind: kind})
			return err
		})
	})
	if err == nil && !hasRisks {
		err = r.missing("risks")
	}
	return observations, err
}

// appendCells reads {impact:{likelihood:count}}, the map of key.
func (r *reader) appendCells(cells []Observation, key Key) ([]Observation, error) {
	err := r.scale(func(impact string) error {
		return r.scale(func(likelihood string) error {
			count, err := r.number(notNegative)
			if err != nil || count.IsZero() {
				return err
			}
			key.Impact, key.Likelihood = impact, likelihood
			cells = append(cells, Observation{Key: key, Values: [3]udecimal.Decimal{count}})
			return nil
		})
	})
	return cells, err
}

// scale reads a map whose keys are values of a scale. It calls member before each value
// that is not null.
func (r *reader) scale(member func(value string) error) error {
	return r.indexed(func(value string) error {
		if !isScaleValue(value) {
			return r.fail("%q is not a scale value: use whole numbers without leading zeros", shorten(value))
		}
		if r.dec.PeekKind() == 'n' {
			return r.token()
		}
		return member(value)
	})
}

// isScaleValue reports whether s is an integer. MONARC writes -1 for what has not been
// evaluated, and a scale may start below 0.
func isScaleValue(s string) bool {
	magnitude, negative := strings.CutPrefix(s, "-")
	digits, rest := leadingDigits([]byte(magnitude))
	if len(digits) == 0 || len(digits) > maxScaleDigits || len(rest) > 0 {
		return false
	}
	return digits[0] != '0' || len(digits) == 1 && !negative
}
