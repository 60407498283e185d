package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// DailySums adds up what the stats that filter asks for have measured, exactly:
// for each day and key the number of stats and the sums of their values, ordered
// by date, then by the fields of the key. Labels are those of the newest stat of
// the day that has any. filter.Type is required.
//
// Stats whose data does not validate are left out; the log gets a warning.
func (s *Store) DailySums(ctx context.Context, filter stats.Filter) ([]processor.DailySum, error) {
	if filter.Type == "" {
		return nil, stats.Invalid("type", "a type is required to aggregate stats")
	}
	f := newFold()
	if err := s.foldObservations(ctx, filter, f); err != nil {
		return nil, fmt.Errorf("aggregate %s stats: %w", filter.Type, err)
	}
	s.warnLeftOut(ctx, filter.Type, f.leftOut)
	variants, err := s.subjectsByID(ctx, f.subjects)
	if err != nil {
		return nil, fmt.Errorf("aggregate %s stats: %w", filter.Type, err)
	}
	if missing := len(f.subjects) - len(variants); missing > 0 {
		s.log.ErrorContext(ctx, "observations refer to subjects that the database does not have; they are left out",
			slog.String("type", string(filter.Type)), slog.Int("subjects", missing))
	}
	return f.dailySums(variants), nil
}

// CountUnprocessable is the number of stats that DailySums leaves out because
// their data does not validate.
func (s *Store) CountUnprocessable(ctx context.Context) (int64, error) {
	n, err := s.queries.CountUnprocessableStats(ctx)
	if err != nil {
		return 0, fmt.Errorf("count unprocessable stats: %w", translate(ctx, err))
	}
	return n, nil
}

// warnLeftOut warns once for each type: dashboards ask the same every minute.
func (s *Store) warnLeftOut(ctx context.Context, t processor.Type, n int) {
	if n == 0 {
		return
	}
	level := slog.LevelWarn
	if _, again := s.warned.LoadOrStore(t, true); again {
		level = slog.LevelDebug
	}
	s.log.Log(ctx, level, "stats left out of processing because their data does not validate",
		slog.String("type", string(t)), slog.Int("stats", n))
}

// foldObservations reads rows as they arrive: memory grows with days and
// subjects, not with the stats.
func (s *Store) foldObservations(ctx context.Context, filter stats.Filter, f *fold) error {
	p := db.ObservationsByDayParams{
		Type:      string(filter.Type),
		ANRs:      anrFilter(filter.ANRs),
		DateFrom:  dateFilter(filter.DateFrom),
		DateTo:    dateFilter(filter.DateTo),
		LocalOnly: filter.LocalStatsOnly,
	}
	rows, err := s.pool.Query(ctx, db.ObservationsByDay, p.Type, p.ANRs, p.DateFrom, p.DateTo, p.LocalOnly)
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var at stamp
		var date time.Time
		var packed pgtype.DriverBytes
		if err := rows.Scan(&at.id, &date, &at.createdAt, &packed); err != nil {
			return translate(ctx, err)
		}
		f.add(date, at, packed)
	}
	f.endDay()
	return translate(ctx, rows.Err())
}

// stamp orders stats by age.
type stamp struct {
	createdAt time.Time
	id        uuid.UUID
}

func (s stamp) after(other stamp) bool {
	if c := s.createdAt.Compare(other.createdAt); c != 0 {
		return c > 0
	}
	return bytes.Compare(s.id[:], other.id[:]) > 0
}

// fold adds up packed observations of stats that arrive by date.
type fold struct {
	slots    map[int64]int // subject id to its place in subjects and cells
	subjects []int64       // subject ids in order of appearance

	date    time.Time // the current day
	cells   []cell    // of the current day, by slot
	touched []int     // slots of the current day
	days    []day     // finished days
	leftOut int       // stats without usable observations

	buffer []measure
}

// cell is what one day's stats measured of one subject.
type cell struct {
	count  int64
	sums   [maxWidth]sum
	newest stamp
}

type day struct {
	date  time.Time
	slots []int
	cells []cell // of slots
}

func newFold() *fold { return &fold{slots: map[int64]int{}} }

