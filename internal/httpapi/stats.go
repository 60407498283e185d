// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// ListStats streams the stats that the caller may see.
func (s *Server) ListStats(ctx context.Context, request server.ListStatsRequestObject) (server.ListStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	q := parametersOf(ctx)
	mask := q.mask(request.Params.XFields)
	query, nothing := s.listQuery(q, request.Params, request.Body)
	if err := q.errors.err(); err != nil {
		return nil, err
	}
	list := s.listOf(client, query, mask)
	if nothing {
		list.scope = stats.Scope{}
	}
	return response(func(w http.ResponseWriter) error { return list.write(ctx, w) }), nil
}

func (s *Server) listOf(client stats.Client, query postgres.ListQuery, mask *fieldmask.Mask) statsList {
	return statsList{store: s.store.StatStore, limits: s.lists, client: client.ID, scope: client.Scope(), query: query, mask: mask}
}

// GetStats answers with one stat, or streams the stats of an analysis.
func (s *Server) GetStats(ctx context.Context, request server.GetStatsRequestObject) (server.GetStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	q := parametersOf(ctx)
	mask := q.mask(request.Params.XFields)
	anr, id, err := q.identifiers(request.ANR, request.Params.UUID)
	if err != nil {
		return nil, err
	}
	if id == nil {
		list := s.listOf(client, postgres.ListQuery{Filter: stats.Filter{ANRs: []uuid.UUID{anr}}}, mask)
		return response(func(w http.ResponseWriter) error { return list.writeArray(ctx, w) }), nil
	}
	stat, err := s.store.Stat(ctx, client.Scope(), anr, *id)
	if err != nil {
		return nil, err
	}
	return respondJSON(ctx, http.StatusOK, json.RawMessage(appendStat(nil, stat)), mask), nil
}

// DeleteStats deletes the caller's stats of an analysis, or one of them.
func (s *Server) DeleteStats(ctx context.Context, request server.DeleteStatsRequestObject) (server.DeleteStatsResponseObject, error) {
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	anr, id, err := parametersOf(ctx).identifiers(request.ANR, request.Params.UUID)
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
	return respondStatus(http.StatusNoContent), nil
}

// identifiers reads the analysis in the path and the optional stat in the query. Its
// error has all validation errors of the request.
func (q *parameters) identifiers(path, query string) (anr uuid.UUID, id *uuid.UUID, err error) {
	if strings.Contains(path, "/") { // the router's last parameter matches the rest of the path
		return anr, nil, echo.ErrNotFound
	}
	anr = q.id("anr", path)
	if query != "" {
		stat := q.id("uuid", query)
		id = &stat
	}
	return anr, id, q.errors.err()
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
	batch, err := s.parseBatch(ctx)
	if err != nil {
		return nil, err
	}
	results, err := s.store.InsertBatch(ctx, client, batch)
	s.changed(batch.Types()...)
	if err != nil {
		return nil, fmt.Errorf("store %d stats: %w", len(batch.Items), err)
	}
	s.countStored(results)
	created := batchAnswer{items: batch.Items, results: results, mask: mask}
	s.logDuplicates(ctx, created.duplicates())
	return response(created.write), nil
}

// parseBatch parses a batch in its decoding slot. It lets others have the slot while
// the database answers, and afterwards.
func (s *Server) parseBatch(ctx context.Context) (stats.Batch, error) {
	slot := slotOf(ctx)
	defer slot.pause()
	return stats.ParseBatch(posted(ctx), func(sent []stats.SentDocument) (map[stats.SentDocument]stats.Digest, error) {
		slot.pause()
		known, err := s.store.KnownDocuments(ctx, sent)
		s.metrics.Documents(len(sent)-len(known), len(known))
		return known, errors.Join(err, slot.resume())
	}, slot.yield)
}

// maxDuplicatesLogged is how many duplicates of a batch are logged.
const maxDuplicatesLogged = 20

// logDuplicates logs the stats whose UUIDs were already in use.
func (s *Server) logDuplicates(ctx context.Context, duplicates []uuid.UUID) {
	id := requestInfoOf(ctx).idAttr()
	for i, duplicate := range duplicates {
		if i == maxDuplicatesLogged {
			s.logLine(ctx, s.loggers.stats, slog.LevelWarn, "More duplicate stats in the same batch", slog.Int("more", len(duplicates)-i), id)
			return
		}
		s.logLine(ctx, s.loggers.stats, slog.LevelWarn, "Duplicate stats: "+duplicate.String(), id)
	}
}

func metadata(count int, page stats.Page) api.Metadata {
	return api.Metadata{
		Count:  strconv.Itoa(count),
		Offset: strconv.FormatInt(page.Offset, 10),
		Limit:  strconv.FormatInt(page.Limit, 10),
	}
}

// batchAnswer reports the results of a batch. It is sent item by item with the received
// data, since a second copy of a large batch would double its memory. It is never
// compressed: it repeats what the caller has just sent, and compression took a sixth of
// the time of a post.
type batchAnswer struct {
	items   []stats.Item
	results []stats.Result // one for each item
	mask    *fieldmask.Mask
}

// duplicates returns the UUIDs that were already in use.
func (b batchAnswer) duplicates() []uuid.UUID {
	var ids []uuid.UUID
	for _, result := range b.results {
		if result.Status == stats.Duplicate {
			ids = append(ids, result.Stat.UUID)
		}
	}
	return ids
}

// write answers 201, or 207 when there are duplicates.
func (b batchAnswer) write(w http.ResponseWriter) error {
	duplicates := b.duplicates()
	status := http.StatusCreated
	if len(duplicates) > 0 {
		status = http.StatusMultiStatus
	}
	members := envelope{
		Metadata:   metadata(len(b.results)-len(duplicates), stats.Page{}),
		Duplicates: duplicates,
	}
	rowMask, wanted := b.mask.Sub("data")
	if !wanted {
		return answer.JSON{Status: status, Value: members, Mask: b.mask}.Write(w)
	}
	rest, err := answer.Encode(members, b.mask)
	if err != nil {
		return err
	}
	list := answer.NewMemberWriter(w, status, "data", rowMask, answer.Negotiation{})
	if err := b.copyTo(list); err != nil {
		return err
	}
	return list.EndObject(rest)
}

// copyTo adds every stored item, with the data that was sent.
func (b batchAnswer) copyTo(list *answer.ListWriter) error {
	var row []byte
	for i, result := range b.results {
		if result.Status == stats.Duplicate {
			continue
		}
		stat := result.Stat
		stat.Data = b.items[i].Data
		row = appendStat(row[:0], stat)
		if err := list.Add(row); err != nil {
			return err
		}
	}
	return nil
}
