// SPDX-License-Identifier: AGPL-3.0-or-later

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
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// InsertBatch stores the items of a batch as stats of client, all or none, and returns
// a result for each, in order.
//
// An item without a UUID gets stats.DerivedUUID, so that a repeated request finds the
// stored stat, even if several callers repeat it at once. It repeats any stat of the
// client with the same document on the same day. An item with a UUID that exists is a
// duplicate.
//
// The error is a *stats.InvalidError if the database cannot store a value, and
// stats.ErrNotFound if the client is gone.
func (s StatStore) InsertBatch(ctx context.Context, client stats.Client, batch stats.Batch) ([]stats.Result, error) {
	if len(batch.Items) == 0 {
		return []stats.Result{}, nil
	}
	in := newInsertion(client, batch.Items)
	in.createdAt = s.timestamp()
	if err := s.insert(ctx, in); err != nil {
		return nil, fmt.Errorf("insert %d stats of client %d: %w", len(batch.Items), client.ID, err)
	}
	return in.results(), nil
}

// insert packs the parsed documents and inserts the batch. If a known document turns out
// to be deleted, it parses that and tries again.
func (s *shared) insert(ctx context.Context, in *insertion) (err error) {
	unread := in.contentsWhere(func(c *content) bool { return !c.item.Known })
	for {
		if err := s.packContents(ctx, unread); err != nil {
			return err
		}
		err := s.transactLocked(ctx, db.LockShared, in.open, func(w *writing) error { return in.run(ctx, w) })
		if !errors.Is(err, errVanished) {
			return insertError(ctx, err)
		}
		unread = in.contentsWhere(func(c *content) bool { return c.packed == nil && !c.stored })
	}
}

func (in *insertion) contentsWhere(wanted func(*content) bool) (contents []*content) {
	for _, c := range in.contents {
		if wanted(c) {
			contents = append(contents, c)
		}
	}
	return contents
}

var (
	// errVanished reports that a known document is no longer stored.
	errVanished = errors.New("a document was deleted meanwhile")
	// errRaced reports that another transaction stored a document at the same time.
	errRaced = errors.New("a document was stored meanwhile")
)

// insertError turns values that PostgreSQL refused into a *stats.InvalidError.
func insertError(ctx context.Context, err error) error {
	if ctx.Err() == nil && isUnstorable(err) {
		return stats.Invalid("data", "the database cannot store it: %s", errorText(err))
	}
	return translate(ctx, err)
}

// insertion is a batch that is being stored.
type insertion struct {
	client    stats.Client
	createdAt time.Time

	items    []stats.Item
	records  []*record  // by item
	contents []*content // in the order of their keys
	byKey    map[stats.DocumentKey]*content
	byDay    map[contentDay]*record

	// The following belongs to one attempt.
	taken map[uuid.UUID]bool // UUIDs chosen by the sender that other stats have
	named map[uuid.UUID]bool // UUIDs chosen by the sender that this attempt inserted
}

// content is a document of items of the batch.
type content struct {
	key    stats.DocumentKey
	item   *stats.Item // one of them, preferably a parsed one
	packed []byte      // nil until the document is parsed

	// The following belongs to one attempt.
	observations []byte // of the stored document
	stored       bool   // by this client or another
	fresh        bool   // by this attempt
	reworded     bool   // the bytes differ from those that were sent before
	referred     bool   // this attempt inserted a stat that refers to it
}

// record is a document on a day: items without a UUID that have the same record
// are one stat.
type record struct {
	content *content
	item    *stats.Item // the first of them
	derived bool        // one of them has no UUID

	// The following belongs to one attempt.
	id        uuid.UUID // under which the client has it; uuid.Nil: not known
	createdAt time.Time
	fresh     bool // this attempt inserted it for an item without a UUID
}

type contentDay struct {
	content *content
	day     rollup.Day
}

