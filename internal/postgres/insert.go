package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// chunkBytes and chunkRows bound one INSERT, and so what the driver and the
// server hold in memory beside the batch itself.
const (
	chunkBytes = 1 << 20
	chunkRows  = 2_000
)

// observedAtOnce is of how many items the observations are held at a time.
const observedAtOnce = 64

// Item is a stat to be stored.
type Item struct {
	// Stat has a UUID when the sender chose one. ClientID and CreatedAt are the store's.
	Stat stats.Stat
	// Observations are what Stat.Data measures. They take several times its
	// memory: where they are nil, InsertStats finds them out, some at a time.
	Observations []stats.Observation
}

// Outcome is what became of an Item.
type Outcome struct {
	// Stat is the item's stat without Data, with the uuid under which it is
	// stored. Of a duplicate it is just what was sent.
	Stat stats.Stat
	// Stored: this call stored the item. If neither Stored nor Duplicate is set,
	// the client had stored the same content before (or the batch holds it
	// twice), and Stat is that record.
	Stored bool
	// Duplicate: the item's own uuid is taken, by whomever; nothing was changed.
	Duplicate bool
}

// InsertStats stores items as those of client, all or none, and returns one
// Outcome for each, in their order.
//
// An item without a uuid gets stats.ContentID, so that sending it again finds
// what is stored instead of storing it twice; also when several callers do so at
// once. An item with a uuid that exists is a duplicate.
//
// Errors: *stats.InvalidError when data does not validate or the database cannot
// hold a value,
// stats.ErrNotFound when the client is gone.
func (s *Store) InsertStats(ctx context.Context, client stats.Client, items []Item) ([]Outcome, error) {
	if len(items) == 0 {
		return []Outcome{}, nil
	}
	entries, err := s.prepare(ctx, client, items)
	if err != nil {
		return nil, err
	}
	b := batch{clientID: client.ID, createdAt: s.timestamp(), entries: entries}
	err = s.transactLocked(ctx, db.LockShared, b.open, func(w *writing) error { return b.run(ctx, w) })
	if err != nil {
		return nil, fmt.Errorf("insert %d stats of client %d: %w", len(items), client.ID, insertError(ctx, err))
	}
	return b.outcomes(), nil
}

// insertError tells the sender about values that PostgreSQL refused.
func insertError(ctx context.Context, err error) error {
	if ctx.Err() == nil && isUnstorable(err) {
		return stats.Invalid("data", "the database cannot hold it: %s", errorText(err))
	}
	return translate(ctx, err)
}

// entry is an item ready to be stored.
type entry struct {
	stat         *stats.Stat
	contentID    uuid.UUID
	observations []byte // packed
}

// prepare does whatever does not need the transaction.
func (s *Store) prepare(ctx context.Context, client stats.Client, items []Item) ([]entry, error) {
	packed, err := s.packItems(ctx, items)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(items))
	for i := range items {
		contentID, err := stats.ContentID(client.UUID, items[i].Stat)
		if err != nil {
			return nil, fmt.Errorf("identify stats %d: %w", i, err)
		}
		entries[i] = entry{stat: &items[i].Stat, contentID: contentID, observations: packed[i]}
	}
	return entries, nil
}

// packItems packs the observations of each item, after it has made sure that
// the database has their subjects.
func (s *Store) packItems(ctx context.Context, items []Item) ([][]byte, error) {
	packed := make([][]byte, 0, len(items))
	for some := range slices.Chunk(items, observedAtOnce) {
		more, err := s.packSome(ctx, some, len(packed))
		if err != nil {
			return nil, err
		}
		packed = append(packed, more...)
	}
	return packed, nil
}

