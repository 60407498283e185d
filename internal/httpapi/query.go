// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// parameters reads the parameters of a GET, each from the body or else from the query,
// and collects their validation errors.
type parameters struct {
	errors validationErrors
}

// parametersOf returns parameters that begin with the validation errors of the body.
func parametersOf(ctx context.Context) *parameters {
	q := &parameters{}
	if wrong, ok := ctx.Value(bodyErrorsKey{}).(*membersError); ok {
		q.errors.add(wrong.errors)
	}
	return q
}

// fail adds an error, which must be a *stats.InvalidError or have a text that the
// caller may see.
func (q *parameters) fail(field string, err error) {
	bad, ok := errors.AsType[*stats.InvalidError](err)
	if !ok {
		bad = stats.Invalid(field, "%s", err)
	}
	q.errors.add(bad)
}

// mask reads the mask of the answer.
func (q *parameters) mask(header string) *fieldmask.Mask {
	mask, err := fieldmask.Parse(header)
	if err != nil {
		q.fail(maskHeader, err)
	}
	return mask
}

// text returns the first of its arguments that is not empty.
func text(body, query string) string {
	if body != "" {
		return body
	}
	return query
}

func (q *parameters) integer(field string, body *lenient.Integer, query string) int64 {
	if body != nil {
		return int64(*body)
	}
	if query == "" {
		return 0
	}
	value, err := lenient.ParseInteger(query)
	if err != nil {
		q.fail(field, err)
	}
	return int64(value)
}

var errFlag = errors.New("must be 0 or 1")

// flag reads an integer that is 0 or 1.
func (q *parameters) flag(field string, body *lenient.Integer, query string) bool {
	value := q.integer(field, body, query)
	if value > 1 {
		q.fail(field, errFlag)
	}
	return value == 1
}

func (q *parameters) boolean(field string, body *lenient.Boolean, query string) bool {
	if body != nil {
		return bool(*body)
	}
	if query == "" {
		return false
	}
	value, err := lenient.ParseBoolean(query)
	if err != nil {
		q.fail(field, err)
	}
	return bool(value)
}

func (q *parameters) date(field, body, query string) *time.Time {
	given := text(body, query)
	if given == "" {
		return nil
	}
	date, err := stats.ParseDateField(field, given)
	if err != nil {
		q.fail(field, err)
		return nil
	}
	return &date
}

func (q *parameters) statsType(body, query string) stats.Type {
	given := text(body, query)
	if given == "" {
		return ""
	}
	t, err := stats.ParseType(given)
	if err != nil {
		q.fail("type", err)
	}
	return t
}

// analyses reads the analyses from the body or else from the query.
func (q *parameters) analyses(body lenient.UUIDs, query []string) []uuid.UUID {
	ids := []uuid.UUID(body)
	if len(ids) == 0 {
		var err error
		if ids, err = lenient.ParseUUIDs(query); err != nil {
			q.fail("anrs", err)
		}
	}
	if len(ids) > maxANRs {
		q.fail("anrs", errTooManyANRs)
	}
	return ids
}

// maxANRs is how many analyses a filter may name.
const maxANRs = 10_000

var errTooManyANRs = fmt.Errorf("names more than %d analyses; ask for fewer at a time", maxANRs)

func (q *parameters) id(field, given string) uuid.UUID {
	id, err := lenient.ParseUUID(given)
	if err != nil {
		q.fail(field, err)
	}
	return id
}

// window sets the days of filter, both inclusive.
func (q *parameters) window(from, to *time.Time, today time.Time, filter *stats.Filter) {
	filter.DateFrom, filter.DateTo = stats.Window(from, to, today)
}

// listQuery reads the parameters of GET /stats/. nothing reports that anr and anrs have
// no analysis in common.
func (s *Server) listQuery(q *parameters, params api.ListStatsParams, given *api.StatsQuery) (query postgres.ListQuery, nothing bool) {
	body := api.StatsQuery{}
	if given != nil {
		body = *given
	}
	query.Type = q.statsType(body.Type, params.Type)
	query.ANRs = q.analyses(body.ANRs, params.Anrs)
	if anr := text(body.ANR, params.ANR); anr != "" {
		query.ANRs, nothing = narrow(query.ANRs, q.id("anr", anr))
	}
	query.GroupByANR = q.flag("group_by_anr", body.GroupByANR, params.GroupByANR)
	query.LastOnly = q.boolean("get_last", body.GetLast, params.GetLast)
	query.Offset = q.integer("offset", body.Offset, params.Offset)
	query.Limit = q.integer("limit", body.Limit, params.Limit)
	from := q.date("date_from", body.DateFrom, params.DateFrom)
	to := q.date("date_to", body.DateTo, params.DateTo)
	if !query.LastOnly {
		q.window(from, to, s.today(), &query.Filter)
	}
	return query, nothing
}

// narrow intersects ids with id. Empty ids mean all.
func narrow(ids []uuid.UUID, id uuid.UUID) (common []uuid.UUID, nothing bool) {
	if len(ids) == 0 {
		return []uuid.UUID{id}, false
	}
	for _, candidate := range ids {
		if candidate == id {
			return []uuid.UUID{id}, false
		}
	}
	return nil, true
}

// processing has the parameters of GET /stats/processed/.
type processing struct {
	processor processor.Processor
	params    processor.Params
	filter    stats.Filter
}

func (s *Server) processingQuery(q *parameters, params api.ProcessingListParams, given *api.ProcessingQuery) (p processing) {
	body := api.ProcessingQuery{}
	if given != nil {
		body = *given
	}
	p.filter.Type = q.statsType(body.Type, params.Type)
	p.filter.ANRs = q.analyses(body.ANRs, params.Anrs)
	p.filter.LocalStatsOnly = q.flag("local_stats_only", body.LocalStatsOnly, params.LocalStatsOnly)
	from := q.date("date_from", body.DateFrom, params.DateFrom)
	to := q.date("date_to", body.DateTo, params.DateTo)
	q.window(from, to, s.today(), &p.filter)
	var err error
	p.processor, err = processor.Choose(text(body.Processor, params.Processor), p.filter.Type)
	if err != nil {
		q.fail("processor", err)
		return p
	}
	p.filter.Type = p.processor.Type
	raw := body.ProcessorParams
	if len(raw) == 0 {
		raw = json.RawMessage(params.ProcessorParams)
	}
	p.params = q.processorParams(p.processor, raw)
	return p
}

func (q *parameters) processorParams(of processor.Processor, raw []byte) processor.Params {
	params, err := of.ParseParams(raw)
	if bad, ok := errors.AsType[*processor.ParamError](err); ok {
		q.fail("", stats.Invalid(paramField(bad), "%s", bad.Reason))
	} else if err != nil {
		q.fail("processor_params", err)
	}
	return params
}
