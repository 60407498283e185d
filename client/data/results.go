// SPDX-License-Identifier: AGPL-3.0-or-later

package data

import "github.com/oapi-codegen/runtime/types"

// The results of processors that are maps.
type (
	// RiskMeans is the result of risk_averages: the mean number of risks by state, kind
	// and level.
	RiskMeans = Map[Map[Map[float64]]]
	// RiskSeries is the result of risk_averages_on_date: the same by date.
	RiskSeries = Map[Map[Map[[]Point]]]
	// CartographyMeans is the result of cartography_averages: the mean number of risks by
	// state, kind, impact and likelihood.
	CartographyMeans = Map[Map[Map[Map[float64]]]]
)

// Point is the value of a day.
type Point struct {
	Date  types.Date `json:"date"`
	Value float64    `json:"value"`
}

// ObjectSeries is the history of a threat or vulnerability; threat_average_on_date
// and vulnerability_average_on_date have an array of them.
type ObjectSeries struct {
	Object   string `json:"object"`
	Labels   Labels `json:"labels"`
	Values   []Mean `json:"values"`
	Averages Mean   `json:"averages"`
}

// Mean has means over stats, of a day or, with a zero date, of all days.
type Mean struct {
	Date        types.Date `json:"date,omitzero"`
	Count       float64    `json:"count"`
	MaxRisk     float64    `json:"maxRisk"`
	AverageRate float64    `json:"averageRate"`
}

// ReferentialMeans is the mean compliance with a referential; compliance_averages has an
// array of them.
type ReferentialMeans struct {
	Referential string          `json:"referential"`
	Labels      Labels          `json:"labels"`
	Categories  []CategoryMeans `json:"categories"`
}

// CategoryMeans has the means of a category, nil without values.
type CategoryMeans struct {
	Labels  Labels   `json:"labels"`
	Current *float64 `json:"current"`
	Target  *float64 `json:"target"`
}