// packSome is packItems for items of which the first is at a place in the batch.
func (s *Store) packSome(ctx context.Context, items []Item, place int) ([][]byte, error) {
	items, err := observe(items, place)
	if err != nil {
		return nil, err
	}
	ids, err := s.subjectIDs(ctx, items)
	if err != nil {
		return nil, err
	}
	packed := make([][]byte, len(items))
	for i, item := range items {
		n := len(item.Observations)
		if packed[i], err = packObservations(item, ids[:n]); err != nil {
			return nil, fmt.Errorf("stats %d of analysis %s: %w", place+i, item.Stat.ANR, err)
		}
		ids = ids[n:]
	}
	return packed, nil
}

// observe fills in the observations that are not known yet.
func observe(items []Item, place int) ([]Item, error) {
	items = slices.Clone(items)
	for i := range items {
		if items[i].Observations != nil {
			continue
		}
		observations, err := stats.Observations(items[i].Stat.Type, items[i].Stat.Data)
		if bad, isBad := errors.AsType[*stats.InvalidError](err); isBad {
			return nil, bad.Under(strconv.Itoa(place + i))
		}
		if err != nil {
			return nil, err
		}
		items[i].Observations = observations
	}
	return items, nil
}

// packObservations packs what item measured of the subjects with these ids.
func packObservations(item Item, ids []int64) ([]byte, error) {
	width := widthOf(item.Stat.Type)
	buffer := measureBuffers.Get().(*[]measure)
	defer measureBuffers.Put(buffer)
	measures := (*buffer)[:0]
	for i := range item.Observations {
		m := measure{subject: ids[i]}
		for k := range width {
			m.values[k] = amountOf(item.Observations[i].Values[k])
		}
		measures = append(measures, m)
	}
	*buffer = measures
	slices.SortFunc(measures, func(a, b measure) int { return cmp.Compare(a.subject, b.subject) })
	return pack(observed, measures, width)
}

// batch is the state of one attempt to insert entries.
type batch struct {
	clientID  int64
	createdAt time.Time
	entries   []entry

	named  map[uuid.UUID]bool     // uuids chosen by the sender under which a row was inserted
	stored map[uuid.UUID]storedAs // by content id: where this client's content is

	located bool                 // stored has what this client had before this attempt
	missing map[uuid.UUID]*entry // by content id: entries without a uuid, as far as not known to be stored
}

type storedAs struct {
	id        uuid.UUID
	createdAt time.Time
	fresh     bool // by this attempt, for an entry without a uuid
}

// genericPlans has the statements of a transaction planned for any values: none
// of those that insert gains from a plan for its own, for which the server would
// copy the values several times.
//
// What is looked for by its content needs a plan of its own: one for any number
// of contents is made for ten, and compares ten thousand with every row.
const (
	genericPlans = "SET LOCAL plan_cache_mode = force_generic_plan"
	customPlans  = "SET LOCAL plan_cache_mode = force_custom_plan"
)

// open begins an attempt.
func (b *batch) open(start *pgx.Batch, w *writing) {
	b.named, b.stored = map[uuid.UUID]bool{}, map[uuid.UUID]storedAs{}
	b.missing = b.derivedContents()
	w.queueLocal(start, b.clientID)
	if b.located = !b.hasNamed(); b.located {
		b.queueLocate(start)
	}
	start.Queue(genericPlans)
}

// queueLocate looks for what is missing.
func (b *batch) queueLocate(batch *pgx.Batch) {
	batch.Queue(db.StatsByContentID, sortedIDs(b.missing), b.clientID).Query(b.readLocations)
}

// run is the rest of an attempt.
func (b *batch) run(ctx context.Context, w *writing) error {
	if err := b.insertNamed(ctx, w); err != nil {
		return err
	}
	return b.insertDerived(ctx, w)
}

// hasNamed tells whether a sender chose a uuid. What is inserted under it may be
// the content of another entry, which can then be located only afterwards.
func (b *batch) hasNamed() bool {
	return slices.ContainsFunc(b.entries, func(e entry) bool { return e.stat.UUID != uuid.Nil })
}

