package stats

import (
	"slices"
	"strings"
)

// Observations validates data, the JSON of a stat of type t, and folds it into
// what it measures; each observation of a stat has another key. Data without
// anything to measure has none.
//
// Errors are *InvalidError whose field is the path of the first problem, such
// as data.3.averageRate or data.risks.current.informational.0.level.
//
// Numbers may be strings of numbers, and maps that are empty may be lists, as
// PHP writes them. Members that the type does not know are allowed, since data
// is documented as dynamic; they must be storable, but are not folded.
func Observations(t Type, data []byte) ([]Observation, error) {
	fold, known := folds[t]
	if !known {
		_, err := ParseType(string(t))
		return nil, err
	}
	if observations, err := readWith(newFastReader(data), fold); err == nil {
		return observations, nil
	}
	return readWith(newReader(data), fold)
}

// readWith folds all that r reads.
func readWith(r *reader, fold func(*reader) ([]Observation, error)) ([]Observation, error) {
	observations, err := fold(r)
	if err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return observations, nil
}

var folds = map[Type]func(*reader) ([]Observation, error){
	Risk:          (*reader).risk,
	Threat:        (*reader).objects,
	Vulnerability: (*reader).objects,
	Cartography:   (*reader).cartography,
	Compliance:    (*reader).compliance,
}

// ParseType returns the type that s names. The error of any other name is an
// *InvalidError about the field type.
func ParseType(s string) (Type, error) {
	t := Type(s)
	types := Types()
	if slices.Contains(types, t) {
		return t, nil
	}
	names := make([]string, len(types))
	for i, known := range types {
		names[i] = string(known)
	}
	return "", Invalid("type", "unknown type %q: use one of %s", shorten(s), strings.Join(names, ", "))
}

// objects folds threats and vulnerabilities.
func (r *reader) objects() ([]Observation, error) {
	observations := r.roomFor(`"averageRate"`)
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

// measuredObject folds a threat or a vulnerability.
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

// labelOrSkip reads the value of name into labels if it is one of theirs.
func (r *reader) labelOrSkip(name string, labels *Labels) (err error) {
	switch name {
	case "label1":
		labels[0], err = r.text()
	case "label2":
		labels[1], err = r.text()
	case "label3":
		labels[2], err = r.text()
	case "label4":
		labels[3], err = r.text()
	default:
		return r.skip()
	}
	return err
}
