// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// Query selects the stats to list. The zero Query lists the last three months.
type Query struct {
	Type Type        // all types when empty
	ANRs []uuid.UUID // only these analyses; all when empty
	From Date        // first day; three months before To when zero
	To   Date        // last day; today when zero

	// Last lists the newest stat of each analysis and type, whatever its date.
	Last bool
	// GroupByANR keeps the stats of an analysis together, instead of the newest
	// date first.
	GroupByANR bool

	Offset int // stats to skip
	Limit  int // maximum number of stats; 0 means all
}

// All lists stats, newest date first and then by UUID. It requests page after page and
// yields each stat as it arrives, so that memory does not grow with their number. If
// the connection breaks, it continues with the next stat. Stats posted meanwhile may or
// may not be listed, but none is listed twice.
//
// An error ends the list. It is yielded with a zero Stat.
func (c *Client) All(ctx context.Context, query Query) iter.Seq2[Stat, error] {
	return func(yield func(Stat, error) bool) {
		l := &listing{client: c, query: query, yield: yield, left: query.Limit, offset: query.Offset, to: query.To, from: query.From}
		for !l.ended {
			if err := c.repeat(ctx, "list stats", nil, func() error { return l.page(ctx) }); err != nil {
				if !l.stopped {
					yield(Stat{}, err)
				}
				return
			}
		}
	}
}

// listing is the state of one All. While the list is ordered by date, each page ends
// the range at the current day and counts its offset from there. That is cheap for the
// service, and stats posted for later days do not shift it.
type listing struct {
	client *Client
	query  Query
	yield  func(Stat, error) bool

	from   Date // zero: unknown
	to     Date
	offset int
	left   int // remaining part of the limit; unused without one

	day  Date               // of the last stat
	seen map[uuid.UUID]bool // stats of that day

	ended   bool
	stopped bool // the caller has stopped early
}

// errStopped ends the reading of a page if the caller stops early.
var errStopped = errors.New("stopped")

// page requests the next page and yields its stats. A temporary error after at least
// one stat is dropped: the next page starts where this one was cut off.
func (l *listing) page(ctx context.Context) error {
	size := l.client.batchSize
	if l.query.Limit > 0 {
		size = min(size, l.left)
	}
	n, err := l.read(ctx, size)
	var failed *Error
	switch {
	case errors.Is(err, errStopped):
		l.ended, l.stopped = true, true
		return nil
	case errors.As(err, &failed) && failed.Temporary() && n > 0:
		return nil
	case err != nil:
		return err
	}
	l.ended = n < size || l.query.Limit > 0 && l.left == 0
	return nil
}

// read returns how many stats the page had.
func (l *listing) read(ctx context.Context, size int) (n int, err error) {
	response, err := l.client.api.ListStats(ctx, nil, l.body(size))
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, ReadError(response, time.Now())
	}
	defer response.Body.Close()
	if err := checkJSON(response); err != nil {
		return 0, err
	}
	if l.from.IsZero() {
		l.from = firstDay(response.Header.Get("Link"))
	}
	err = eachStat(response.Body, func(stat Stat) error {
		n++
		return l.take(stat)
	})
	return n, err
}

func (l *listing) body(size int) api.StatsQuery {
	offset, limit := lenient.Integer(l.offset), lenient.Integer(size)
	query := api.StatsQuery{
		Type: string(l.query.Type), ANRs: l.query.ANRs,
		DateFrom: formatDate(l.from), DateTo: formatDate(l.to),
		Offset: &offset, Limit: &limit,
	}
	if l.query.Last {
		last := lenient.Boolean(true)
		query.GetLast = &last
	}
	if l.query.GroupByANR {
		grouped := lenient.Integer(1)
		query.GroupByANR = &grouped
	}
	return query
}

// take yields a stat and moves the start of the next page past it.
func (l *listing) take(stat Stat) error {
	l.offset++
	newDay := stat.Date != l.day
	if newDay {
		l.day, l.seen = stat.Date, map[uuid.UUID]bool{}
	}
	if newDay && l.byDate() {
		l.to, l.offset = stat.Date, 1
	}
	if l.seen[stat.UUID] {
		return nil
	}
	l.seen[stat.UUID] = true
	l.left--
	if !l.yield(stat, nil) {
		return errStopped
	}
	if l.query.Limit > 0 && l.left == 0 {
		l.ended = true
	}
	return nil
}

// byDate reports whether pages can start at a day: the list is in descending order of
// dates, its first day is known, and no stats are skipped.
func (l *listing) byDate() bool {
	return !l.query.Last && !l.query.GroupByANR && !l.from.IsZero() && (l.query.Offset == 0 || l.left < l.query.Limit)
}

// firstDay returns date_from of the link to the next page; the service chooses it if
// the caller does not.
func firstDay(link string) (day Date) {
	address, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if u, err := url.Parse(address); err == nil {
		_ = day.UnmarshalText([]byte(u.Query().Get("date_from"))) // otherwise zero
	}
	return day
}

// formatDate returns a date as in a query, or "" for the zero Date.
func formatDate(day Date) string {
	if day.IsZero() {
		return ""
	}
	return day.Format(time.DateOnly)
}

// eachStat reads {"data": [...]} and calls visit for each stat as it arrives.
func eachStat(body io.Reader, visit func(Stat) error) error {
	d := json.NewDecoder(body)
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return unreadable(err)
		}
		if name != "data" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return unreadable(err)
			}
			continue
		}
		if err := expect(d, json.Delim('[')); err != nil {
			return err
		}
		for d.More() {
			var stat Stat
			if err := d.Decode(&stat); err != nil {
				return unreadable(err)
			}
			if err := visit(stat); err != nil {
				return err
			}
		}
		if err := expect(d, json.Delim(']')); err != nil {
			return err
		}
	}
	return expect(d, json.Delim('}'))
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return unreadable(err)
	}
	if token != want {
		return &Error{Err: fmt.Errorf("%w It lists no stats", ErrNotService)}
	}
	return nil
}

// unreadable returns the error for a successful answer that is cut off or malformed. It
// returns errors of the connection and of the context unchanged.
func unreadable(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Err: errors.New("its answer is cut off")}
	case errors.As(err, &syntax), errors.As(err, &kind):
		return &Error{Err: fmt.Errorf("%w Its answer cannot be read: %w", ErrNotService, err)}
	}
	return err
}
