// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import "strconv"

// The kinds of risk.
const (
	ofInformation = iota
	ofOperation
	kinds
)

var (
	stateNames = [states]string{"current", "residual"}
	kindNames  = [kinds]string{"informational", "operational"}
)

// cells counts risks by impact and by likelihood, or by rate where the risks
// are operational.
type cells [maxImpact + 1][maxLikelihood + 1]int

// tally summarises the risks of one threat or vulnerability.
type tally struct {
	count, highest, rates int
}

func (t *tally) add(risk, rate int) {
	t.count++
	t.highest = max(t.highest, risk)
	t.rates += rate
}

// snapshot is an analysis on one day.
type snapshot struct {
	cells             [states][kinds]cells
	byThreat          []tally
	byVulnerability   []tally
	threatObjects     []object
	vulnerableObjects []object
}

func (a *analysis) at(now moment) *snapshot {
	c := loadCatalogue()
	s := &snapshot{
		byThreat:          make([]tally, len(c.threats)),
		byVulnerability:   make([]tally, len(c.vulnerabilities)),
		threatObjects:     c.threats,
		vulnerableObjects: c.vulnerabilities,
	}
	for i := range a.informational {
		s.addInformational(&a.informational[i], now)
	}
	for i := range a.operational {
		r := &a.operational[i]
		for state := range states {
			s.cells[state][ofOperation][r.impact][r.rateAt(state, now)]++
		}
	}
	return s
}

func (s *snapshot) addInformational(r *informational, now moment) {
	if now.elapsed < r.appears {
		return
	}
	rate := r.rateAt(s.threatObjects[r.threat].course, now)
	for state := range states {
		s.cells[state][ofInformation][r.impact][rate*r.levelAt(state, now)]++
	}
	level := r.levelAt(current, now)
	risk := r.impact * rate * level
	s.byThreat[r.threat].add(risk, rate)
	s.byVulnerability[r.vulnerability].add(risk, level)
}

// threats returns the data of the threat stats, with all threats that have risks.
func (s *snapshot) threats(l language) []byte {
	return appendObjects(s.threatObjects, s.byThreat, l)
}

// vulnerabilities returns the data of the vulnerability stats.
func (s *snapshot) vulnerabilities(l language) []byte {
	return appendObjects(s.vulnerableObjects, s.byVulnerability, l)
}

func appendObjects(objects []object, tallies []tally, l language) []byte {
	out := make([]byte, 0, 32<<10)
	out = append(out, '[')
	for i, t := range tallies {
		if t.count == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, objects[i].head[l]...)
		out = t.appendValues(out, i%2 == 0)
	}
	return append(out, ']')
}

// appendValues appends the values of an object and its closing brace. Front offices send
// the rate either as a string (quoted) or as a number.
func (t tally) appendValues(dst []byte, quoted bool) []byte {
	dst = strconv.AppendInt(dst, int64(t.count), 10)
	dst = append(dst, `,"maxRisk":`...)
	dst = strconv.AppendInt(dst, int64(t.highest), 10)
	dst = append(dst, `,"averageRate":`...)
	if quoted {
		dst = append(dst, '"')
	}
	dst = appendRounded(dst, roundedMean(100*t.rates, t.count))
	if quoted {
		dst = append(dst, '"')
	}
	return append(dst, '}')
}
