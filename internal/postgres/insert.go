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
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// chunkBytes and chunkRows bound what is sent to the server at once, and so what
// the driver and the server hold in memory beside the batch itself.
const (
	chunkBytes = 1 << 20
	chunkRows  = 2_000
)

// InsertBatch stores the items of a batch as those of client, all or none, and
// returns one result for each, in their order.
//
// An item without a UUID gets stats.DerivedUUID, so that sending it again finds
// what is stored instead of storing it twice; also when several callers do so at
// once. It is a repetition of any stat of the client with the same document for
// the same day. An item with a UUID that exists is a duplicate.
//
// Errors: *stats.InvalidError when the database cannot hold a value,
// stats.ErrNotFound when the client is gone.
func (s *Store) InsertBatch(ctx context.Context, client stats.Client, batch stats.Batch) ([]stats.Result, error) {
	if len(batch.Items) == 0 {
		return []stats.Result{}, nil
	}
	in := newInsertion(client, s.timestamp(), batch.Items)
	if err := s.insert(ctx, in); err != nil {
		return nil, fmt.Errorf("insert %d stats of client %d: %w", len(batch.Items), client.ID, err)
	}
	return in.results(), nil
}

// insert reads and packs what has not been read, and tries. What was taken for
// known may be gone by then: it is read, and there is another try.
func (s *Store) insert(ctx context.Context, in *insertion) (err error) {
	if in.distributed, err = s.distributed(ctx); err != nil {
		return translate(ctx, err)
	}
	for {
		if err := s.packContents(ctx, in.contents); err != nil {
			return err
		}
		err := s.transactLocked(ctx, db.LockShared, in.open, func(w *writing) error { return in.run(ctx, w) })
		if !errors.Is(err, errVanished) {
			return insertError(ctx, err)
		}
		for _, c := range in.contents {
			if c.packed == nil && c.stored == nil {
				if err := c.item.Read(); err != nil {
					return err
				}
			}
		}
	}
}

var (
	// errVanished tells that a document is not stored that was known before.
	errVanished = errors.New("a document has been deleted meanwhile")
	// errRaced tells that somebody else stored a document at the same time.
	errRaced = errors.New("a document has been stored meanwhile")
)

// insertError tells the sender about values that PostgreSQL refused.
func insertError(ctx context.Context, err error) error {
	if ctx.Err() == nil && isUnstorable(err) {
		return stats.Invalid("data", "the database cannot hold it: %s", errorText(err))
	}
	return translate(ctx, err)
}

// insertion is a batch that is being stored.
type insertion struct {
	client      stats.Client
	createdAt   time.Time
	distributed bool
	entries     []entry
	contents    []*content // in the order of their keys

	// What follows is that of one attempt.
	documents map[stats.DocumentKey]storedDocument // what is stored of contents
	taken     map[uuid.UUID]bool                   // UUIDs chosen by the sender that other stats have
	named     map[uuid.UUID]bool                   // those under which an item was inserted
	stored    map[saying]storedAs                  // what the client has stored
	missing   map[saying]*entry                    // items without a UUID that are not known to be stored
}

// entry is an item and what it says.
type entry struct {
	item    *stats.Item
	content *content
}

// content is a document that items of the batch have.
type content struct {
	key    stats.DocumentKey
	item   *stats.Item     // one of them, which is not known if any is not
	packed []byte          // nil as long as the document has not been read

	// What follows is that of one attempt.
	stored   *storedDocument // nil: the document is not
	fresh    bool            // this attempt stored it
	referred bool            // a stat that this attempt inserted refers to it
}

// saying is what makes items without a UUID the same. The type follows from the
// digest.
type saying struct {
	stats.DocumentKey
	day rollup.Day
}

func (e *entry) saying() saying { return saying{e.content.key, rollup.DayOf(e.item.Date)} }

// derived is the UUID of an item without one.
func (in *insertion) derived(e *entry) uuid.UUID {
	return stats.DerivedUUID(in.client.UUID, e.item.ANR, e.item.Date, e.item.Digest)
}

type storedAs struct {
	id        uuid.UUID
	createdAt time.Time
	fresh     bool // by this attempt, for an item without a UUID
}

func newInsertion(client stats.Client, createdAt time.Time, items []stats.Item) *insertion {
	in := &insertion{client: client, createdAt: createdAt, entries: make([]entry, len(items))}
	contents := make(map[stats.DocumentKey]*content, len(items))
	for i := range items {
		item := &items[i]
		key := item.DocumentKey()
		c := contents[key]
		if c == nil {
			c = &content{key: key, item: item}
			contents[key] = c
		}
		if !item.Known {
			c.item = item
		}
		in.entries[i] = entry{item, c}
	}
	in.contents = slices.SortedFunc(maps.Values(contents), func(a, b *content) int { return compareKeys(a.key, b.key) })
	return in
}