func newInsertion(client stats.Client, items []stats.Item) *insertion {
	in := &insertion{
		client: client, items: items, records: make([]*record, len(items)),
		byKey: make(map[stats.DocumentKey]*content, len(items)), byDay: make(map[contentDay]*record, len(items)),
	}
	for i := range items {
		item := &items[i]
		c := in.byKey[item.DocumentKey()]
		if c == nil {
			c = &content{key: item.DocumentKey(), item: item}
			in.byKey[c.key] = c
			in.contents = append(in.contents, c)
		}
		if !item.Known {
			c.item = item
		}
		on := contentDay{c, rollup.DayOf(item.Date)}
		r := in.byDay[on]
		if r == nil {
			r = &record{content: c, item: item}
			in.byDay[on] = r
		}
		r.derived = r.derived || item.UUID == uuid.Nil
		in.records[i] = r
	}
	slices.SortFunc(in.contents, func(a, b *content) int { return compareKeys(a.key, b.key) })
	return in
}

// open begins an attempt.
func (in *insertion) open(start *pgx.Batch, w *writing) {
	in.taken, in.named = map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	keys := make([]stats.DocumentKey, len(in.contents))
	for i, c := range in.contents {
		keys[i] = c.key
		*c = content{key: c.key, item: c.item, packed: c.packed}
	}
	for _, r := range in.byDay {
		*r = record{content: r.content, item: r.item, derived: r.derived}
	}
	queueGenericPlans(start, w.distributed)
	w.queueClients(start, []int64{in.client.ID})
	queueStored(start, keys, func(key stats.DocumentKey, found storedDocument) {
		c := in.byKey[key]
		c.stored, c.observations = true, found.observations
		c.reworded = found.observations != nil && found.fingerprint != c.item.Fingerprint
	})
	if chosen := in.chosen(); len(chosen) > 0 {
		if w.distributed { // no unique key spans the nodes
			start.Queue(db.LockAll, uuidLocks(chosen))
		}
		start.Queue(db.TakenUUIDs, chosen).Query(func(rows pgx.Rows) error { return readUUIDs(rows, in.taken) })
	} else { // an item with a chosen UUID may have the record of another item
		in.queueLocate(start, in.missing())
	}
}

// chosen returns the UUIDs that the sender chose.
func (in *insertion) chosen() (ids []uuid.UUID) {
	for i := range in.items {
		if id := in.items[i].UUID; id != uuid.Nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// uuidLock, together with a part of a UUID, is held from checking that the UUID is free
// until storing it.
var uuidLock = lockKey("which UUIDs are taken")

// uuidLocks bounds the number of locks, which take memory.
func uuidLocks(ids []uuid.UUID) []int64 {
	locks := make([]int64, len(ids))
	for i, id := range ids {
		locks[i] = uuidLock ^ int64(id[15]&0x3f)
	}
	slices.Sort(locks)
	return slices.Compact(locks)
}

// missing returns the records of items without a UUID that the client does not seem to
// have.
func (in *insertion) missing() (records []*record) {
	for _, r := range in.byDay {
		if r.derived && r.id == uuid.Nil {
			records = append(records, r)
		}
	}
	return records
}

func readUUIDs(rows pgx.Rows, into map[uuid.UUID]bool) error {
	var id uuid.UUID
	_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		into[id] = true
		return nil
	})
	return err
}

// run executes the rest of an attempt.
func (in *insertion) run(ctx context.Context, w *writing) error {
	if _, exists := w.clients[in.client.ID]; !exists {
		return pgx.ErrNoRows
	}
	for _, c := range in.contents {
		if !c.stored && c.packed == nil {
			return errVanished
		}
	}
	if err := in.insertNamed(ctx, w); err != nil {
		return err
	}
	if err := in.insertDerived(ctx, w); err != nil {
		return err
	}
	return in.deleteOrphans(ctx, w)
}