// readLocations notes where contents are, from the columns of StatsByContentID,
// and that they are not missing.
func (b *batch) readLocations(rows pgx.Rows) error {
	var contentID, id uuid.UUID
	var createdAt time.Time
	_, err := pgx.ForEachRow(rows, []any{&contentID, &id, &createdAt}, func() error {
		b.stored[contentID] = storedAs{id: id, createdAt: createdAt.UTC()}
		delete(b.missing, contentID)
		return nil
	})
	return err
}

// insertNamed inserts the entries whose senders chose a uuid, the first of each.
func (b *batch) insertNamed(ctx context.Context, w *writing) error {
	var rows []newRow
	seen := map[uuid.UUID]bool{}
	for i := range b.entries {
		e := &b.entries[i]
		if e.stat.UUID == uuid.Nil || seen[e.stat.UUID] {
			continue
		}
		seen[e.stat.UUID] = true
		rows = append(rows, newRow{id: e.stat.UUID, entry: e})
	}
	return b.insert(ctx, w, rows)
}

// insertDerived inserts the entries without a uuid whose content the client has
// not stored, once each.
func (b *batch) insertDerived(ctx context.Context, w *writing) error {
	if !b.located {
		if err := b.locate(ctx, w); err != nil {
			return err
		}
	}
	rows := b.rowsFor(func(contentID uuid.UUID) uuid.UUID { return contentID })
	if err := b.insert(ctx, w, rows); err != nil {
		return err
	}
	// What conflicted was either stored by the same client at this moment, or
	// its uuid has been taken by another client.
	if err := b.locate(ctx, w); err != nil || len(b.missing) == 0 {
		return err
	}
	return b.insertSquatted(ctx, w)
}

// derivedContents returns the entries without a uuid by their content.
func (b *batch) derivedContents() map[uuid.UUID]*entry {
	contents := map[uuid.UUID]*entry{}
	for i := range b.entries {
		if e := &b.entries[i]; e.stat.UUID == uuid.Nil {
			contents[e.contentID] = e
		}
	}
	return contents
}

// insertSquatted gives a random uuid to contents whose derived uuid belongs to
// another client. No unique key keeps those from being stored twice by
// simultaneous calls, so they take turns.
func (b *batch) insertSquatted(ctx context.Context, w *writing) error {
	for _, contentID := range sortedIDs(b.missing) {
		if err := w.queries.LockContent(ctx, int64(binary.BigEndian.Uint64(contentID[:8]))); err != nil {
			return err
		}
	}
	if err := b.locate(ctx, w); err != nil {
		return err
	}
	rows := b.rowsFor(func(uuid.UUID) uuid.UUID { return uuid.New() })
	return b.insert(ctx, w, rows)
}

// rowsFor are the rows of what is missing.
func (b *batch) rowsFor(idOf func(contentID uuid.UUID) uuid.UUID) []newRow {
	rows := make([]newRow, 0, len(b.missing))
	for contentID, e := range b.missing {
		rows = append(rows, newRow{id: idOf(contentID), entry: e, derived: true})
	}
	return rows
}

// locate finds out what the client has stored of what is missing.
func (b *batch) locate(ctx context.Context, w *writing) error {
	maps.DeleteFunc(b.missing, func(contentID uuid.UUID, _ *entry) bool {
		_, inserted := b.stored[contentID]
		return inserted
	})
	if len(b.missing) == 0 {
		return nil
	}
	var batch pgx.Batch
	batch.Queue(customPlans)
	b.queueLocate(&batch)
	batch.Queue(genericPlans)
	return w.send(ctx, &batch)
}

// newRow is an entry and the uuid to insert it under.
type newRow struct {
	id      uuid.UUID
	entry   *entry
	derived bool
}

