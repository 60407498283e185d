// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"slices"
	"strings"

	"github.com/quagmt/udecimal"
)

// risk reads the numbers of risks. It returns one observation for each state, kind and
// level: an analysis that leaves a state or kind out has no risks there and still counts
// in the mean. The totals are redundant and only validated.
func (r *reader) risk() ([]Observation, error) {
	found := map[Key][3]udecimal.Decimal{}
	hasRisks := false
	err := r.emptyableObject(func(name string) error {
		switch name {
		case "total":
			return r.perKind(func(_, _ string) error {
				_, err := r.number(notNegative)
				return err
			})
		case "risks":
			hasRisks = true
			return r.perKind(func(state, kind string) error {
				levels, err := r.levels()
				found[Key{State: state, Kind: kind}] = levels
				return err
			})
		}
		return r.skip()
	})
	if err == nil && !hasRisks {
		err = r.missing("risks")
	}
	observations := []Observation{}
	for _, of := range statesAndKinds() {
		observations = appendLevels(observations, of, found[of])
	}
	return observations, err
}

// statesAndKinds returns the keys of every state and kind of risk.
func statesAndKinds() []Key {
	var keys []Key
	for _, state := range States() {
		for _, kind := range Kinds() {
			keys = append(keys, Key{State: state, Kind: kind})
		}
	}
	return keys
}

// perKind reads {state:{kind:value}} and calls value before each value.
func (r *reader) perKind(value func(state, kind string) error) error {
	return r.emptyableObject(func(state string) error {
		if err := r.oneOf("state", state, States()); err != nil {
			return err
		}
		return r.emptyableObject(func(kind string) error {
			if err := r.oneOf("kind of risk", kind, Kinds()); err != nil {
				return err
			}
			return value(state, kind)
		})
	})
}

func (r *reader) oneOf(what, got string, known []string) error {
	if slices.Contains(known, got) {
		return nil
	}
	return r.fail("unknown %s %q: use %s", what, shorten(got), strings.Join(known, " or "))
}

// levels reads [{"level","value"}] and returns the values in the order of
// Levels. A missing level has no risks.
func (r *reader) levels() (values [3]udecimal.Decimal, err error) {
	var seen [3]bool
	err = r.list(func(int) error {
		level, value, err := r.level()
		if err != nil {
			return err
		}
		if seen[level] {
			return r.fail("the level %q occurs twice", Levels()[level])
		}
		seen[level] = true
		values[level] = value
		return nil
	})
	return values, err
}

// level reads one level, and returns its index in Levels and its value.
func (r *reader) level() (level int, value udecimal.Decimal, err error) {
	level = -1
	hasValue := false
	err = r.object(func(name string) (err error) {
		switch name {
		case "level":
			level, err = r.levelName()
		case "value":
			hasValue = true
			value, err = r.number(notNegative)
		default:
			err = r.skip()
		}
		return err
	})
	switch {
	case err != nil:
		return level, value, err
	case level < 0:
		return level, value, r.missing("level")
	case !hasValue:
		return level, value, r.missing("value")
	}
	return level, value, nil
}

func (r *reader) levelName() (int, error) {
	name, err := r.text()
	if err != nil {
		return -1, err
	}
	levels := Levels()
	return slices.Index(levels, name), r.oneOf("level", name, levels)
}

func appendLevels(to []Observation, of Key, values [3]udecimal.Decimal) []Observation {
	for i, level := range Levels() {
		of.Level = level
		to = append(to, Observation{Key: of, Values: [3]udecimal.Decimal{values[i]}})
	}
	return to
}
