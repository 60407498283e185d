// SPDX-License-Identifier: AGPL-3.0-or-later

// Package load fills an instance of the service over its API with sample data, in the form
// that front offices send, and measures how long that takes.
package load

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Plan describes generated data. Equal plans give equal bytes: filling an instance a
// second time stores nothing new.
type Plan struct {
	Seed     uint64
	First    int // index of the first client; lower ones belong to an earlier plan
	Clients  int
	Analyses int       // of each client
	Days     int       // length of the period in days
	Step     int       // days between two stats of an analysis
	Until    time.Time // the last day of the period
	Types    []stats.Type
	// Changed is on how many of 100 days an analysis differs from the day before; on the
	// others it sends the same documents again.
	Changed int

	// Thin leaves out data that no result needs: the controls of compliance and, except in
	// the first analysis, the labels of threats and vulnerabilities.
	Thin bool
	// Objects is the maximum number of threats or vulnerabilities of a thin stat; 0 means
	// all of the sample.
	Objects int
	// Distinct is how many analyses are generated and kept in memory; further ones repeat
	// their data with other ids. 0 generates each analysis.
	Distinct int
	// PerPost is the number of analyses of a client in one request; 0 means all.
	PerPost int
}

// check returns an error with every problem of the plan.
func (p Plan) check() error {
	var faults []error
	for _, number := range []struct {
		name  string
		value int
	}{{"clients", p.Clients}, {"analyses", p.Analyses}, {"days", p.Days}, {"step", p.Step}} {
		if number.value < 1 {
			faults = append(faults, errors.New(number.name+" must be at least 1"))
		}
	}
	if p.First < 0 || p.Objects < 0 || p.Distinct < 0 || p.PerPost < 0 {
		faults = append(faults, errors.New("first, objects, distinct and per-post must not be negative"))
	}
	if p.Changed < 0 || p.Changed > 100 {
		faults = append(faults, errors.New("changed must be between 0 and 100"))
	}
	for _, t := range p.Types {
		if !slices.Contains(stats.Types(), t) {
			faults = append(faults, errors.New("unknown type "+string(t)))
		}
	}
	return errors.Join(faults...)
}

// withDefaults replaces zeros with their meaning.
func (p Plan) withDefaults() Plan {
	if p.PerPost == 0 {
		p.PerPost = p.Analyses
	}
	if len(p.Types) == 0 {
		p.Types = stats.Types()
	}
	return p
}

// namespace makes the ids differ from those of other generators.
var namespace = uuid.MustParse("3f1de2a0-9a58-4f5f-9f0f-6f2c3a4f6e11")
