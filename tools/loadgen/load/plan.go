// SPDX-License-Identifier: AGPL-3.0-or-later

// Package load fills an instance of the service over its API, with sample data
// as front offices send it, and says how long that took.
package load

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Plan says what is generated. Equal plans give equal bytes, so that filling an
// instance a second time finds everything already there.
type Plan struct {
	Seed     uint64
	First    int // index of the first client: others with lower ones came with an earlier plan
	Clients  int
	Analyses int       // of each client
	Days     int       // length of the period in days
	Step     int       // days between two stats of an analysis
	Until    time.Time // the last day of the period
	Types    []stats.Type
	// Changed is on how many of 100 days an analysis says something else than the
	// day before; on the others it sends the same documents again.
	Changed int

	// Thin leaves out of the data what no result is computed from: the controls
	// of compliance and, except in the first analysis, the labels of threats
	// and vulnerabilities.
	Thin bool
	// Objects is how many threats or vulnerabilities a thin stat has at most; 0
	// is as many as the sample has.
	Objects int
	// Distinct is how many analyses are drawn and kept in memory; further ones
	// repeat their data under ids of their own. 0 draws each analysis anew.
	Distinct int
	// PerPost is how many analyses of a client go into one request; 0 is all.
	PerPost int
}

// check returns every fault of the plan.
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

// withDefaults replaces zeros by what they stand for.
func (p Plan) withDefaults() Plan {
	if p.PerPost == 0 {
		p.PerPost = p.Analyses
	}
	if len(p.Types) == 0 {
		p.Types = stats.Types()
	}
	return p
}

// namespace makes ids that no other generator makes.
var namespace = uuid.MustParse("3f1de2a0-9a58-4f5f-9f0f-6f2c3a4f6e11")
