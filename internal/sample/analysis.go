// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/google/uuid"
)

// moment is a day in the units of the model.
type moment struct {
	elapsed float64 // 0 at the start of the period, 1 at its end
	month   float64 // place in the year, 0 to 12
}

// The states of a risk: now, and after all planned treatments.
const (
	current = iota
	residual
	states
)

// Upper ends of the scales, all of which start at 0.
const (
	maxImpact     = 4
	maxRate       = 4 // likelihood of a threat, or of an operational risk
	maxLevel      = 5 // severity of a vulnerability
	maxLikelihood = maxRate * maxLevel
)

// treatment lowers a risk. Its times are fractions of the period and may lie
// before or after it.
type treatment struct {
	planned, done float64
}

func (t treatment) effective(state int, now moment) bool {
	if state == residual {
		return now.elapsed >= t.planned
	}
	return now.elapsed >= t.done
}

// informational is a risk to information: a threat that uses a vulnerability.
type informational struct {
	treatment
	threat, vulnerability int // indexes into the catalogue
	impact                int
	rate                  int // of the threat, before its course
	level, treatedLevel   int // of the vulnerability
	appears               float64
	turn                  float64 // fraction of the period at which a rising threat reaches this risk
	shift                 float64 // months by which its season is delayed
}

// operational is a risk to the activities of the organisation.
type operational struct {
	treatment
	impact, rate, treatedRate int
}

// analysis is a risk analysis of an organisation over the whole period.
type analysis struct {
	id            uuid.UUID
	language      language
	informational []informational
	operational   []operational
	controls      [][][]control // by referential, category and control
}

// drawAnalysis returns the analysis with an index; it depends on the seed alone.
func drawAnalysis(seed uint64, organisation, index int) analysis {
	d := dice{
		Rand:      rand.New(rand.NewPCG(seed, uint64(organisation)<<32|uint64(index))),
		catalogue: loadCatalogue(),
	}
	d.maturity = d.between(0.2, 0.8)
	a := analysis{
		id:            d.id(),
		informational: d.informationalRisks(),
		controls:      d.compliance(),
	}
	if index%5 != 2 { // not all analyses assess them
		a.operational = d.operationalRisks()
	}
	switch index % 5 {
	case 3:
		a.language = dutchNull
	case 4:
		a.language = dutchEmpty
	}
	return a
}

// dice draws the random parts of an analysis.
type dice struct {
	*rand.Rand
	catalogue *catalogue
	maturity  float64 // of the organisation's risk management, 0 to 1
}

// id returns a random UUID, version 4.
func (d *dice) id() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], d.Uint64())
	binary.BigEndian.PutUint64(id[8:], d.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

func (d *dice) between(low, high float64) float64 {
	return low + (high-low)*d.Float64()
}

// around returns base or a neighbour of it on the scale from low to high.
func (d *dice) around(base, low, high int) int {
	return min(max(base-1+d.IntN(3), low), high)
}

// treatment draws a treatment. Mature organisations plan treatments earlier. Some fall
// after the end of the period.
func (d *dice) treatment() treatment {
	planned := d.between(-0.6, 1.1) - d.maturity/2
	return treatment{planned: planned, done: planned + d.between(0.15, 0.7)}
}

func (d *dice) informationalRisks() []informational {
	threats := d.subset(len(d.catalogue.threats), 0.95)
	known := make(map[int]bool)
	for _, v := range d.subset(len(d.catalogue.vulnerabilities), 0.95) {
		known[v] = true
	}
	var risks []informational
	for range 400 + d.IntN(350) {
		threat := threats[d.IntN(len(threats))]
		// Most threats use a weakness of their own kind.
		same := d.catalogue.themed[d.catalogue.threats[threat].theme]
		vulnerability := same[d.IntN(len(same))]
		if d.IntN(4) == 0 {
			vulnerability = d.IntN(len(d.catalogue.vulnerabilities))
		}
		if known[vulnerability] {
			risks = append(risks, d.informationalRisk(threat, vulnerability))
		}
	}
	return risks
}

// subset returns the indexes below n, each with the given probability.
func (d *dice) subset(n int, probability float64) []int {
	var chosen []int
	for i := range n {
		if d.Float64() < probability {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

func (d *dice) informationalRisk(threat, vulnerability int) informational {
	t := d.catalogue.threats[threat]
	level := d.around(d.catalogue.vulnerabilities[vulnerability].base, 1, maxLevel)
	r := informational{
		treatment:     d.treatment(),
		threat:        threat,
		vulnerability: vulnerability,
		impact:        d.IntN(3) + d.IntN(3),
		rate:          d.around(t.base, 1, maxRate),
		level:         level,
		treatedLevel:  max(level-1-d.IntN(2), 0),
		appears:       d.between(-4, 1),
		turn:          d.between(0, 1.3),
		shift:         d.between(-0.7, 0.7),
	}
	if t.course == "new" {
		r.appears = d.between(0.5, 0.7)
	}
	return r
}

func (d *dice) operationalRisks() []operational {
	risks := make([]operational, 40+d.IntN(80))
	for i := range risks {
		rate := 1 + d.IntN(maxRate)
		risks[i] = operational{
			treatment:   d.treatment(),
			impact:      1 + d.IntN(maxImpact),
			rate:        rate,
			treatedRate: d.IntN(rate),
		}
	}
	return risks
}

// rateAt returns the rate of the risk's threat, which has the given course.
func (r *informational) rateAt(course string, now moment) int {
	rate := r.rate
	switch {
	case course == "rising" && now.elapsed >= r.turn:
		rate++
	case inSeason(course, now.month-r.shift):
		rate++
	}
	return min(rate, maxRate)
}

func (r *informational) levelAt(state int, now moment) int {
	if r.effective(state, now) {
		return r.treatedLevel
	}
	return r.level
}

func (r *operational) rateAt(state int, now moment) int {
	if r.effective(state, now) {
		return r.treatedRate
	}
	return r.rate
}

// seasons are the middles of the seasonal courses, in months.
var seasons = map[string]float64{"winter": 0.5, "summer": 7.2, "autumn": 10}

// inSeason reports whether a place in the year lies in the season of a course.
func inSeason(course string, month float64) bool {
	middle, seasonal := seasons[course]
	return seasonal && math.Abs(math.Remainder(month-middle, 12)) < 1.5
}
