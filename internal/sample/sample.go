// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sample generates realistic statistics: a few organisations with
// risk analyses whose threats, vulnerabilities, risks and compliance develop
// over a year as they do in practice. Treatments lower the residual risk when
// they are planned and the current risk when they are done, some threats come
// with the season, others keep growing, and one appears half-way.
//
// The five statistics of an analysis are computed from the same risks, so they are
// consistent. They have the shapes and quirks of those that a MONARC front office, written
// in PHP, sends.
//
// The result depends on Options alone: equal options give equal bytes.
package sample

import (
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Options choose how much is generated. A number of zero or less means its default.
type Options struct {
	Seed     uint64
	Clients  int       // organisations, default 4
	Analyses int       // analyses of each organisation, default 5
	Days     int       // length of the period in days, default 365
	Step     int       // days between two stats of an analysis, default 7
	Until    time.Time // the last day of the period; must be set
}

// Generator generates sample data. It is immutable and so safe for concurrent use.
type Generator struct {
	options       Options
	organisations []Organisation
	analyses      [][]analysis // by organisation
}

// New returns a generator.
func New(o Options) *Generator {
	o = withDefaults(o)
	g := &Generator{options: o}
	for org := range o.Clients {
		analyses := make([]analysis, o.Analyses)
		ids := make([]uuid.UUID, o.Analyses)
		for i := range analyses {
			analyses[i] = drawAnalysis(o.Seed, org, i)
			ids[i] = analyses[i].id
		}
		g.analyses = append(g.analyses, analyses)
		g.organisations = append(g.organisations, newOrganisation(org, ids))
	}
	return g
}

func withDefaults(o Options) Options {
	o.Clients = positive(o.Clients, 4)
	o.Analyses = positive(o.Analyses, 5)
	o.Days = positive(o.Days, 365)
	o.Step = positive(o.Step, 7)
	o.Until = midnight(o.Until)
	return o
}

func positive(n, standard int) int {
	if n <= 0 {
		return standard
	}
	return n
}

// midnight returns midnight UTC of the calendar day of t in its own time zone.
func midnight(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Organisations returns the organisations in the order of their index. Their
// names are unique.
func (g *Generator) Organisations() []Organisation {
	return append([]Organisation(nil), g.organisations...)
}

// Dates returns the days that have stats, oldest first, each at midnight UTC.
// The last one is Options.Until.
func (g *Generator) Dates() []time.Time {
	n := (g.options.Days-1)/g.options.Step + 1
	dates := make([]time.Time, n)
	for i := range dates {
		dates[i] = g.options.Until.AddDate(0, 0, -(n-1-i)*g.options.Step)
	}
	return dates
}

// Stats returns the five stats of an analysis on a day, whether or not Dates
// lists it. Organisation and analysis are indexes into Organisations and
// Organisation.Analyses. The stats have no UUID, as MONARC sends none, and
// belong to no client yet.
func (g *Generator) Stats(organisation, analysis int, day time.Time) []stats.Stat {
	a := &g.analyses[organisation][analysis]
	day = midnight(day)
	now := g.moment(day)
	s := a.at(now)
	return []stats.Stat{
		a.stat(stats.Risk, day, s.risks()),
		a.stat(stats.Vulnerability, day, s.vulnerabilities(a.language)),
		a.stat(stats.Threat, day, s.threats(a.language)),
		a.stat(stats.Cartography, day, s.cartography()),
		a.stat(stats.Compliance, day, a.compliance(now)),
	}
}

func (a *analysis) stat(t stats.Type, day time.Time, data []byte) stats.Stat {
	return stats.Stat{ANR: a.id, Type: t, Date: day, Data: data}
}

func (g *Generator) moment(day time.Time) moment {
	start := g.options.Until.AddDate(0, 0, -g.options.Days)
	return moment{
		elapsed: day.Sub(start).Hours() / 24 / float64(g.options.Days),
		month:   float64(day.YearDay()-1) / 366 * 12,
	}
}

// FrontOfficeBatch returns the body with which the front office of an
// organisation posts the stats that its analyses have on a day.
func (g *Generator) FrontOfficeBatch(organisation int, day time.Time) []byte {
	out := []byte{'['}
	for analysis := range g.analyses[organisation] {
		for _, s := range g.Stats(organisation, analysis, day) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = appendItem(out, s)
		}
	}
	return append(out, ']')
}

func appendItem(dst []byte, s stats.Stat) []byte {
	dst = append(dst, `{"anr":"`...)
	dst = append(dst, s.ANR.String()...)
	dst = append(dst, `","type":"`...)
	dst = append(dst, s.Type...)
	dst = append(dst, `","date":"`...)
	dst = s.Date.AppendFormat(dst, time.DateOnly)
	dst = append(dst, `","data":`...)
	dst = append(dst, s.Data...)
	return append(dst, '}')
}
