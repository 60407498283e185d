// Package processor turns daily sums of statistics into the averages that
// dashboards show.
//
// A processor is a pure function: it sees no context, database, clock or log.
// Whatever query produced the sums (rows of one analysis or rollups over all
// organisations), the result is the same.
package processor

import (
	"time"

	"github.com/quagmt/udecimal"
)

// Type is the kind of statistics a processor works on. It equals the type of
// the stats rows that the sums come from.
type Type string

// The five types of statistics that a MONARC front office sends.
const (
	Risk          Type = "risk"
	Threat        Type = "threat"
	Vulnerability Type = "vulnerability"
	Cartography   Type = "cartography"
	Compliance    Type = "compliance"
)

// Types lists every known type in the order in which they are documented.
func Types() []Type {
	return []Type{Risk, Vulnerability, Threat, Cartography, Compliance}
}

// Labels are the names of an object in French, English, German and Dutch, in
// this order. A language without a name is the empty string.
type Labels [4]string

// Empty reports whether no language has a name.
func (l Labels) Empty() bool { return l == Labels{} }

// Name is the English name, or the first one that is not empty in the order
// French, German, Dutch. It is empty when no language has a name.
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

// States lists the values of Key.State in the order of results.
func States() []string { return []string{Current, Residual} }

// Kinds lists the values of Key.Kind in the order of results.
func Kinds() []string { return []string{Informational, Operational} }

// Levels lists the values of Key.Level in the order of results.
func Levels() []string { return []string{LowRisks, MediumRisks, HighRisks} }

// Key identifies, within a Type, what is measured. Its fields that do not
// apply to the type are empty:
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

// DailySum is the sum over all matching stats of one day for one key.
type DailySum struct {
	Date  time.Time // midnight UTC
	Key   Key
	Count int64 // number of stats that measured the key on this day
	// Sums holds, for threats and vulnerabilities, the sums of count, maxRisk
	// and averageRate; for every other type the sum of the value in Sums[0].
	Sums [3]udecimal.Decimal
	// Labels are those that came up last among the day's stats that have any.
	Labels Labels
}
