// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"slices"
	"strings"
)

// Type is the kind of a stat.
type Type string

// The five types of statistics that a MONARC front office sends.
const (
	Risk          Type = "risk"
	Threat        Type = "threat"
	Vulnerability Type = "vulnerability"
	Cartography   Type = "cartography"
	Compliance    Type = "compliance"
)

// Types returns every type in the order of the documentation.
func Types() []Type {
	return []Type{Risk, Vulnerability, Threat, Cartography, Compliance}
}

// ParseType returns the type named s. For another name, the error is an
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

// Labels are the names of an object in French, English, German and Dutch, in
// this order. A language without a name is the empty string.
type Labels [4]string

// Empty reports whether no language has a name.
func (l Labels) Empty() bool { return l == Labels{} }

// Name returns the English name or, if that is empty, the French, German or Dutch one.
func (l Labels) Name() string {
	for _, name := range [...]string{l[1], l[0], l[2], l[3]} {
		if name != "" {
			return name
		}
	}
	return ""
}

// The values of Key.State, Key.Kind and Key.Level.
const (
	Current  = "current"
	Residual = "residual"

	Informational = "informational"
	Operational   = "operational"

	LowRisks    = "Low risks"
	MediumRisks = "Medium risks"
	HighRisks   = "High risks"
)

// States returns the values of Key.State in the order of results.
func States() []string { return []string{Current, Residual} }

// Kinds returns the values of Key.Kind in the order of results.
func Kinds() []string { return []string{Informational, Operational} }

// Levels returns the values of Key.Level in the order of results.
func Levels() []string { return []string{LowRisks, MediumRisks, HighRisks} }

// Key identifies what is measured within a Type. Fields that do not apply to the
// type are empty:
//
//	threat, vulnerability  Object: the UUID, lower case
//	risk                   State (current|residual), Kind (informational|operational),
//	                       Level ("Low risks"|"Medium risks"|"High risks")
//	cartography            State, Kind, Impact and Likelihood: the scale values as decimal
//	                       digits (for operational risks Likelihood holds the probability).
//	                       Impact and Likelihood both empty: the number of stats, whose
//	                       Count is the denominator of the cells of this state and kind (a
//	                       cell without risks is left out by the sender).
//	compliance             Object: the referential, lower case, State (current: the current
//	                       value, residual: the target value), Category: Labels.Name of the
//	                       category; when a referential has several categories of that name,
//	                       the later ones get " #2", " #3" and so on appended.
//	                       State and Category both empty: the number of stats that have the
//	                       referential, whose Labels are those of the referential itself
//	                       (everywhere else they are those of the category).
type Key struct {
	Object     string `json:"object,omitzero"`
	State      string `json:"state,omitzero"`
	Kind       string `json:"kind,omitzero"`
	Level      string `json:"level,omitzero"`
	Impact     string `json:"impact,omitzero"`
	Likelihood string `json:"likelihood,omitzero"`
	Category   string `json:"category,omitzero"`
}
