// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"strconv"
)

// compliance returns an observation for each referential, and one for each of its
// categories that has a current or a target value. A value that is missing, null or an
// empty string has not been evaluated and is left out. The controls of a category are
// validated, but not measured.
func (r *reader) compliance() ([]Observation, error) {
	observations := []Observation{}
	seen := make(map[string]int)
	err := r.list(func(i int) error {
		measured, err := r.referential()
		if err != nil {
			return err
		}
		referential := measured[0].Key.Object
		if first, twice := seen[referential]; twice {
			return r.fail("the referential %s is already in data.%d", referential, first)
		}
		seen[referential] = i
		observations = append(observations, measured...)
		return nil
	})
	return observations, err
}

// referential reads one referential; the first observation is its own.
func (r *reader) referential() ([]Observation, error) {
	measured := make([]Observation, 1)
	err := r.object(func(name string) (err error) {
		switch name {
		case "referential":
			measured[0].Key.Object, err = r.uuid()
		case "current":
			measured, err = r.categories(Current, measured)
		case "target":
			measured, err = r.categories(Residual, measured)
		default:
			err = r.labelOrSkip(name, &measured[0].Labels)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if measured[0].Key.Object == "" {
		return nil, r.missing("referential")
	}
	for i := range measured {
		measured[i].Key.Object = measured[0].Key.Object
	}
	return measured, nil
}

// categories appends an observation for each category that has a value.
func (r *reader) categories(state string, to []Observation) ([]Observation, error) {
	names := make(map[string]bool)
	err := r.list(func(int) error {
		category, evaluated, err := r.category()
		if err != nil {
			return err
		}
		category.Key.State = state
		category.Key.Category = unusedName(names, category.Labels.Name())
		if evaluated {
			to = append(to, category)
		}
		return nil
	})
	return to, err
}

// unusedName appends a number to a name that is taken, and marks the result as taken:
// users may give two categories the same name.
func unusedName(taken map[string]bool, name string) string {
	unused := name
	for n := 2; taken[unused]; n++ {
		unused = name + " #" + strconv.Itoa(n)
	}
	taken[unused] = true
	return unused
}

// category reads one category; evaluated reports whether it has a value.
func (r *reader) category() (o Observation, evaluated bool, err error) {
	err = r.object(func(name string) (err error) {
		switch name {
		case "value":
			o.Values[0], evaluated, err = r.optionalNumber(notNegative)
		case "controls":
			err = r.list(func(int) error { return r.control() })
		default:
			err = r.labelOrSkip(name, &o.Labels)
		}
		return err
	})
	return o, evaluated, err
}

func (r *reader) control() error {
	return r.object(func(name string) error {
		if name != "value" {
			return r.skip()
		}
		_, _, err := r.optionalNumber(notNegative)
		return err
	})
}
