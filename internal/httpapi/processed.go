// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// unencodedResult is api.Result with its data not yet encoded.
type unencodedResult struct {
	Type      stats.Type `json:"type"`
	Processor string     `json:"processor"`
	Data      any        `json:"data"`
}

// ProcessingList answers with the result of a processor over the stats of all clients,
// or of the given analyses.
func (s *Server) ProcessingList(ctx context.Context, request server.ProcessingListRequestObject) (server.ProcessingListResponseObject, error) {
	q := parametersOf(ctx)
	mask := q.mask(request.Params.XFields)
	task := s.processingQuery(q, request.Params, request.Body)
	if err := q.errors.err(); err != nil {
		return nil, err
	}
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	if len(task.filter.ANRs) > 0 && client.Role != stats.RoleAdmin {
		// A filter must not reveal another organisation's values.
		task.filter.OfClient = client.ID
	}
	key := task.key(request.Params.XFields)
	encoded, err := cache.Get(ctx, s.cache, key, topicsOf(task.filter.Type), func(ctx context.Context) (*answer.Encoded, error) {
		return s.process(ctx, task, mask)
	})
	if err != nil {
		return nil, err
	}
	return respondEncoded(ctx, encoded, answer.CachePrivate), nil
}

// process computes and encodes the answer.
func (s *Server) process(ctx context.Context, task processing, mask *fieldmask.Mask) (*answer.Encoded, error) {
	sums, err := s.store.DailySums(ctx, task.filter)
	if err != nil {
		return nil, fmt.Errorf("process %s: %w", task.processor.Name, err)
	}
	answered := unencodedResult{Type: task.filter.Type, Processor: task.processor.Name, Data: []struct{}{}}
	if len(sums) > 0 {
		answered.Data = task.processor.Process(sums, task.params)
	}
	body, err := answer.Encode(answered, mask)
	if err != nil {
		return nil, err
	}
	return answer.NewEncoded(body), nil
}

// key includes everything that the answer depends on, whatever the order of analyses
// and parameters.
func (p processing) key(mask string) cache.Key {
	anrs := slices.Clone(p.filter.ANRs)
	slices.SortFunc(anrs, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	anrs = slices.Compact(anrs)
	ids := make([]byte, 0, len(anrs)*len(uuid.UUID{}))
	for i := range anrs {
		ids = append(ids, anrs[i][:]...)
	}
	return cache.KeyOf("processed", p.processor.Name, fmt.Sprint(map[string][]string(p.params)),
		p.filter.DateFrom.Format(time.DateOnly), p.filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(p.filter.LocalStatsOnly), string(ids), strconv.FormatInt(p.filter.OfClient, 10), mask)
}

// GetProcessorList answers with the processors in the order of their names.
func (s *Server) GetProcessorList(ctx context.Context, request server.GetProcessorListRequestObject) (server.GetProcessorListResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	var list api.ProcessorList
	for _, p := range processor.All() {
		list = append(list, api.Processor{Name: p.Name, Description: p.Description})
	}
	body, err := answer.Encode(list, mask)
	if err != nil {
		return nil, err
	}
	return respondEncoded(ctx, answer.NewEncoded(body), answer.CachePublic), nil
}
