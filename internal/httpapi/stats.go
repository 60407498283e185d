package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// ListStats answers the stats that the caller may see, streamed.
func (s *Server) ListStats(ctx context.Context, request server.ListStatsRequestObject) (server.ListStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	q := asked(ctx)
	mask := q.mask(request.Params.XFields)
	query, nothing := s.listQuery(q, request.Params, request.Body)
	if err := q.faults.err(); err != nil {
		return nil, err
	}
	list := statsList{store: s.store, scope: client.Scope(), query: query, mask: mask}
	if nothing {
		list.scope = stats.Scope{}
	}
	return reply(func(w http.ResponseWriter) error { return list.write(ctx, w) }), nil
}

// GetStats answers one stats, or those of an analysis, streamed.
func (s *Server) GetStats(ctx context.Context, request server.GetStatsRequestObject) (server.GetStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	q := asked(ctx)
	mask := q.mask(request.Params.XFields)
	anr, id, err := q.identifiers(request.ANR, request.Params.UUID)
	if err != nil {
		return nil, err
	}
	if id == nil {
		list := statsList{store: s.store, scope: client.Scope(), mask: mask}
		list.query.ANRs = []uuid.UUID{anr}
		return reply(func(w http.ResponseWriter) error { return list.writeArray(ctx, w) }), nil
	}
	stat, err := s.store.Stat(ctx, client.Scope(), anr, *id)
	if err != nil {
		return nil, err
	}
	return replyJSON(ctx, http.StatusOK, wireStat(stat), mask), nil
}

// DeleteStats deletes the stats of an analysis, or one of them, as far as they
// are the caller's.
func (s *Server) DeleteStats(ctx context.Context, request server.DeleteStatsRequestObject) (server.DeleteStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	anr, id, err := asked(ctx).identifiers(request.ANR, request.Params.UUID)
	if err != nil {
		return nil, err
	}
	deleted, err := s.store.DeleteStats(ctx, client.Scope(), anr, id)
	s.changed(stats.Types()...)
	if err != nil {
		return nil, err
	}
	if deleted == 0 {
		return nil, fmt.Errorf("delete stats of analysis %s: %w", anr, stats.ErrNotFound)
	}
	return replyStatus(http.StatusNoContent), nil
}

// identifiers reads the analysis of the path and the optional stats of the
// query. It ends the question: its error tells all faults.
func (q *question) identifiers(path, query string) (anr uuid.UUID, id *uuid.UUID, err error) {
	if strings.Contains(path, "/") { // the router takes all that is left for the last parameter
		return anr, nil, echo.ErrNotFound
	}
	anr = q.id("anr", path)
	if query != "" {
		stat := q.id("uuid", query)
		id = &stat
	}
	return anr, id, q.faults.err()
}

// CreateStats stores a batch as a whole or not at all.
func (s *Server) CreateStats(ctx context.Context, request server.CreateStatsRequestObject) (server.CreateStatsResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	items, err := itemsOf(*request.Body)
	if err != nil {
		return nil, err
	}
	*request.Body = nil // the items have all of it
	outcomes, err := s.store.InsertStats(ctx, client, items)
	s.changed(typesOf(items)...)
	if err != nil {
		return nil, refusal(items, fmt.Errorf("store %d stats: %w", len(items), err))
	}
	batch := batchAnswer{items: items, outcomes: outcomes, mask: mask}
	s.logDuplicates(ctx, batch.duplicates())
	return reply(batch.write), nil
}

// maxDuplicatesLogged is how many duplicates of a batch are logged.
const maxDuplicatesLogged = 20

// logDuplicates says which stats were sent under a uuid that is taken.
func (s *Server) logDuplicates(ctx context.Context, duplicates []uuid.UUID) {
	id := visitOf(ctx).idAttr()
	for i, duplicate := range duplicates {
		if i == maxDuplicatesLogged {
			s.logVisit(ctx, s.areas.stats, slog.LevelWarn, "More duplicate stats in the same batch", slog.Int("more", len(duplicates)-i), id)
			return
		}
		s.logVisit(ctx, s.areas.stats, slog.LevelWarn, "Duplicate stats: "+duplicate.String(), id)
	}
}

