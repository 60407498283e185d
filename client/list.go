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

// Query says which stats to list. The zero Query lists the last three months.
type Query struct {
	Type Type        // all types when empty
	ANRs []uuid.UUID // only these analyses; none does not filter
	From Date        // first day; three months before To when zero
	To   Date        // last day; today when zero

	// Last lists the newest stat of each analysis and type, whatever its date.
	Last bool
	// GroupByANR keeps the stats of an analysis together, instead of the newest
	// date first.
	GroupByANR bool

	Offset int // stats to leave out at the beginning
	Limit  int // stats to list at most; 0 is all
}

// All lists stats, newest date first and then by UUID. It asks for one page after
// the other and hands each stat on as it arrives, so that memory does not grow
// with their number. Where the connection breaks, it goes on with the next stat.
// Stats that are posted meanwhile are listed or not, but none is listed twice.
//
// An error ends the list. It is yielded beside a zero Stat.
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

// listing is one All under way. While the list is in the order of dates, it moves
// the end of the range along and counts its offset from there: that is cheap for
// the service, and stats posted for later days move nothing.
type listing struct {
	client *Client
	query  Query
	yield  func(Stat, error) bool

	from   Date // zero: not known
	to     Date
	offset int
	left   int // of the limit; without one it is not looked at

	day  Date               // of the newest stat
	seen map[uuid.UUID]bool // stats of that day

	ended   bool
	stopped bool // by the caller
}

// errStopped ends the reading of a page whose rest the caller does not want.
var errStopped = errors.New("stopped")

// page asks for what follows and hands it on. An error after at least one stat
// is dropped when it is temporary: the next page begins where this one broke off.
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
		DateFrom: written(l.from), DateTo: written(l.to),
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

// take hands a stat on and moves the beginning of the next page behind it.
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

// byDate reports whether the first stat of a day is the beginning of a range:
// dates go down, its other end is known, and no stats are left out before it.
func (l *listing) byDate() bool {
	return !l.query.Last && !l.query.GroupByANR && !l.from.IsZero() && (l.query.Offset == 0 || l.left < l.query.Limit)
}

// firstDay returns date_from of the link to the next page, which the service
// chose where the caller did not.
func firstDay(link string) (day Date) {
	address, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if u, err := url.Parse(address); err == nil {
		_ = day.UnmarshalText([]byte(u.Query().Get("date_from"))) // else none
	}
	return day
}

func written(day Date) string {
	if day.IsZero() {
		return ""
	}
	return day.Format(time.DateOnly)
}

// eachStat reads {"data": [...]} and calls visit for each stat as it comes.
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

// unreadable is an answer of success that is cut off or not what it should be.
// The errors of the connection and of the context stay as they are.
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
