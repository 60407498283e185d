// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"math"

	"golang.org/x/text/number"
)

// maxDecimals of a coordinate are a few metres.
const maxDecimals = 5

// listedPlace is a place of the map in words.
type listedPlace struct {
	Position      string
	Organisations string // and the analyses
	Few           bool   // too few analyses: the mark is hollow
	HighRisks     string // their share; empty: unknown
	Threat        ColumnCell
	Vulnerability ColumnCell
}

// Places returns the places of the map, in the order of their marks.
func (p *page) Places() []listedPlace {
	if len(p.Figures) == 0 {
		return nil
	}
	table := p.Figures[0].Table
	at := map[string]int{}
	for i, column := range table.Columns {
		at[column.Name] = i
	}
	var places []listedPlace
	for _, row := range table.Rows {
		places = append(places, listedPlace{
			Position:      p.Position(*row[at["latitude"]].Number, *row[at["longitude"]].Number),
			Organisations: p.T("organisations", "Count", int(*row[at["organisations"]].Number)) + " · " + p.T("analyses", "Count", int(*row[at["analyses"]].Number)),
			Few:           int(*row[at["analyses"]].Number) < p.pages.opts.MinAnalyses,
			HighRisks:     row[at["high_risk_share"]].Text,
			Threat:        shownText(row[at["top_threat_label"]]),
			Vulnerability: shownText(row[at["top_vulnerability_label"]]),
		})
	}
	return places
}

func shownText(c cell) ColumnCell { return ColumnCell{cell: c, Shown: cmp.Or(c.Text, "–")} }

// Leading names the top threat of most places, or returns "" if there are too few
// places to compare.
func (p *page) Leading() string {
	places := p.Places()
	count, first := map[string]int{}, ""
	for _, place := range places {
		name := place.Threat.Text
		if name == "" {
			continue
		}
		count[name]++
		if count[name] > count[first] {
			first = name
		}
	}
	if len(places) < 2 || count[first] < 2 {
		return ""
	}
	return p.T("places_leading", "Name", mention(first), "Count", count[first], "Places", p.Integer(len(places)))
}

// Position writes coordinates as people say them.
func (l locale) Position(latitude, longitude float64) string {
	northSouth, eastWest := l.T("north"), l.T("east")
	if latitude < 0 {
		northSouth = l.T("south")
	}
	if longitude < 0 {
		eastWest = l.T("west")
	}
	return l.T("position", "Latitude", l.degrees(latitude), "NorthSouth", northSouth,
		"Longitude", l.degrees(longitude), "EastWest", eastWest)
}

// degrees writes a coordinate without its sign.
func (l locale) degrees(n float64) string {
	return l.printer.Sprint(number.Decimal(math.Abs(n), number.MaxFractionDigits(maxDecimals)))
}
