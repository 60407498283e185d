// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"slices"
	"strings"
)

// objects reads a list of threats or vulnerabilities.
func (r *reader) objects() ([]Observation, error) {
	observations := r.reserve(`"averageRate"`)
	seen := make(map[string]int, cap(observations))
	err := r.list(func(i int) error {
		o, err := r.measuredObject()
		if err != nil {
			return err
		}
		if first, twice := seen[o.Key.Object]; twice {
			return r.fail("the object %s is already in data.%d", o.Key.Object, first)
		}
		seen[o.Key.Object] = i
		observations = append(observations, o)
		return nil
	})
	return observations, err
}

// measuredObject reads a threat or a vulnerability.
func (r *reader) measuredObject() (o Observation, err error) {
	var has struct{ count, maxRisk, averageRate bool }
	err = r.object(func(name string) (err error) {
		switch name {
		case "uuid":
			o.Key.Object, err = r.uuid()
		case "count":
			has.count = true
			o.Values[0], err = r.number(notNegative)
		case "maxRisk":
			has.maxRisk = true
			o.Values[1], err = r.number(notEvaluated)
		case "averageRate":
			has.averageRate = true
			o.Values[2], err = r.number(notEvaluated)
		default:
			return r.labelOrSkip(name, &o.Labels)
		}
		return err
	})
	switch {
	case err != nil:
		return o, err
	case o.Key.Object == "":
		return o, r.missing("uuid")
	case !has.count:
		return o, r.missing("count")
	case !has.maxRisk:
		return o, r.missing("maxRisk")
	case !has.averageRate:
		return o, r.missing("averageRate")
	}
	return o, nil
}

// labelOrSkip reads the value of name into labels if name is that of a label. A label
// of white space counts as missing.
func (r *reader) labelOrSkip(name string, labels *Labels) error {
	language := slices.Index([]string{"label1", "label2", "label3", "label4"}, name)
	if language < 0 {
		return r.skip()
	}
	label, err := r.text()
	if strings.TrimSpace(label) != "" {
		labels[language] = label
	}
	return err
}