// insert inserts the rows whose uuid is free, in the order of the uuids: two
// batches with the same uuids then wait for each other instead of deadlocking.
func (b *batch) insert(ctx context.Context, w *writing, rows []newRow) error {
	slices.SortFunc(rows, func(x, y newRow) int { return bytes.Compare(x.id[:], y.id[:]) })
	chunks := chunksOf(rows)
	switch len(chunks) {
	case 0:
		return nil
	case 1:
		ids, err := w.queries.InsertStats(ctx, b.insertParams(rows))
		if err != nil {
			return err
		}
		chunks[0] = withIDs(rows, ids)
	default:
		if err := b.insertTogether(ctx, w, chunks); err != nil {
			return err
		}
	}
	return b.noteInserted(ctx, w, chunks)
}

// chunksOf cuts rows into what goes into one statement each.
func chunksOf(rows []newRow) [][]newRow {
	var chunks [][]newRow
	for len(rows) > 0 {
		n := chunkLen(rows)
		chunks = append(chunks, rows[:n])
		rows = rows[n:]
	}
	return chunks
}

// chunkLen is how many of rows go into one statement, at least one.
func chunkLen(rows []newRow) int {
	size := 0
	for i, row := range rows {
		size += len(row.entry.stat.Data) + len(row.entry.observations)
		if i > 0 && (size > chunkBytes || i == chunkRows) {
			return i
		}
	}
	return len(rows)
}

// withIDs reduces rows, in place, to those with one of ids.
func withIDs(rows []newRow, ids []uuid.UUID) []newRow {
	wanted := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	return slices.DeleteFunc(rows, func(row newRow) bool { return !wanted[row.id] })
}

// noteInserted notes what was inserted.
func (b *batch) noteInserted(ctx context.Context, w *writing, chunks [][]newRow) error {
	for _, rows := range chunks {
		changed := make([]observedRow, len(rows))
		for i, row := range rows {
			if row.derived {
				b.stored[row.entry.contentID] = storedAs{id: row.id, createdAt: b.createdAt, fresh: true}
			} else {
				b.named[row.id] = true
			}
			changed[i] = observedRow{
				Type: string(row.entry.stat.Type), Date: row.entry.stat.Date,
				ClientID: b.clientID, Observations: row.entry.observations,
			}
		}
		if err := w.added(ctx, changed); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) insertParams(rows []newRow) db.InsertStatsParams {
	params := db.InsertStatsParams{CreatedAt: b.createdAt, ClientID: b.clientID}
	for _, row := range rows {
		stat := row.entry.stat
		params.UUIDs = append(params.UUIDs, row.id)
		params.ANRs = append(params.ANRs, stat.ANR)
		params.Types = append(params.Types, string(stat.Type))
		params.Dates = append(params.Dates, stat.Date)
		params.Data = append(params.Data, stat.Data)
		params.ContentIDs = append(params.ContentIDs, row.entry.contentID)
		params.Observations = append(params.Observations, row.entry.observations)
	}
	return params
}

// outcomes reports on each entry. Of several with the same uuid or content, the
// first is the one that was stored.
func (b *batch) outcomes() []Outcome {
	outcomes := make([]Outcome, len(b.entries))
	for i := range b.entries {
		e := &b.entries[i]
		o := Outcome{Stat: *e.stat}
		o.Stat.Data = nil
		if e.stat.UUID == uuid.Nil {
			b.reportDerived(&o, e.contentID)
		} else {
			b.reportNamed(&o)
		}
		outcomes[i] = o
	}
	return outcomes
}

func (b *batch) reportDerived(o *Outcome, contentID uuid.UUID) {
	at := b.stored[contentID]
	o.Stored = at.fresh
	o.Stat.UUID, o.Stat.CreatedAt, o.Stat.ClientID = at.id, at.createdAt, b.clientID
	at.fresh = false
	b.stored[contentID] = at
}

func (b *batch) reportNamed(o *Outcome) {
	if !b.named[o.Stat.UUID] {
		o.Duplicate = true
		return
	}
	o.Stored = true
	o.Stat.CreatedAt, o.Stat.ClientID = b.createdAt, b.clientID
	delete(b.named, o.Stat.UUID)
}

func sortedIDs(contents map[uuid.UUID]*entry) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(contents))
	for id := range contents {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}
