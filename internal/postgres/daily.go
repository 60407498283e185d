package postgres

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// DailySums adds up what the stats that filter asks for have measured, exactly:
// for each day and key the number of stats and the sums of their values, ordered
// by date, then by the fields of the key. Where an object had several labels on
// a day, they are those that the database came to know last. filter.Type is
// required.
//
// What filter.ANRs asks for is added up from the stats of these analyses, all
// else comes from rollups: what it costs depends on days and objects, not on the
// number of stats. The sums are the same.
//
// Stats whose data does not validate are left out; the log gets a warning.
func (s *Store) DailySums(ctx context.Context, filter stats.Filter) ([]processor.DailySum, error) {
	if filter.Type == "" {
		return nil, stats.Invalid("type", "a type is required to aggregate stats")
	}
	var sums []processor.DailySum
	err := s.read(ctx, func(source db.DBTX) (err error) {
		sums, err = s.dailySums(ctx, source, filter)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("aggregate %s stats: %w", filter.Type, err)
	}
	return sums, nil
}

func (s *Store) dailySums(ctx context.Context, source db.DBTX, filter stats.Filter) ([]processor.DailySum, error) {
	f := newFold()
	if err := s.foldDays(ctx, source, filter, f); err != nil {
		return nil, err
	}
	variants, err := s.subjectsByID(ctx, source, f.subjects)
	if err != nil {
		return nil, err
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

func (s *Store) foldDays(ctx context.Context, source db.DBTX, filter stats.Filter, f *fold) error {
	complete, err := s.rollupsComplete(ctx, source)
	if err != nil {
		return err
	}
	if complete && len(filter.ANRs) == 0 {
		return s.foldRollups(ctx, source, filter, f)
	}
	err = foldObservations(ctx, source, filter, f)
	s.warnLeftOut(ctx, filter.Type, f.leftOut)
	return err
}

// warnLeftOut warns once for each type: dashboards ask the same every minute.
func (s *Store) warnLeftOut(ctx context.Context, t stats.Type, n int) {
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
func foldObservations(ctx context.Context, source db.DBTX, filter stats.Filter, f *fold) error {
	p := db.ObservationsByDayParams{
		Type:      string(filter.Type),
		ANRs:      anrFilter(filter.ANRs),
		DateFrom:  dateFilter(filter.DateFrom),
		DateTo:    dateFilter(filter.DateTo),
		LocalOnly: filter.LocalStatsOnly,
	}
	rows, err := source.Query(ctx, db.ObservationsByDay, p.Type, p.ANRs, p.DateFrom, p.DateTo, p.LocalOnly)
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
		if f.add(date, observed, packed) != nil {
			f.leftOut++
		}
	}
	f.endDay()
	return translate(ctx, rows.Err())
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

// cell is what stats measured of one subject.
type cell struct {
	touched bool
	count   int64
	sums    [maxWidth]sum
}

// isNothing reports whether what was added has been taken away again.
func (c *cell) isNothing() bool {
	for i := range c.sums {
		if !c.sums[i].isZero() {
			return false
		}
	}
	return c.count == 0
}

func (c *cell) add(m *measure) {
	c.touched = true
	c.count += m.count
	for i := range c.sums {
		c.sums[i].add(m.values[i])
	}
}

type day struct {
	date  time.Time
	slots []int
	cells []cell // of slots
}

func newFold() *fold { return &fold{slots: map[int64]int{}} }

// add adds packed bytes of the given form. When they are damaged, the error says
// so and nothing was added.
func (f *fold) add(date time.Time, form form, packed []byte) error {
	if !date.Equal(f.date) {
		f.endDay()
		f.date = date
	}
	measures, err := unpack(form, packed, f.buffer[:0])
	if err != nil {
		return err
	}
	f.buffer = measures
	for i := range measures {
		f.addMeasure(&measures[i])
	}
	return nil
}

func (f *fold) addMeasure(m *measure) {
	slot, ok := f.slots[m.subject]
	if !ok {
		slot = len(f.subjects)
		f.slots[m.subject] = slot
		f.subjects = append(f.subjects, m.subject)
		f.cells = append(f.cells, cell{})
	}
	c := &f.cells[slot]
	if !c.touched {
		f.touched = append(f.touched, slot)
	}
	c.add(m)
}

// endDay moves the current day to the finished ones, without the subjects whose
// stats are all gone.
func (f *fold) endDay() {
	if len(f.touched) == 0 {
		return
	}
	d := day{date: f.date}
	for _, slot := range f.touched {
		if f.cells[slot].count != 0 {
			d.slots = append(d.slots, slot)
			d.cells = append(d.cells, f.cells[slot])
		}
		f.cells[slot] = cell{}
	}
	f.days = append(f.days, d)
	f.touched = f.touched[:0]
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
		sums = f.appendSums(sums, &f.days[i], bySlot, ranks)
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

func compareKeys(a, b stats.Key) int {
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
func (f *fold) appendSums(sums []processor.DailySum, d *day, bySlot []*variant, ranks []int) []processor.DailySum {
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
		sums = append(sums, f.merge(d, order[:n], bySlot))
		order = order[n:]
	}
	return sums
}

// merge adds up the cells at the places in same, which have one key. Labels are
// those of the greatest subject id that has any.
func (f *fold) merge(d *day, same []int, bySlot []*variant) processor.DailySum {
	result := processor.DailySum{Date: d.date, Key: bySlot[d.slots[same[0]]].Key}
	var labelled int64
	for _, i := range same {
		c, slot := &d.cells[i], d.slots[i]
		result.Count += c.count
		for k := range c.sums {
			result.Sums[k] = result.Sums[k].Add(c.sums[k].total())
		}
		if labels := bySlot[slot].Labels; !labels.Empty() && f.subjects[slot] > labelled {
			result.Labels, labelled = labels, f.subjects[slot]
		}
	}
	return result
}