func (f *fold) add(date time.Time, at stamp, packed []byte) {
	if !date.Equal(f.date) {
		f.endDay()
		f.date = date
	}
	measures, err := unpack(packed, f.buffer[:0])
	if err != nil {
		f.leftOut++
		return
	}
	f.buffer = measures
	for i := range measures {
		f.addMeasure(&measures[i], at)
	}
}

func (f *fold) addMeasure(m *measure, at stamp) {
	slot, ok := f.slots[m.subject]
	if !ok {
		slot = len(f.subjects)
		f.slots[m.subject] = slot
		f.subjects = append(f.subjects, m.subject)
		f.cells = append(f.cells, cell{})
	}
	c := &f.cells[slot]
	if c.count == 0 {
		f.touched = append(f.touched, slot)
	}
	c.count++
	for i := range c.sums {
		c.sums[i].add(m.values[i])
	}
	if at.after(c.newest) {
		c.newest = at
	}
}

// endDay moves the current day to the finished ones.
func (f *fold) endDay() {
	if len(f.touched) == 0 {
		return
	}
	d := day{date: f.date, slots: f.touched, cells: make([]cell, len(f.touched))}
	for i, slot := range f.touched {
		d.cells[i] = f.cells[slot]
		f.cells[slot] = cell{}
	}
	f.days = append(f.days, d)
	f.touched = make([]int, 0, len(d.slots))
}

// dailySums merges the variants of each key.
func (f *fold) dailySums(variants map[int64]variant) []processor.DailySum {
	bySlot := make([]*variant, len(f.subjects))
	for slot, id := range f.subjects {
		if v, ok := variants[id]; ok {
			bySlot[slot] = &v
		}
	}
	ranks := keyRanks(bySlot)
	sums := []processor.DailySum{}
	for i := range f.days {
		sums = f.days[i].appendSums(sums, bySlot, ranks)
	}
	return sums
}

// keyRanks gives slots of the same key the same number, in the order of keys.
func keyRanks(bySlot []*variant) []int {
	slots := make([]int, 0, len(bySlot))
	for slot, v := range bySlot {
		if v != nil {
			slots = append(slots, slot)
		}
	}
	slices.SortFunc(slots, func(a, b int) int { return compareKeys(bySlot[a].Key, bySlot[b].Key) })
	ranks := make([]int, len(bySlot))
	for i := 1; i < len(slots); i++ {
		ranks[slots[i]] = ranks[slots[i-1]]
		if bySlot[slots[i]].Key != bySlot[slots[i-1]].Key {
			ranks[slots[i]]++
		}
	}
	return ranks
}

func compareKeys(a, b processor.Key) int {
	return cmp.Or(
		cmp.Compare(a.Object, b.Object),
		cmp.Compare(a.State, b.State),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Level, b.Level),
		cmp.Compare(a.Impact, b.Impact),
		cmp.Compare(a.Likelihood, b.Likelihood),
		cmp.Compare(a.Category, b.Category),
	)
}

// appendSums appends the day's sums in the order of keys.
func (d *day) appendSums(sums []processor.DailySum, bySlot []*variant, ranks []int) []processor.DailySum {
	order := make([]int, 0, len(d.slots))
	for i, slot := range d.slots {
		if bySlot[slot] != nil {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ranks[d.slots[a]], ranks[d.slots[b]]) })
	for len(order) > 0 {
		rank, n := ranks[d.slots[order[0]]], 1
		for n < len(order) && ranks[d.slots[order[n]]] == rank {
			n++
		}
		sums = append(sums, d.merge(order[:n], bySlot))
		order = order[n:]
	}
	return sums
}

// merge adds up the cells at the places in same, which have one key.
func (d *day) merge(same []int, bySlot []*variant) processor.DailySum {
	result := processor.DailySum{Date: d.date, Key: bySlot[d.slots[same[0]]].Key}
	var labelled stamp
	for _, i := range same {
		c := &d.cells[i]
		result.Count += c.count
		for k := range c.sums {
			result.Sums[k] = result.Sums[k].Add(c.sums[k].total())
		}
		if labels := bySlot[d.slots[i]].Labels; !labels.Empty() && c.newest.after(labelled) {
			result.Labels, labelled = labels, c.newest
		}
	}
	return result
}