// insertNamed inserts the first item with each free UUID that a sender chose, and then
// finds out what is still missing.
func (in *insertion) insertNamed(ctx context.Context, w *writing) error {
	var rows []newRow
	seen := map[uuid.UUID]bool{uuid.Nil: true}
	for i := range in.items {
		if id := in.items[i].UUID; !seen[id] && !in.taken[id] {
			seen[id] = true
			rows = append(rows, newRow{record: in.records[i], id: id, named: true})
		}
	}
	if err := in.insertRows(ctx, w, rows); err != nil || len(seen) == 1 && len(in.taken) == 0 {
		return err
	}
	return in.locate(ctx, w)
}

// insertDerived inserts the items without a UUID whose record the client has not
// stored, once each.
func (in *insertion) insertDerived(ctx context.Context, w *writing) error {
	rows := in.rowsFor(in.missing(), func(r *record) uuid.UUID { return in.derivedUUID(r) })
	if err := in.insertRows(ctx, w, rows); err != nil {
		return err
	}
	// A conflicting row was either stored by the same client at this moment, or its
	// UUID belongs to another stat.
	if err := in.locate(ctx, w); err != nil {
		return err
	}
	return in.insertSquatted(ctx, w, in.missing())
}

func (in *insertion) derivedUUID(r *record) uuid.UUID {
	return stats.DerivedUUID(in.client.UUID, r.item.ANR, r.item.Date, r.item.Digest)
}

// insertSquatted gives a random UUID to items whose derived one belongs to another
// stat. No unique key prevents simultaneous calls from storing them twice, so the calls
// take turns.
func (in *insertion) insertSquatted(ctx context.Context, w *writing, missing []*record) error {
	if len(missing) == 0 {
		return nil
	}
	locks := make([]int64, len(missing))
	for i, r := range missing {
		id := in.derivedUUID(r)
		locks[i] = int64(binary.BigEndian.Uint64(id[:8]))
	}
	slices.Sort(locks)
	if err := w.queries.LockAll(ctx, locks); err != nil {
		return err
	}
	if err := in.locate(ctx, w); err != nil {
		return err
	}
	return in.insertRows(ctx, w, in.rowsFor(in.missing(), func(*record) uuid.UUID { return uuid.New() }))
}

func (in *insertion) rowsFor(records []*record, idOf func(*record) uuid.UUID) []newRow {
	rows := make([]newRow, len(records))
	for i, r := range records {
		rows[i] = newRow{record: r, id: idOf(r)}
	}
	return rows
}

// locate finds out which of the missing records the client has stored.
func (in *insertion) locate(ctx context.Context, w *writing) error {
	missing := in.missing()
	if len(missing) == 0 {
		return nil
	}
	var batch pgx.Batch
	in.queueLocate(&batch, missing)
	return w.send(ctx, &batch)
}

// queueLocate queues a lookup of the records that the client has.
func (in *insertion) queueLocate(batch *pgx.Batch, records []*record) {
	var p db.StoredStatsParams
	for _, r := range records {
		p.ANRs, p.Types = append(p.ANRs, r.item.ANR), append(p.Types, string(r.item.Type))
		p.Dates, p.Digests = append(p.Dates, r.item.Date), append(p.Digests, uuid.UUID(r.item.Digest))
	}
	batch.Queue(db.StoredStats, p.ANRs, p.Types, p.Dates, p.Digests, in.client.ID).Query(func(rows pgx.Rows) error {
		var anr, digest, id uuid.UUID
		var date, createdAt time.Time
		_, err := pgx.ForEachRow(rows, []any{&anr, &date, &digest, &id, &createdAt}, func() error {
			r := in.byDay[contentDay{in.byKey[keyOf(anr, digest)], rollup.DayOf(date)}]
			r.id, r.createdAt = id, createdAt.UTC()
			return nil
		})
		return err
	})
}

// newRow is a record with the UUID to insert it under.
type newRow struct {
	*record
	id    uuid.UUID
	named bool // by the sender
}