// open begins an attempt.
func (in *insertion) open(start *pgx.Batch, w *writing) {
	in.documents, in.taken = map[stats.DocumentKey]storedDocument{}, map[uuid.UUID]bool{}
	in.named, in.stored, in.missing = map[uuid.UUID]bool{}, map[saying]storedAs{}, map[saying]*entry{}
	keys := make([]stats.DocumentKey, len(in.contents))
	for i, c := range in.contents {
		keys[i], c.stored, c.fresh, c.referred = c.key, nil, false, false
	}
	var chosen []uuid.UUID
	for i := range in.entries {
		if e := &in.entries[i]; e.item.UUID != uuid.Nil {
			chosen = append(chosen, e.item.UUID)
		} else if say := e.saying(); in.missing[say] == nil {
			in.missing[say] = e
		}
	}
	queueGenericPlans(start, in.distributed)
	w.queueClients(start, []int64{in.client.ID})
	queueStored(start, keys, in.documents)
	if len(chosen) > 0 {
		start.Queue(db.TakenUUIDs, chosen).Query(func(rows pgx.Rows) error { return readUUIDs(rows, in.taken) })
	} else { // what is inserted under a chosen UUID may be what another item says
		in.queueLocate(start)
	}
}

func readUUIDs(rows pgx.Rows, into map[uuid.UUID]bool) error {
	var id uuid.UUID
	_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		into[id] = true
		return nil
	})
	return err
}

// run is the rest of an attempt.
func (in *insertion) run(ctx context.Context, w *writing) error {
	if _, exists := w.clients[in.client.ID]; !exists {
		return pgx.ErrNoRows
	}
	for _, c := range in.contents {
		if found, ok := in.documents[c.key]; ok {
			c.stored = &found
		} else if c.packed == nil {
			return errVanished
		}
	}
	if chosen := in.chosen(); len(chosen) > 0 {
		if err := in.insertRows(ctx, w, chosen); err != nil {
			return err
		}
	}
	if err := in.insertDerived(ctx, w); err != nil {
		return err
	}
	return in.deleteOrphans(ctx, w)
}

// chosen are rows for the items whose senders chose a UUID that is free, the
// first of each.
func (in *insertion) chosen() (rows []newRow) {
	seen := map[uuid.UUID]bool{}
	for i := range in.entries {
		e := &in.entries[i]
		if id := e.item.UUID; id != uuid.Nil && !seen[id] && !in.taken[id] {
			seen[id] = true
			rows = append(rows, newRow{id: id, entry: e})
		}
	}
	return rows
}

// insertDerived inserts the items without a UUID that say what the client has not
// stored, once each.
func (in *insertion) insertDerived(ctx context.Context, w *writing) error {
	if slices.ContainsFunc(in.entries, func(e entry) bool { return e.item.UUID != uuid.Nil }) {
		if err := in.locate(ctx, w); err != nil {
			return err
		}
	}
	if len(in.missing) == 0 {
		return nil
	}
	if err := in.insertRows(ctx, w, in.rowsFor(in.derived)); err != nil {
		return err
	}
	// What conflicted was either stored by the same client at this moment, or
	// its UUID is another stat's.
	if err := in.locate(ctx, w); err != nil || len(in.missing) == 0 {
		return err
	}
	return in.insertSquatted(ctx, w)
}

// insertSquatted gives a random UUID to items whose derived one is another stat's.
// No unique key keeps those from being stored twice by simultaneous calls, so
// they take turns.
func (in *insertion) insertSquatted(ctx context.Context, w *writing) error {
	var locks []int64
	for _, e := range in.missing {
		id := in.derived(e)
		locks = append(locks, int64(binary.BigEndian.Uint64(id[:8])))
	}
	slices.Sort(locks)
	for _, lock := range locks {
		if err := w.queries.LockExclusive(ctx, lock); err != nil {
			return err
		}
	}
	if err := in.locate(ctx, w); err != nil {
		return err
	}
	return in.insertRows(ctx, w, in.rowsFor(func(*entry) uuid.UUID { return uuid.New() }))
}

// rowsFor are rows for what is missing.
func (in *insertion) rowsFor(idOf func(*entry) uuid.UUID) []newRow {
	rows := make([]newRow, 0, len(in.missing))
	for _, e := range in.missing {
		rows = append(rows, newRow{id: idOf(e), entry: e, derived: true})
	}
	return rows
}

