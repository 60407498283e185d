// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/stats"
)

// maxLinkLength keeps the Link header below what proxies accept of a header.
const maxLinkLength = 2000

// statsList is an answer that streams row by row from the database to the caller.
type statsList struct {
	store  postgres.StatStore
	limits *listLimits
	client int64
	scope  stats.Scope
	query  postgres.ListQuery
	mask   *fieldmask.Mask
}

// listLimits leaves some of the lists that can be read at a time to other clients: a
// client may read all of its lists slowly.
type listLimits struct {
	clients *clientShares
	timeout time.Duration // that a list waits for others of its client
}

func newListLimits(atOnce int64, timeout time.Duration) *listLimits {
	return &listLimits{clients: newClientShares(max(1, atOnce/2)), timeout: timeout}
}

// acquire waits until the client may read one more list. Its errors are stats.ErrBusy
// and the error of ctx.
func (l *listLimits) acquire(ctx context.Context, client int64) error {
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	if l.clients.acquire(limited, client, 1) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: the client reads as many lists as it may", stats.ErrBusy)
}

// envelope has the members of the answer other than the stats.
type envelope struct {
	Metadata   api.Metadata `json:"metadata"`
	Duplicates []uuid.UUID  `json:"duplicates,omitempty"`
}

// writeArray answers with the stats as a bare array.
func (l statsList) writeArray(ctx context.Context, w http.ResponseWriter) error {
	if isHead(ctx) {
		return writeHeader(w)
	}
	list := answer.NewArrayWriter(w, http.StatusOK, l.mask, answer.NegotiationOf(ctx))
	if err := l.copyTo(ctx, list); err != nil {
		return l.unsent(ctx, list, err)
	}
	return list.End()
}

// write answers {"data": [...], "metadata": {...}}. The metadata comes last because it
// counts what was streamed.
func (l statsList) write(ctx context.Context, w http.ResponseWriter) error {
	if err := l.linkNext(ctx, w); err != nil {
		return err
	}
	if isHead(ctx) {
		return writeHeader(w)
	}
	rowMask, wanted := l.mask.Sub("data")
	if !wanted {
		return l.writeMetadata(ctx, w)
	}
	list := answer.NewMemberWriter(w, http.StatusOK, "data", rowMask, answer.NegotiationOf(ctx))
	if err := l.copyTo(ctx, list); err != nil {
		return l.unsent(ctx, list, err)
	}
	rest, err := answer.Encode(l.envelope(list.Count()), l.mask)
	if err != nil {
		return l.unsent(ctx, list, err)
	}
	return list.EndObject(rest)
}

// copyTo adds every stat to the list.
func (l statsList) copyTo(ctx context.Context, list *answer.ListWriter) error {
	var row []byte
	time, slot := deadlineOf(ctx), slotOf(ctx)
	return l.each(ctx, l.query, func(stat stats.Stat) error {
		slot.leave()
		time.pause() // slow callers have a limit of their own
		defer time.renew()
		row = appendStat(row[:0], stat)
		return list.Add(row)
	})
}

// each calls visit for each stat that matches a query. While it waits for other lists,
// others have the slot of the request's body.
func (l statsList) each(ctx context.Context, query postgres.ListQuery, visit func(stats.Stat) error) error {
	slot := slotOf(ctx)
	slot.pause()
	if err := l.limits.acquire(ctx, l.client); err != nil {
		return err
	}
	defer l.limits.clients.release(l.client, 1)
	turn, err := l.store.AwaitList(ctx)
	if err != nil {
		return err
	}
	defer turn.End()
	if err := slot.resume(); err != nil {
		return err
	}
	_, err = turn.EachStat(ctx, l.scope, query, visit)
	return err
}

// unsent returns err if it can still be answered. Otherwise part of the list has been
// sent: it aborts the connection, so that the list does not look complete.
func (l statsList) unsent(ctx context.Context, list *answer.ListWriter, err error) error {
	if !list.Started() {
		return err
	}
	level := slog.LevelError
	if errors.Is(err, answer.ErrDisconnected) || ctx.Err() != nil && !timedOut(ctx) {
		level = slog.LevelInfo
	}
	requestInfoOf(ctx).failure = &requestFailure{level: level, message: "a list was cut off", cause: err}
	panic(http.ErrAbortHandler)
}

func (l statsList) envelope(count int) envelope {
	return envelope{Metadata: metadata(count, l.query.Page)}
}

// writeMetadata answers with the number of the stats alone, for a mask without the
// stats.
func (l statsList) writeMetadata(ctx context.Context, w http.ResponseWriter) error {
	count := 0
	time := deadlineOf(ctx)
	err := l.each(ctx, l.query, func(stats.Stat) error {
		slotOf(ctx).leave()
		time.renew()
		count++
		return nil
	})
	if err != nil {
		return err
	}
	return answer.JSON{Status: http.StatusOK, Value: l.envelope(count), Mask: l.mask, Negotiation: answer.NegotiationOf(ctx)}.Write(w)
}

// linkNext sets the Link header to the next page if there is one. Headers are sent
// before the first row, so it first looks up the row after the page.
func (l statsList) linkNext(ctx context.Context, w http.ResponseWriter) error {
	if l.query.Limit == 0 {
		return nil
	}
	next := l.query
	next.Offset += l.query.Limit
	probe := next
	probe.Limit = 1
	found := false
	err := l.each(ctx, probe, func(stats.Stat) error { found = true; return nil })
	if err != nil || !found {
		return err
	}
	address := prefix.Of(ctx) + Root + "/stats/?"
	link := address + queryOf(next).Encode()
	if len(link) > maxLinkLength {
		link = address + pageOf(next.Page).Encode()
	}
	w.Header().Set("Link", "<"+link+`>; rel="next"`)
	return nil
}

func pageOf(page stats.Page) url.Values {
	return url.Values{
		"offset": {strconv.FormatInt(page.Offset, 10)},
		"limit":  {strconv.FormatInt(page.Limit, 10)},
	}
}

// queryOf returns the URL parameters of a query.
func queryOf(query postgres.ListQuery) url.Values {
	values := pageOf(query.Page)
	if query.Type != "" {
		values.Set("type", string(query.Type))
	}
	if len(query.ANRs) > 0 {
		ids := make([]string, len(query.ANRs))
		for i, id := range query.ANRs {
			ids[i] = id.String()
		}
		values.Set("anrs", strings.Join(ids, ","))
	}
	if query.GroupByANR {
		values.Set("group_by_anr", "1")
	}
	if query.LastOnly {
		values.Set("get_last", "true")
		return values
	}
	values.Set("date_from", query.DateFrom.Format(time.DateOnly))
	values.Set("date_to", query.DateTo.Format(time.DateOnly))
	return values
}

// appendStat appends the JSON of a stat. Its data is JSON already.
func appendStat(to []byte, stat stats.Stat) []byte {
	to = append(to, `{"uuid":"`...)
	to = append(to, stat.UUID.String()...)
	to = append(to, `","anr":"`...)
	to = append(to, stat.ANR.String()...)
	to = append(to, `","type":"`...)
	to = append(to, stat.Type...)
	to = append(to, `","date":"`...)
	to = stat.Date.AppendFormat(to, time.DateOnly)
	to = append(to, `","data":`...)
	to = append(to, stat.Data...)
	return append(to, '}')
}
