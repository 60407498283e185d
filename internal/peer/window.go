// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// windowReader is the state of pulling one window, over all attempts.
type windowReader struct {
	*pull
	window window

	stored int   // by any attempt
	best   tally // of the attempt that got farthest
	tally  tally // of the current attempt
	batch  []stats.Item
	size   int

	unusable int // items in a row that are malformed or were not requested
}

// tally counts the items of one response.
type tally struct {
	valid, refused, skipped int
	refusals                []Refusal // the first of them, up to MaxRefusals
	lastDay                 time.Time
}

func (t tally) items() int { return t.valid + t.refused + t.skipped }

// report adds the window to the summary. An item that an earlier attempt stored counts
// as new.
func (r *windowReader) report(s *Summary) {
	s.Sent += r.stored
	s.AlreadyThere += max(0, r.best.valid-r.stored)
	s.Skipped += r.best.skipped
	s.refuseMany(r.best.refused, r.best.refusals)
	if !r.best.lastDay.IsZero() {
		s.LastDay, s.LastOf = r.best.lastDay, string(r.window.statsType)
	}
}

// attempt requests the window once and stores the response as it arrives.
func (r *windowReader) attempt(ctx context.Context) error {
	r.tally, r.batch, r.size, r.unusable = tally{}, r.batch[:0], 0, 0
	if r.opts.DryRun {
		r.stored = 0 // nothing is stored: each attempt counts from the start
	}
	err := r.ask(ctx)
	if r.tally.items() >= r.best.items() {
		r.best = r.tally
	}
	return err
}

func (r *windowReader) ask(ctx context.Context) error {
	response, err := r.api.ListStats(ctx, nil, api.StatsQuery{
		Type:     string(r.window.statsType),
		DateFrom: r.window.from.Format(time.DateOnly),
		DateTo:   r.window.to.Format(time.DateOnly),
	})
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return r.refusal(response)
	}
	defer response.Body.Close()
	readErr := r.read(ctx, response.Body)
	// Items before the unreadable place are good.
	if err := r.flush(ctx); err != nil || readErr == nil {
		return err
	}
	return r.unreadable(readErr)
}

func (r *windowReader) read(ctx context.Context, body io.Reader) error {
	b := newBounded(body, r.link, listLimits)
	d := jsontext.NewDecoder(b, anyText)
	listed := false
	err := eachMember(d, func(name string) error {
		if name != "data" || d.PeekKind() != jsontext.KindBeginArray {
			return d.SkipValue()
		}
		listed = true
		return b.eachElement(d, func() error {
			value, err := d.ReadValue()
			if err != nil {
				return err
			}
			return r.add(ctx, value)
		})
	})
	if err == nil && !listed {
		return errNotAnswer
	}
	return err
}

