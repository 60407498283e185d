// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// comparison is api.Comparison with its members in the order of the OpenAPI document.
type comparison struct {
	Type       stats.Type `json:"type"`
	From       string     `json:"date_from"`
	To         string     `json:"date_to"`
	RankedFrom string     `json:"ranked_from"`
	Data       []compared `json:"data"`
}

// compared has the client's own figure of a key beside everybody's.
type compared struct {
	Object        string                            `json:"object,omitzero"`
	Labels        *processor.LabelSet               `json:"labels,omitzero"`
	Category      *processor.LabelSet               `json:"category,omitzero"`
	State         string                            `json:"state,omitzero"`
	Kind          string                            `json:"kind,omitzero"`
	Level         string                            `json:"level,omitzero"`
	Impact        string                            `json:"impact,omitzero"`
	Likelihood    string                            `json:"likelihood,omitzero"`
	Analyses      int                               `json:"analyses"`
	Organisations int                               `json:"organisations"`
	Figures       processor.Members[comparedFigure] `json:"figures"`
}

type comparedFigure struct {
	Own      float64              `json:"own"`
	All      *float64             `json:"all"`
	Band     *disclosure.Band     `json:"band"`
	Unranked *disclosure.Unranked `json:"unranked"`
}

// CompareStats answers with the means of the caller's own stats beside the public ones.
func (s *Server) CompareStats(ctx context.Context, request server.CompareStatsRequestObject) (server.CompareStatsResponseObject, error) {
	q := parametersOf(ctx)
	mask := q.mask(request.Params.XFields)
	filter := s.comparisonQuery(q, request.Params, request.Body)
	if err := q.errors.err(); err != nil {
		return nil, err
	}
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	whose := disclosure.Owner{ClientID: client.ID, ANRs: filter.ANRs}
	filter.ANRs = nil
	found, err := s.figures.Compare(ctx, filter, whose)
	if err != nil {
		return nil, err
	}
	answered := comparison{
		Type: filter.Type, From: found.From.Format(time.DateOnly), To: found.To.Format(time.DateOnly),
		RankedFrom: found.RankedFrom.Format(time.DateOnly), Data: []compared{},
	}
	for _, figure := range found.Figures {
		answered.Data = append(answered.Data, comparedOf(filter.Type, figure))
	}
	return respondJSON(ctx, http.StatusOK, answered, mask), nil
}

func comparedOf(t stats.Type, figure disclosure.Compared) compared {
	key := figure.Key
	row := compared{
		Object: key.Object, State: key.State, Kind: key.Kind, Level: key.Level, Impact: key.Impact, Likelihood: key.Likelihood,
		Analyses: figure.Analyses, Organisations: figure.Clients,
	}
	names := []string{"risks"}
	switch t {
	case stats.Threat, stats.Vulnerability:
		names = []string{"count", "maxRisk", "averageRate"}
		row.Labels = labelSet(figure.Labels)
	case stats.Compliance:
		names = []string{"compliance"}
		row.Labels, row.Category = labelSet(figure.Referential), labelSet(figure.Labels)
		if key.State == stats.Residual {
			row.State = "target"
		}
	}
	for i, name := range names {
		one := comparedFigure{Own: figure.Own[i]}
		if figure.All != nil {
			one.All = &figure.All[i]
		}
		if position := figure.Positions[i]; position.Band != "" {
			one.Band = &position.Band
		} else {
			one.Unranked = &position.Unranked
		}
		row.Figures = append(row.Figures, processor.Member[comparedFigure]{Name: name, Value: one})
	}
	return row
}

func labelSet(l stats.Labels) *processor.LabelSet {
	return &processor.LabelSet{Label1: l[0], Label2: l[1], Label3: l[2], Label4: l[3]}
}

func (s *Server) comparisonQuery(q *parameters, params api.CompareStatsParams, given *api.ComparisonQuery) (filter stats.Filter) {
	body := api.ComparisonQuery{}
	if given != nil {
		body = *given
	}
	filter.Type = q.statsType(body.Type, params.Type)
	if text(body.Type, params.Type) == "" {
		q.fail("type", fmt.Errorf("is required: use one of %v", stats.Types()))
	}
	filter.ANRs = q.analyses(body.ANRs, params.Anrs)
	filter.LocalStatsOnly = q.flag("local_stats_only", body.LocalStatsOnly, params.LocalStatsOnly)
	from := q.date("date_from", body.DateFrom, params.DateFrom)
	to := q.date("date_to", body.DateTo, params.DateTo)
	q.window(from, to, s.today(), &filter)
	return filter
}
