// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"slices"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Processor is a named way to aggregate stats of one type.
type Processor struct {
	Name        string
	Type        stats.Type
	Description string
	// Parameters maps each accepted name of processor_params to its accepted values.
	Parameters map[string][]string
	// Process aggregates daily sums, which come ordered by date and then by
	// key in no particular order, with at most one sum per date and key. The
	// result encodes to the documented JSON, with the same bytes for the same
	// sums, both with encoding/json and with github.com/go-json-experiment/json.
	Process func(sums []DailySum, params Params) any
}

// The names of the parameters that choose among the measured risks.
const (
	ParamState = "risks_state"
	ParamKind  = "risks_type"
)

// All lists every processor in the order of its name.
func All() []Processor {
	return []Processor{
		{
			Name: "cartography_averages",
			Type: stats.Cartography,
			Description: "Evaluates the averages for the cartography of risks. The average number of risks is " +
				"evaluated for each cell (impact and likelihood, or impact and probability for the " +
				"operational risks) per categories (current/residual, informational/operational)." +
				riskParametersText,
			Parameters: riskParameters(),
			Process:    cartographyAverages,
		},
		{
			Name: "compliance_averages",
			Type: stats.Compliance,
			Description: "Evaluates the averages of the current and of the target compliance for each " +
				"category of each referential (across all risk analysis).",
			Process: complianceAverages,
		},
		{
			Name:        "risk_averages",
			Type:        stats.Risk,
			Description: "Evaluates the averages for the risks." + riskCategoriesText + riskParametersText,
			Parameters:  riskParameters(),
			Process:     riskAverages,
		},
		{
			Name:        "risk_averages_on_date",
			Type:        stats.Risk,
			Description: "Evaluates the averages for the risks per date." + riskCategoriesText + riskParametersText,
			Parameters:  riskParameters(),
			Process:     riskAveragesOnDate,
		},
		{
			Name:        "threat_average_on_date",
			Type:        stats.Threat,
			Description: "Aggregation and average of threats per date for each threat (across all risk analysis).",
			Process:     averageOnDate,
		},
		{
			Name: "vulnerability_average_on_date",
			Type: stats.Vulnerability,
			Description: "Aggregation and average of vulnerabilities per date for each vulnerability " +
				"(across all risk analysis).",
			Process: averageOnDate,
		},
	}
}

const (
	riskCategoriesText = " Averages are evaluated per categories " +
		"(current/residual, informational/operational, low/medium/high)."
	riskParametersText = "\nSupported parameters:\n" +
		"- risks_type: informational or operational\n" +
		"- risks_state: current or residual."
)

func riskParameters() map[string][]string {
	return map[string][]string{ParamState: stats.States(), ParamKind: stats.Kinds()}
}

// Find returns the processor of that name and whether there is one.
func Find(name string) (Processor, bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Processor) bool { return p.Name == name })
	if i < 0 {
		return Processor{}, false
	}
	return all[i], true
}