// maxReported is how many items of a batch at most have their errors listed.
const maxReported = 20

// itemsOf returns the items of a batch, whose data the store validates. Its
// error is an *stats.InvalidError that names items by their index.
func itemsOf(batch []api.NewStats) ([]postgres.Item, error) {
	items := make([]postgres.Item, len(batch))
	for i := range batch {
		item, err := itemOf(batch[i])
		if err != nil {
			return nil, faultsOf(batch)
		}
		items[i] = item
	}
	return items, nil
}

// refusal tells all that is wrong with a batch that was refused for an item.
func refusal(items []postgres.Item, cause error) error {
	if _, isBad := errors.AsType[*stats.InvalidError](cause); !isBad {
		return cause
	}
	if faults := faultsIn(len(items), func(i int) *stats.InvalidError { return checkData(items[i]) }); faults != nil {
		return faults
	}
	return cause // only the database knows why
}

// faultsOf validates every item of a batch and returns nil or an
// *stats.InvalidError that names items by their index.
func faultsOf(batch []api.NewStats) error {
	return faultsIn(len(batch), func(i int) *stats.InvalidError {
		item, err := itemOf(batch[i])
		if err != nil {
			return err
		}
		return checkData(item)
	})
}

// faultsIn gathers what check says of n items.
func faultsIn(n int, check func(i int) *stats.InvalidError) error {
	faults := map[string]string{}
	faulty := 0
	for i := range n {
		err := check(i)
		if err == nil {
			continue
		}
		for field, reason := range err.Under(strconv.Itoa(i)).Fields {
			faults[field] = reason
		}
		if faulty++; faulty == maxReported {
			break
		}
	}
	if faulty == 0 {
		return nil
	}
	return &stats.InvalidError{Message: "Input payload validation failed; nothing was stored", Fields: faults}
}

func checkData(item postgres.Item) *stats.InvalidError {
	if _, err := stats.Observations(item.Stat.Type, item.Stat.Data); err != nil {
		return asInvalid(err)
	}
	return nil
}

func itemOf(item api.NewStats) (postgres.Item, *stats.InvalidError) {
	if field := missingField(item); field != "" {
		return postgres.Item{}, stats.Invalid(field, "is required")
	}
	t, err := stats.ParseType(item.Type)
	if err != nil {
		return postgres.Item{}, asInvalid(err)
	}
	stat := stats.Stat{ANR: item.ANR, Type: t, Date: item.Date.Time, Data: item.Data}
	if item.UUID != nil {
		stat.UUID = *item.UUID
	}
	return postgres.Item{Stat: stat}, nil
}

// asInvalid returns err, which is about the input, as what it is.
func asInvalid(err error) *stats.InvalidError {
	var bad *stats.InvalidError
	if errors.As(err, &bad) {
		return bad
	}
	return stats.Invalid("data", "%s", err)
}

func missingField(item api.NewStats) string {
	switch {
	case item.ANR == uuid.Nil:
		return "anr"
	case item.Type == "":
		return "type"
	case item.Date.IsZero():
		return "date"
	case len(item.Data) == 0:
		return "data"
	}
	return ""
}

func wireStat(stat stats.Stat) api.Stats {
	return api.Stats{
		UUID: stat.UUID,
		ANR:  stat.ANR,
		Type: string(stat.Type),
		Date: types.Date{Time: stat.Date},
		Data: stat.Data,
	}
}

func metadata(count int, page stats.Page) api.Metadata {
	return api.Metadata{
		Count:  strconv.Itoa(count),
		Offset: strconv.FormatInt(page.Offset, 10),
		Limit:  strconv.FormatInt(page.Limit, 10),
	}
}
