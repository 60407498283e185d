package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/processor"
)

// result is api.Result with its data not yet encoded.
type result struct {
	Type      processor.Type `json:"type"`
	Processor string         `json:"processor"`
	Data      any            `json:"data"`
}

// ProcessingList answers what a processor makes of the stats of all clients, or
// of the analyses asked for.
func (s *Server) ProcessingList(ctx context.Context, request server.ProcessingListRequestObject) (server.ProcessingListResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	asked, err := s.processingQuery(request.Params, request.Body)
	if err != nil {
		return nil, err
	}
	sums, err := s.store.DailySums(ctx, asked.filter)
	if err != nil {
		return nil, fmt.Errorf("process %s: %w", asked.processor.Name, err)
	}
	answered := result{Type: asked.filter.Type, Processor: asked.processor.Name, Data: []struct{}{}}
	if len(sums) > 0 {
		answered.Data = asked.processor.Process(sums, asked.params)
	}
	return replyJSON(http.StatusOK, answered, mask), nil
}

// GetProcessorList answers the processors in the order of their names.
func (s *Server) GetProcessorList(_ context.Context, request server.GetProcessorListRequestObject) (server.GetProcessorListResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	var list api.ProcessorList
	for _, p := range processor.All() {
		list = append(list, api.Processor{Name: p.Name, Description: p.Description})
	}
	return replyJSON(http.StatusOK, list, mask), nil
}
