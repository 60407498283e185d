package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// rollupKey names a row of table rollup.
type rollupKey struct {
	typ   string
	date  time.Time // midnight UTC
	local bool
}

func compareRollupKeys(a, b rollupKey) int {
	order := cmp.Or(cmp.Compare(a.typ, b.typ), a.date.Compare(b.date))
	if order == 0 && a.local != b.local {
		return map[bool]int{false: -1, true: 1}[a.local]
	}
	return order
}

// total is what stats of a day measured, by subject.
type total map[int64]*cell

// totals are totals by rollup.
type totals map[rollupKey]total

// add adds packed bytes of the given form, or with the sign -1 takes them away.
// When they are damaged, the error says so and nothing was added.
func (t totals) add(key rollupKey, f form, packed []byte, sign int64) error {
	buffer := measureBuffers.Get().(*[]measure)
	defer measureBuffers.Put(buffer)
	measures, err := unpack(f, packed, (*buffer)[:0])
	if err != nil {
		return err
	}
	*buffer = measures
	sums, ok := t[key]
	if !ok {
		sums = total{}
		t[key] = sums
	}
	for i := range measures {
		if sign < 0 {
			measures[i].negate()
		}
		sums.add(&measures[i])
	}
	return nil
}

func (m *measure) negate() {
	m.count = -m.count
	for i := range m.values {
		m.values[i] = m.values[i].negated()
	}
}

func (t total) add(m *measure) {
	c, ok := t[m.subject]
	if !ok {
		c = &cell{}
		t[m.subject] = c
	}
	c.add(m)
}

// pack encodes the total without what came to nothing; nil when all did.
func (t total) pack(width int) ([]byte, error) {
	measures := make([]measure, 0, len(t))
	for _, subject := range slices.Sorted(maps.Keys(t)) {
		c := t[subject]
		if c.isNothing() {
			continue
		}
		m := measure{subject: subject, count: c.count}
		for i := range c.sums {
			m.values[i] = c.sums[i].amount()
		}
		measures = append(measures, m)
	}
	if len(measures) == 0 {
		return nil, nil
	}
	return pack(totalled, measures, width)
}

// rollupRows are rows of rollup or rollup_delta as columns.
type rollupRows struct {
	types  []string
	dates  []time.Time
	locals []bool
	packed [][]byte
}

func (r *rollupRows) append(key rollupKey, packed []byte) {
	r.types = append(r.types, key.typ)
	r.dates = append(r.dates, key.date)
	r.locals = append(r.locals, key.local)
	r.packed = append(r.packed, packed)
}

// packed encodes the totals that did not come to nothing, in the order of keys.
func (t totals) packed() (rows rollupRows, err error) {
	for _, key := range t.keys() {
		packed, err := t[key].pack(widthOf(stats.Type(key.typ)))
		if err != nil {
			return rows, fmt.Errorf("total of %s on %s: %w", key.typ, key.date.Format(time.DateOnly), err)
		}
		if packed != nil {
			rows.append(key, packed)
		}
	}
	return rows, nil
}

func (t totals) keys() []rollupKey {
	return slices.SortedFunc(maps.Keys(t), compareRollupKeys)
}

// rollupsComplete tells whether rollups and deltas cover all stats. Once they
// do, they always will.
func (s *Store) rollupsComplete(ctx context.Context, source db.DBTX) (bool, error) {
	if s.complete.Load() {
		return true, nil
	}
	complete, err := db.New(source).RollupsComplete(ctx)
	if err != nil {
		return false, translate(ctx, err)
	}
	s.complete.Store(complete)
	return complete, nil
}

// foldRollups reads rollups and what is to be added to them.
func (s *Store) foldRollups(ctx context.Context, source db.DBTX, filter stats.Filter, f *fold) error {
	rows, err := source.Query(ctx, db.RollupsByDay,
		string(filter.Type), dateFilter(filter.DateFrom), dateFilter(filter.DateTo), filter.LocalStatsOnly)
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var date time.Time
		var packed pgtype.DriverBytes
		if err := rows.Scan(&date, &packed); err != nil {
			return translate(ctx, err)
		}
		if err := f.add(date, totalled, packed); err != nil {
			return fmt.Errorf("read the rollup of %s: %w: run the command db_rebuild", date.Format(time.DateOnly), err)
		}
	}
	f.endDay()
	if err := rows.Err(); err != nil {
		return translate(ctx, err)
	}
	return s.warnUnprocessable(ctx, source, filter.Type)
}