// insertRows inserts the rows whose UUID is free, and before that the documents
// that they refer to. Documents and rows each come in one order: two batches
// with the same ones then wait for each other instead of deadlocking.
func (in *insertion) insertRows(ctx context.Context, w *writing, rows []newRow) error {
	slices.SortFunc(rows, func(x, y newRow) int {
		return cmp.Or(bytes.Compare(x.item.ANR[:], y.item.ANR[:]), bytes.Compare(x.id[:], y.id[:]))
	})
	out := outbox{w: w}
	if err := out.queueDocuments(ctx, rows); err != nil {
		return err
	}
	inserted := map[uuid.UUID]bool{}
	for some := range slices.Chunk(rows, chunkRows) {
		in.queueRows(&out.batch, some, inserted)
		if err := out.flush(ctx); err != nil {
			return err
		}
		for _, row := range some {
			if inserted[row.id] {
				in.noteInserted(w, row)
			}
		}
		clear(inserted)
	}
	return nil
}

func (in *insertion) queueRows(batch *pgx.Batch, rows []newRow, inserted map[uuid.UUID]bool) {
	n := len(rows)
	ids, anrs, digests := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	dates, types := make([]time.Time, n), make([]string, n)
	for i, row := range rows {
		ids[i], anrs[i], digests[i] = row.id, row.item.ANR, uuid.UUID(row.item.Digest)
		dates[i], types[i] = row.item.Date, string(row.item.Type)
	}
	query := batch.Queue(db.InsertStats, in.createdAt, in.client.ID, ids, anrs, digests, dates, types)
	query.Query(func(rows pgx.Rows) error { return readUUIDs(rows, inserted) })
}

func (in *insertion) noteInserted(w *writing, row newRow) {
	if row.named {
		in.named[row.id] = true
	} else {
		row.record.id, row.createdAt, row.fresh = row.id, in.createdAt, true
	}
	row.content.referred = true
	w.count(in.client.ID, row.item.Type, rollup.DayOf(row.item.Date), row.content.observations, 1)
}

// deleteOrphans deletes documents that were inserted for items that turned out to be
// stored.
func (in *insertion) deleteOrphans(ctx context.Context, w *writing) error {
	var orphans []stats.DocumentKey
	for _, c := range in.contents {
		if c.fresh && !c.referred {
			orphans = append(orphans, c.key)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	var batch pgx.Batch
	queueUnreferenced(&batch, orphans)
	return w.send(ctx, &batch)
}

// results returns a result for each item. Of several with the same UUID or record, the
// first is the stored one.
func (in *insertion) results() []stats.Result {
	results := make([]stats.Result, len(in.items))
	for i := range in.items {
		item, r := &in.items[i], &results[i]
		r.Stat = stats.Stat{UUID: item.UUID, ANR: item.ANR, Type: item.Type, Date: item.Date}
		switch {
		case item.UUID == uuid.Nil:
			in.reportDerived(r, in.records[i])
		case in.named[item.UUID]:
			delete(in.named, item.UUID)
			r.Status, r.Stat.CreatedAt, r.Stat.ClientID = stats.Stored, in.createdAt, in.client.ID
		default:
			r.Status = stats.Duplicate
		}
	}
	return results
}

func (in *insertion) reportDerived(r *stats.Result, of *record) {
	r.Status = stats.Repeated
	if of.fresh {
		r.Status, of.fresh = stats.Stored, false
	}
	r.Stat.UUID, r.Stat.CreatedAt, r.Stat.ClientID = of.id, of.createdAt, in.client.ID
}

// Repeats reports for each item with a UUID whether the client has stored its record
// under another one, or an earlier item has the record.
func (s StatStore) Repeats(ctx context.Context, client stats.Client, items []stats.Item) ([]bool, error) {
	in := newInsertion(client, items)
	err := s.batchOnce(ctx, func(batch *pgx.Batch) { in.queueLocate(batch, slices.Collect(maps.Values(in.byDay))) })
	if err != nil {
		return nil, fmt.Errorf("look for the records of %d stats: %w", len(items), translate(ctx, err))
	}
	repeats := make([]bool, len(items))
	for i, r := range in.records {
		repeats[i] = r.id != uuid.Nil && r.id != items[i].UUID
		if r.id == uuid.Nil {
			r.id = items[i].UUID
		}
	}
	return repeats, nil
}
