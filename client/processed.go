// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client/data"
	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// The processors of every service; Processors lists them with their parameters.
const (
	RiskAverages               = "risk_averages"
	RiskAveragesOnDate         = "risk_averages_on_date"
	ThreatAverageOnDate        = "threat_average_on_date"
	VulnerabilityAverageOnDate = "vulnerability_average_on_date"
	CartographyAverages        = "cartography_averages"
	ComplianceAverages         = "compliance_averages"
)

// Processor is a computation over stats that the service offers.
type Processor struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Processing selects a processor and the stats to process.
type Processing struct {
	Processor string            // such as RiskAverages; required
	Params    map[string]string // of the processor, such as risks_state
	Type      Type              // of the stats; the processor's type when empty
	ANRs      []uuid.UUID       // only these analyses; all clients' when empty
	From, To  Date              // as in Query
	LocalOnly bool              // leaves out clients that are not local
}

// Result is the result of a processor. Data is [] if no stats match.
type Result struct {
	Type      Type            `json:"type"`
	Processor string          `json:"processor"`
	Data      json.RawMessage `json:"data"`
}

// Decode reads the data into to, a pointer to the type of package data that
// belongs to the processor.
func (r Result) Decode(to any) error {
	if err := json.Unmarshal(r.Data, to); err != nil {
		return fmt.Errorf("decode the result of %s: %w", r.Processor, err)
	}
	return nil
}

// Processed returns the result of a processor over the stats of all clients, or of the
// given analyses.
func (c *Client) Processed(ctx context.Context, p Processing) (Result, error) {
	query := api.ProcessingQuery{
		Processor: p.Processor, Type: string(p.Type), ANRs: p.ANRs,
		DateFrom: formatDate(p.From), DateTo: formatDate(p.To),
	}
	if len(p.Params) > 0 {
		query.ProcessorParams, _ = json.Marshal(p.Params) // strings always encode
	}
	if p.LocalOnly {
		local := lenient.Integer(1)
		query.LocalStatsOnly = &local
	}
	var result Result
	err := c.repeat(ctx, "process stats with "+p.Processor, nil, func() error {
		response, err := c.api.ProcessingList(ctx, nil, query)
		return decode(response, err, &result)
	})
	return result, err
}

// Processors lists the processors of the service. It needs no key.
func (c *Client) Processors(ctx context.Context) ([]Processor, error) {
	var processors []Processor
	err := c.repeat(ctx, "list processors", nil, func() error {
		response, err := c.api.GetProcessorList(ctx, nil)
		return decode(response, err, &processors)
	})
	return processors, err
}

// Comparing selects the caller's own stats to compare.
type Comparing struct {
	Type      Type        // of the stats; required
	ANRs      []uuid.UUID // only these own analyses; all when empty
	From, To  Date        // as in Query
	LocalOnly bool        // leaves out clients that are not local, of the others
}

// Comparison has the caller's own averages beside everybody's.
type Comparison struct {
	Type       Type       `json:"type"`
	From       Date       `json:"date_from"`
	To         Date       `json:"date_to"`
	RankedFrom Date       `json:"ranked_from"` // first day of the stats behind the bands
	Data       []Compared `json:"data"`        // for the keys in the caller's own stats
}

// Compared is a threat, a vulnerability, a number of risks, a cell of their map or a
// category of a referential. Fields that do not apply are empty.
type Compared struct {
	Object        string                    `json:"object"` // UUID of the threat, vulnerability or referential
	Labels        data.Labels               `json:"labels"`
	Category      data.Labels               `json:"category"`
	State         string                    `json:"state"`
	Kind          string                    `json:"kind"`
	Level         string                    `json:"level"`
	Impact        string                    `json:"impact"`
	Likelihood    string                    `json:"likelihood"`
	Analyses      int                       `json:"analyses"`      // behind what everybody has
	Organisations int                       `json:"organisations"` // behind what everybody has
	Figures       map[string]ComparedFigure `json:"figures"`       // such as averageRate or risks
}

// ComparedFigure is an own average beside everybody's.
type ComparedFigure struct {
	Own float64  `json:"own"`
	All *float64 `json:"all"` // nil: suppressed
	// Band is the quarter of the other organisations that Own falls into: lowest,
	// lower_middle, upper_middle or highest. If it is empty, Unranked says why.
	Band     string `json:"band"`
	Unranked string `json:"unranked"`
}

// Compare returns the averages of the caller's own stats beside everybody's.
func (c *Client) Compare(ctx context.Context, what Comparing) (Comparison, error) {
	query := api.ComparisonQuery{Type: string(what.Type), ANRs: what.ANRs, DateFrom: formatDate(what.From), DateTo: formatDate(what.To)}
	if what.LocalOnly {
		local := lenient.Integer(1)
		query.LocalStatsOnly = &local
	}
	var comparison Comparison
	err := c.repeat(ctx, "compare "+string(what.Type)+" stats", nil, func() error {
		response, err := c.api.CompareStats(ctx, nil, query)
		return decode(response, err, &comparison)
	})
	return comparison, err
}