// locate finds out what the client has stored of what is missing.
func (in *insertion) locate(ctx context.Context, w *writing) error {
	if len(in.missing) == 0 {
		return nil
	}
	var batch pgx.Batch
	in.queueLocate(&batch)
	return w.send(ctx, &batch)
}

func (in *insertion) queueLocate(batch *pgx.Batch) {
	var p db.StoredStatsParams
	for _, e := range in.missing {
		p.ANRs, p.Types = append(p.ANRs, e.item.ANR), append(p.Types, string(e.item.Type))
		p.Dates, p.Digests = append(p.Dates, e.item.Date), append(p.Digests, uuid.UUID(e.item.Digest))
	}
	batch.Queue(db.StoredStats, p.ANRs, p.Types, p.Dates, p.Digests, in.client.ID).Query(in.readLocations)
}

// readLocations notes where the client has stored what, from the columns of
// StoredStats, and that it is not missing.
func (in *insertion) readLocations(rows pgx.Rows) error {
	var anr, digest, id uuid.UUID
	var date, createdAt time.Time
	_, err := pgx.ForEachRow(rows, []any{&anr, &date, &digest, &id, &createdAt}, func() error {
		say := saying{keyOf(anr, digest), rollup.DayOf(date)}
		in.stored[say] = storedAs{id: id, createdAt: createdAt.UTC()}
		delete(in.missing, say)
		return nil
	})
	return err
}

// newRow is an item and the UUID to insert it under.
type newRow struct {
	*entry
	id      uuid.UUID
	derived bool
}

// insertRows inserts the rows whose UUID is free, and before that the documents
// that they refer to. Documents and rows each come in one order: two batches
// with the same ones then wait for each other instead of deadlocking.
func (in *insertion) insertRows(ctx context.Context, w *writing, rows []newRow) error {
	slices.SortFunc(rows, func(x, y newRow) int {
		return cmp.Or(bytes.Compare(x.item.ANR[:], y.item.ANR[:]), bytes.Compare(x.id[:], y.id[:]))
	})
	out := outbox{w: w}
	if err := out.documents(ctx, rows); err != nil {
		return err
	}
	inserted := make(map[uuid.UUID]bool, len(rows))
	for some := range slices.Chunk(rows, chunkRows) {
		p := in.columns(some)
		query := out.queue(db.InsertStats, p.CreatedAt, p.ClientID, p.UUIDs, p.ANRs, p.Digests, p.Dates, p.Types)
		query.Query(func(rows pgx.Rows) error { return readUUIDs(rows, inserted) })
	}
	if err := out.flush(ctx); err != nil {
		return err
	}
	for _, row := range rows {
		if inserted[row.id] {
			in.noteInserted(w, row)
		}
	}
	return nil
}

func (in *insertion) columns(rows []newRow) db.InsertStatsParams {
	p := db.InsertStatsParams{CreatedAt: in.createdAt, ClientID: in.client.ID}
	for _, row := range rows {
		p.UUIDs, p.ANRs = append(p.UUIDs, row.id), append(p.ANRs, row.item.ANR)
		p.Digests, p.Dates = append(p.Digests, uuid.UUID(row.item.Digest)), append(p.Dates, row.item.Date)
		p.Types = append(p.Types, string(row.item.Type))
	}
	return p
}

func (in *insertion) noteInserted(w *writing, row newRow) {
	if row.derived {
		in.stored[row.saying()] = storedAs{id: row.id, createdAt: in.createdAt, fresh: true}
		delete(in.missing, row.saying())
	} else {
		in.named[row.id] = true
	}
	row.content.referred = true
	w.count(in.client.ID, row.item.Type, rollup.DayOf(row.item.Date), row.content.stored.observations, 1)
}

// outbox sends statements together, but not more than chunkBytes at once.
type outbox struct {
	w     *writing
	batch pgx.Batch
}

func (o *outbox) queue(statement string, args ...any) *pgx.QueuedQuery {
	return o.batch.Queue(statement, args...)
}

func (o *outbox) flush(ctx context.Context) error {
	batch := o.batch
	o.batch = pgx.Batch{}
	return o.w.send(ctx, &batch)
}

