// SPDX-License-Identifier: AGPL-3.0-or-later

// Package data has Go types for the content of stats and for the results of processors.
// It reads all forms that MONARC's front office writes: numbers as strings, and maps as
// arrays.
package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// The keys of Risk and Cartography, and the levels of Risk.
const (
	Current, Residual                = "current", "residual"          // states
	Informational, Operational       = "informational", "operational" // kinds
	LowRisks, MediumRisks, HighRisks = "Low risks", "Medium risks", "High risks"
)

// Risk counts the risks of an analysis by state, kind and level.
type Risk struct {
	Total Map[Map[Number]]       `json:"total"`
	Risks Map[Map[[]LevelCount]] `json:"risks"`
}

// LevelCount is how many risks have a level.
type LevelCount struct {
	Level string `json:"level"`
	Value Number `json:"value"`
}

// Threats are the threats of an analysis with their risks.
type Threats []Object

// Vulnerabilities are the vulnerabilities of an analysis with their risks.
type Vulnerabilities []Object

// Object is a threat or a vulnerability.
type Object struct {
	UUID string `json:"uuid"`
	Labels
	Count       Number `json:"count"`       // number of its risks
	MaxRisk     Number `json:"maxRisk"`     // highest of them; -1 if none is evaluated
	AverageRate Number `json:"averageRate"` // mean rating
}

// Labels are a name in French, English, German and Dutch. A language without a
// name is the empty string.
type Labels struct {
	French  string `json:"label1"`
	English string `json:"label2"`
	German  string `json:"label3"`
	Dutch   string `json:"label4"`
}

// Cartography counts the risks of an analysis by state, kind, impact and
// likelihood (of operational risks: probability).
type Cartography struct {
	Scales Scales                     `json:"scales"`
	Risks  Map[Map[Map[Map[Number]]]] `json:"risks"`
}

// Scales are the values that risks are rated with.
type Scales struct {
	Impact      []Number `json:"impact"`
	Likelihood  []Number `json:"likelihood"`
	Probability []Number `json:"probability"`
}

// Compliance is how far an analysis complies with each referential.
type Compliance []Referential

// Referential is a standard, with its categories as they are and should be.
type Referential struct {
	UUID string `json:"referential"`
	Labels
	Current []Category `json:"current"`
	Target  []Category `json:"target"`
}

// Category is a chapter of a referential. Value is nil when it is not evaluated.
type Category struct {
	Labels
	Value    *Number   `json:"value"`
	Controls []Control `json:"controls"`
}

// Control is a measure of a category. Value is nil when it is not evaluated.
type Control struct {
	Code    string  `json:"code"`
	Measure string  `json:"measure"`
	Value   *Number `json:"value"`
}

// StatType returns "risk".
func (Risk) StatType() string { return "risk" }

// StatType returns "threat".
func (Threats) StatType() string { return "threat" }

// StatType returns "vulnerability".
func (Vulnerabilities) StatType() string { return "vulnerability" }

// StatType returns "cartography".
func (Cartography) StatType() string { return "cartography" }

// StatType returns "compliance".
func (Compliance) StatType() string { return "compliance" }

// MarshalJSON writes no threats as [].
func (t Threats) MarshalJSON() ([]byte, error) { return marshalList(t) }

// MarshalJSON writes no vulnerabilities as [].
func (v Vulnerabilities) MarshalJSON() ([]byte, error) { return marshalList(v) }

// MarshalJSON writes no referentials as [].
func (c Compliance) MarshalJSON() ([]byte, error) { return marshalList(c) }

func marshalList[E any](list []E) ([]byte, error) {
	if list == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads a category; "" is no value.
func (c *Category) UnmarshalJSON(data []byte) error {
	type plain Category
	value, err := decodeWithValue(data, (*plain)(c))
	c.Value = value
	return err
}

// UnmarshalJSON reads a control; "" is no value.
func (c *Control) UnmarshalJSON(data []byte) error {
	type plain Control
	value, err := decodeWithValue(data, (*plain)(c))
	c.Value = value
	return err
}

// decodeWithValue reads an object into to, a pointer to a struct, except for the member
// value, which it returns.
func decodeWithValue(data []byte, to any) (*Number, error) {
	var has struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(data, &has); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return nil, err
	}
	if text := string(has.Value); text == "" || text == "null" || text == `""` {
		return nil, nil
	}
	var value Number
	err := json.Unmarshal(has.Value, &value)
	return &value, err
}

// Number is read from a JSON number or from a string of one, as PHP writes
// decimals.
type Number float64

// UnmarshalJSON reads 2.82, "2.82" and, as 0, null and "".
func (n *Number) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "" || text == "null" {
		*n = 0
		return nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%.40s is not a number", data)
	}
	*n = Number(value)
	return nil
}

// Map is decoded from a JSON object or, as PHP writes objects with the keys 0, 1, 2 and
// so on, from an array. A null is a missing value.
type Map[V any] map[string]V

// UnmarshalJSON reads an object, an array or null.
func (m *Map[V]) UnmarshalJSON(data []byte) error {
	*m = Map[V]{}
	if data[0] != '[' {
		var members map[string]*V
		if err := json.Unmarshal(data, &members); err != nil {
			return err
		}
		for key, value := range members {
			m.add(key, value)
		}
		return nil
	}
	var elements []*V
	if err := json.Unmarshal(data, &elements); err != nil {
		return err
	}
	for i, value := range elements {
		m.add(strconv.Itoa(i), value)
	}
	return nil
}

func (m Map[V]) add(key string, value *V) {
	if value != nil {
		m[key] = *value
	}
}

// MarshalJSON writes an object, even for a nil map.
func (m Map[V]) MarshalJSON() ([]byte, error) {
	if m == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]V(m))
}