// add takes an item of the response. value is valid only until add returns.
func (r *windowReader) add(ctx context.Context, value jsontext.Value) error {
	item, name, err := decodeItem(value)
	if err != nil {
		r.refuse(name, err)
		return r.countUnusable()
	}
	if item.Type != r.window.statsType || !r.window.covers(item.Date) {
		r.tally.skipped++
		return r.countUnusable()
	}
	r.unusable = 0
	length := len(item.Data) + itemOverhead
	if len(r.batch) == r.opts.BatchCount || r.size > 0 && r.size+length > r.opts.BatchBytes {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	r.batch, r.size = append(r.batch, item), r.size+length
	return nil
}

// maxUnusable bounds the stats in a row that are malformed or were not requested.
const maxUnusable = 100_000

// countUnusable fails on a response that seems to have no end of unusable items.
func (r *windowReader) countUnusable() error {
	if r.unusable++; r.unusable < maxUnusable {
		return nil
	}
	return r.permanentFailure(fmt.Sprintf("it lists %d stats in a row that are malformed or were not asked for", r.unusable))
}

func (r *windowReader) refuse(name string, reason error) {
	name = printable(name)
	text := printable(fieldReasons(reason))
	r.logRefusal("the peer sent a malformed stat", "uuid", name, "type", string(r.window.statsType), "reason", text)
	r.tally.refused++
	if len(r.tally.refusals) < MaxRefusals {
		r.tally.refusals = append(r.tally.refusals, Refusal{UUID: name, Reason: text})
	}
}

// fieldReasons returns the reasons of an *stats.InvalidError alone.
func fieldReasons(err error) string {
	invalid, ok := errors.AsType[*stats.InvalidError](err)
	if !ok {
		return err.Error()
	}
	return listFields(invalid.Fields)[0]
}

// decodeItem validates an item like one that a front office posts. name is its UUID as
// it was sent, if any.
func decodeItem(value jsontext.Value) (item stats.Item, name string, err error) {
	var wire struct {
		UUID string         `json:"uuid"`
		ANR  string         `json:"anr"`
		Type string         `json:"type"`
		Date string         `json:"date"`
		Data jsontext.Value `json:"data"`
	}
	if err := json.Unmarshal(value, &wire, anyText); err != nil {
		return item, wire.UUID, errors.New("it is not an object with the strings uuid, anr, type and date")
	}
	if !value.IsValid(jsontext.AllowDuplicateNames(true)) {
		return item, wire.UUID, errors.New("it has text that is not Unicode, which cannot be stored")
	}
	item.Data = wire.Data
	if item.UUID, err = parseID("uuid", wire.UUID); err != nil {
		return item, wire.UUID, err
	}
	if item.ANR, err = parseID("anr", wire.ANR); err != nil {
		return item, wire.UUID, err
	}
	if item.Type, err = stats.ParseType(wire.Type); err != nil {
		return item, wire.UUID, err
	}
	if item.Date, err = stats.ParseDate(wire.Date); err != nil {
		return item, wire.UUID, err
	}
	item.Fingerprint = stats.FingerprintOf(item.Type, item.Data)
	return item, wire.UUID, item.Read()
}

func parseID(field, text string) (uuid.UUID, error) {
	id, err := lenient.ParseUUID(text)
	if err == nil && id == uuid.Nil {
		err = errors.New("must not be the nil UUID")
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("%s %w", field, err)
	}
	return id, nil
}

// flush stores the collected items, even if ctx has ended; then it returns the error
// of ctx.
func (r *windowReader) flush(ctx context.Context) error {
	batch := r.batch
	r.batch, r.size = nil, 0
	if len(batch) == 0 {
		return ctx.Err()
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := r.store(writing, batch); err != nil {
		return err
	}
	return ctx.Err()
}

// store inserts items. If the database refuses them, it finds the malformed ones.
func (r *windowReader) store(ctx context.Context, batch []stats.Item) error {
	if r.opts.DryRun {
		return r.countFresh(ctx, batch)
	}
	fresh, err := r.fresh(ctx, batch)
	if err != nil {
		return err
	}
	results, err := r.opts.Store.InsertBatch(ctx, r.opts.Client, stats.Batch{Items: fresh})
	if _, invalid := errors.AsType[*stats.InvalidError](err); invalid {
		return r.storeHalves(ctx, batch, err)
	}
	if err != nil {
		return err
	}
	for _, result := range results {
		if result.Status == stats.Stored {
			r.stored++
		}
	}
	r.count(batch)
	return r.opts.Store.RecordReceipts(ctx, r.peerID, idsOf(batch))
}

// fresh leaves out what the client has under another UUID, such as duplicates that
// were removed here and would come back.
func (r *windowReader) fresh(ctx context.Context, batch []stats.Item) ([]stats.Item, error) {
	repeats, err := r.opts.Store.Repeats(ctx, r.opts.Client, batch)
	if err != nil {
		return nil, err
	}
	var fresh []stats.Item
	for i := range batch {
		if !repeats[i] {
			fresh = append(fresh, batch[i])
		}
	}
	return fresh, nil
}

func (r *windowReader) storeHalves(ctx context.Context, batch []stats.Item, reason error) error {
	if len(batch) == 1 {
		r.refuse(batch[0].UUID.String(), reason)
		return nil
	}
	middle := len(batch) / 2
	if err := r.store(ctx, batch[:middle]); err != nil {
		return err
	}
	return r.store(ctx, batch[middle:])
}

// countFresh counts what store would have stored.
func (r *windowReader) countFresh(ctx context.Context, batch []stats.Item) error {
	fresh, err := r.fresh(ctx, batch)
	if err != nil {
		return err
	}
	there, err := r.opts.Store.CountStored(ctx, idsOf(fresh))
	if err != nil {
		return err
	}
	r.stored += len(fresh) - int(there)
	r.count(batch)
	return nil
}

func (r *windowReader) count(batch []stats.Item) {
	r.tally.valid += len(batch)
	for i := range batch {
		if day := batch[i].Date; day.After(r.tally.lastDay) {
			r.tally.lastDay = day
		}
	}
}

func idsOf(batch []stats.Item) []uuid.UUID {
	ids := make([]uuid.UUID, len(batch))
	for i := range batch {
		ids[i] = batch[i].UUID
	}
	return ids
}