// documents inserts the documents of rows that are not stored, and notes the bytes
// as which the others were sent.
func (o *outbox) documents(ctx context.Context, rows []newRow) error {
	var fresh []*content
	var changed db.SetFingerprintsParams
	for _, c := range contentsOf(rows) {
		switch {
		case c.stored == nil:
			fresh = append(fresh, c)
		case c.stored.fingerprint != c.item.Fingerprint && c.stored.observations != nil:
			changed.ANRs, changed.Digests = append(changed.ANRs, c.key.ANR), append(changed.Digests, uuid.UUID(c.key.Digest))
			changed.Fingerprints = append(changed.Fingerprints, uuid.UUID(c.item.Fingerprint))
		}
	}
	for len(fresh) > 0 {
		n := chunkLen(fresh)
		o.insertDocuments(fresh[:n])
		if fresh = fresh[n:]; len(fresh) > 0 {
			if err := o.flush(ctx); err != nil {
				return err
			}
		}
	}
	if len(changed.ANRs) > 0 {
		o.queue(db.SetFingerprints, changed.ANRs, changed.Digests, changed.Fingerprints)
	}
	return nil
}

func (o *outbox) insertDocuments(contents []*content) {
	var p db.InsertDocumentsParams
	for _, c := range contents {
		p.ANRs, p.Digests = append(p.ANRs, c.key.ANR), append(p.Digests, uuid.UUID(c.key.Digest))
		p.Fingerprints, p.Types = append(p.Fingerprints, uuid.UUID(c.item.Fingerprint)), append(p.Types, string(c.item.Type))
		p.Data, p.Observations = append(p.Data, c.item.Data), append(p.Observations, c.packed)
		c.stored, c.fresh = &storedDocument{c.item.Fingerprint, c.packed}, true
	}
	query := o.queue(db.InsertDocuments, p.ANRs, p.Digests, p.Fingerprints, p.Types, p.Data, p.Observations)
	query.Exec(func(inserted pgconn.CommandTag) error {
		if inserted.RowsAffected() < int64(len(contents)) {
			return errRaced // what is stored may measure something else, by another release
		}
		return nil
	})
}

// contentsOf are the contents of rows in the order of their keys, once each.
func contentsOf(rows []newRow) []*content {
	contents := make([]*content, len(rows))
	for i := range rows {
		contents[i] = rows[i].content
	}
	slices.SortFunc(contents, func(a, b *content) int { return compareKeys(a.key, b.key) })
	return slices.Compact(contents)
}

// chunkLen is how many of contents go into one statement, at least one.
func chunkLen(contents []*content) int {
	size := 0
	for i, c := range contents {
		size += len(c.item.Data) + len(c.packed)
		if i > 0 && (size > chunkBytes || i == chunkRows) {
			return i
		}
	}
	return len(contents)
}

// deleteOrphans deletes the documents that were inserted for items that turned
// out to be stored.
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

// results reports on each item. Of several with the same UUID or that say the
// same, the first is the one that was stored.
func (in *insertion) results() []stats.Result {
	results := make([]stats.Result, len(in.entries))
	for i := range in.entries {
		e := &in.entries[i]
		results[i] = stats.Result{Stat: stats.Stat{UUID: e.item.UUID, ANR: e.item.ANR, Type: e.item.Type, Date: e.item.Date}}
		if e.item.UUID == uuid.Nil {
			in.reportDerived(&results[i], e.saying())
		} else {
			in.reportNamed(&results[i])
		}
	}
	return results
}

func (in *insertion) reportDerived(r *stats.Result, say saying) {
	at := in.stored[say]
	r.Status = stats.Repeated
	if at.fresh {
		r.Status = stats.Stored
	}
	r.Stat.UUID, r.Stat.CreatedAt, r.Stat.ClientID = at.id, at.createdAt, in.client.ID
	at.fresh = false
	in.stored[say] = at
}

func (in *insertion) reportNamed(r *stats.Result) {
	if !in.named[r.Stat.UUID] {
		r.Status = stats.Duplicate
		return
	}
	r.Status = stats.Stored
	r.Stat.CreatedAt, r.Stat.ClientID = in.createdAt, in.client.ID
	delete(in.named, r.Stat.UUID)
}

// Repeats reports of each item with a UUID whether the client has stored what it
// says under another one, or an earlier item says it.
func (s *Store) Repeats(ctx context.Context, client stats.Client, items []stats.Item) ([]bool, error) {
	in := newInsertion(client, time.Time{}, items)
	in.stored, in.missing = map[saying]storedAs{}, map[saying]*entry{}
	for i := range in.entries {
		in.missing[in.entries[i].saying()] = &in.entries[i]
	}
	if err := s.batchOnce(ctx, in.queueLocate); err != nil {
		return nil, fmt.Errorf("look for what %d stats say: %w", len(items), translate(ctx, err))
	}
	repeats := make([]bool, len(items))
	for i := range in.entries {
		e := &in.entries[i]
		at, known := in.stored[e.saying()]
		repeats[i] = known && at.id != e.item.UUID
		if !known {
			in.stored[e.saying()] = storedAs{id: e.item.UUID}
		}
	}
	return repeats, nil
}