// warnUnprocessable warns of stats that no rollup covers, the first time that
// rollups of the type are read.
func (s *Store) warnUnprocessable(ctx context.Context, source db.DBTX, t stats.Type) error {
	if _, warned := s.warned.Load(t); warned {
		return nil
	}
	n, err := db.New(source).CountUnprocessableOfType(ctx, string(t))
	if err != nil {
		return translate(ctx, err)
	}
	s.warnLeftOut(ctx, t, int(n))
	s.warned.Store(t, true)
	return nil
}

const (
	// foldThreshold is after how many appended deltas a process folds by itself,
	// so that readers have few to add up.
	foldThreshold = 128
	// foldBatch bounds the deltas that one transaction folds.
	foldBatch = 1_000
)

// foldLock is held by who changes rollups.
var foldLock = lockKey("fold deltas into rollups")

// foldWhenDue folds when this process has appended enough deltas. The write that
// they belong to is done: a failure is only logged, and made up for by the next.
func (s *Store) foldWhenDue(ctx context.Context, appended int) {
	if s.appended.Add(int64(appended)) < foldThreshold {
		return
	}
	s.appended.Store(0)
	if err := s.Fold(ctx); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "deltas are not added to the rollups yet", slog.Any("error", err))
	}
}

// Fold adds to the rollups what transactions have changed since the last time,
// unless another process is doing that. Results are right without it, but take
// longer the more changes there are to add up. A server calls it every few
// seconds.
func (s *Store) Fold(ctx context.Context) error {
	for {
		n, err := s.foldDeltas(ctx)
		if err != nil {
			return fmt.Errorf("fold deltas into rollups: %w", translate(ctx, err))
		}
		if n < foldBatch {
			return nil
		}
	}
}

// foldDeltas folds a batch and returns how many deltas it had, 0 when another
// process folds.
func (s *Store) foldDeltas(ctx context.Context) (n int, err error) {
	err = s.inTransaction(ctx, func(queries *db.Queries) error {
		alone, err := queries.TryLockExclusive(ctx, foldLock)
		if err != nil || !alone {
			return err
		}
		deltas, err := queries.OldestDeltas(ctx, foldBatch)
		if err != nil || len(deltas) == 0 {
			return err
		}
		n = len(deltas)
		return foldInto(ctx, queries, deltas)
	})
	return n, err
}

func foldInto(ctx context.Context, queries *db.Queries, deltas []db.RollupDelta) error {
	sums, ids := totals{}, make([]int64, len(deltas))
	for i, delta := range deltas {
		ids[i] = delta.ID
		key := rollupKey{delta.Type, delta.Date.UTC(), delta.Local}
		if err := sums.add(key, totalled, delta.Packed, 1); err != nil {
			return fmt.Errorf("delta %d: %w", delta.ID, err)
		}
	}
	if err := addRollups(ctx, queries, sums); err != nil {
		return err
	}
	if err := putRollups(ctx, queries, sums); err != nil {
		return err
	}
	return queries.DeleteDeltas(ctx, ids)
}

// addRollups adds the stored rollups of the same keys to sums.
func addRollups(ctx context.Context, queries *db.Queries, sums totals) error {
	var wanted rollupRows
	for _, key := range sums.keys() {
		wanted.append(key, nil)
	}
	rollups, err := queries.Rollups(ctx, db.RollupsParams{Types: wanted.types, Dates: wanted.dates, Locals: wanted.locals})
	if err != nil {
		return err
	}
	for _, rollup := range rollups {
		key := rollupKey{rollup.Type, rollup.Date.UTC(), rollup.Local}
		if err := sums.add(key, totalled, rollup.Packed, 1); err != nil {
			return fmt.Errorf("rollup of %s on %s: %w", key.typ, key.date.Format(time.DateOnly), err)
		}
	}
	return nil
}

// putRollups stores sums in place of the rollups of the same keys; what came to
// nothing is deleted.
func putRollups(ctx context.Context, queries *db.Queries, sums totals) error {
	rows, err := sums.packed()
	if err != nil {
		return err
	}
	err = queries.PutRollups(ctx, db.PutRollupsParams{
		Types: rows.types, Dates: rows.dates, Locals: rows.locals, Packed: rows.packed,
	})
	if err != nil {
		return err
	}
	stored := map[rollupKey]bool{}
	for i := range rows.types {
		stored[rollupKey{rows.types[i], rows.dates[i], rows.locals[i]}] = true
	}
	for key := range sums {
		if stored[key] {
			continue
		}
		if err := queries.DeleteRollup(ctx, db.DeleteRollupParams{Type: key.typ, Date: key.date, Local: key.local}); err != nil {
			return err
		}
	}
	return nil
}

// inTransaction runs fn in a plain transaction. Errors are the driver's or fn's.
func (s *Store) inTransaction(ctx context.Context, fn func(queries *db.Queries) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return fn(s.queries.WithTx(tx)) })
}
