// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"cmp"
	"maps"
	"slices"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Accumulator adds up observations and totals of one type by day. Its memory
// grows with days and subjects, not with what is added.
//
// A range of consecutive days is stored as a step at its start and one after its end,
// so adding it costs the same for any number of days.
type Accumulator struct {
	slots    map[int64]int // subject to its place in subjects and cells
	subjects []int64       // in order of appearance

	days  map[Day]*cells // what counts on one day only
	steps map[Day]*cells // what counts from a day on, until subtracted

	buffer []sample
}

// cells are indexed by slot. Cells past the end are zero.
type cells []cell

// NewAccumulator returns an empty Accumulator.
func NewAccumulator() *Accumulator {
	return &Accumulator{slots: map[int64]int{}, days: map[Day]*cells{}, steps: map[Day]*cells{}}
}

// Merge adds a packed total of a day. Like the other methods, it returns an error and
// adds nothing if packed is damaged.
func (a *Accumulator) Merge(day Day, packed []byte) error {
	if err := a.unpack(totalled, packed); err != nil {
		return err
	}
	a.add(a.days, day, 1)
	return nil
}

// Observe adds packed observations to a day, times times.
func (a *Accumulator) Observe(day Day, packed []byte, times int64) error {
	if err := a.unpack(observed, packed); err != nil {
		return err
	}
	a.add(a.days, day, times)
	return nil
}

// ObserveOn adds packed observations to each of days, which it sorts. A repeated day
// counts as often as it is listed.
func (a *Accumulator) ObserveOn(days []Day, packed []byte) error {
	if err := a.unpack(observed, packed); err != nil {
		return err
	}
	slices.Sort(days)
	for len(days) > 0 {
		n := 1
		for n < len(days) && days[n] == days[n-1]+1 {
			n++
		}
		if n == 1 {
			a.add(a.days, days[0], 1)
		} else {
			a.add(a.steps, days[0], 1)
			a.add(a.steps, days[n-1]+1, -1)
		}
		days = days[n:]
	}
	return nil
}

func (a *Accumulator) unpack(f form, packed []byte) error {
	samples, err := unpack(f, packed, a.buffer[:0])
	if err == nil {
		a.buffer = samples
	}
	return err
}

// add adds the samples that were unpacked last.
func (a *Accumulator) add(to map[Day]*cells, day Day, times int64) {
	of := to[day]
	if of == nil {
		of = new(cells)
		to[day] = of
	}
	for i := range a.buffer {
		s := &a.buffer[i]
		of.at(a.slot(s.subject)).add(s, times)
	}
}

func (a *Accumulator) slot(subject int64) int {
	slot, ok := a.slots[subject]
	if !ok {
		slot = len(a.subjects)
		a.slots[subject] = slot
		a.subjects = append(a.subjects, subject)
	}
	return slot
}

func (c *cells) at(slot int) *cell {
	if missing := slot + 1 - len(*c); missing > 0 {
		*c = append(*c, make([]cell, missing)...)
	}
	return &(*c)[slot]
}

func (c *cells) add(other cells) {
	for slot := range other {
		c.at(slot).addCell(&other[slot])
	}
}

// Subjects returns the subjects of all that was added.
func (a *Accumulator) Subjects() []int64 { return a.subjects }

// DailySums returns the sums ordered by date, then by the fields of the key. If several
// subjects of a day share a key, the labels are those of the subject with the highest
// id that has any. Subjects missing from known are left out.
func (a *Accumulator) DailySums(known map[int64]Subject) []processor.DailySum {
	s := summing{rows: a.rows(known), sums: []processor.DailySum{}}
	events := maps.Clone(a.days)
	maps.Copy(events, a.steps)
	var running cells // what counts on the current day
	days := slices.Sorted(maps.Keys(events))
	if len(days) > 0 {
		// Where analyses send every day, there is a sum for each row and day.
		s.sums = make([]processor.DailySum, 0, min(len(s.rows)*int(days[len(days)-1]-days[0]+1), maxReserved))
	}
	for i, day := range days {
		if step := a.steps[day]; step != nil {
			running.add(*step)
		}
		if alone := a.days[day]; alone != nil {
			today := slices.Clone(running)
			today.add(*alone)
			s.appendDay(day, today)
			day++
		}
		if i+1 < len(days) { // nothing counts after the last one
			s.appendDays(day, days[i+1], running)
		}
	}
	return s.sums
}

// maxReserved bounds the number of sums that memory is allocated for in advance.
const maxReserved = 1 << 14

// row has the subjects of one key.
type row struct {
	key      stats.Key
	variants []variant
}

// variant is one of the subjects of a key.
type variant struct {
	slot    int
	subject int64
	labels  stats.Labels
}

// rows returns the subjects by key, in the order of the keys.
func (a *Accumulator) rows(known map[int64]Subject) []row {
	places := map[stats.Key]int{}
	var rows []row
	for slot, subject := range a.subjects {
		s, ok := known[subject]
		if !ok {
			continue
		}
		place, ok := places[s.Key]
		if !ok {
			place = len(rows)
			places[s.Key] = place
			rows = append(rows, row{key: s.Key})
		}
		rows[place].variants = append(rows[place].variants, variant{slot, subject, s.Labels})
	}
	slices.SortFunc(rows, func(x, y row) int { return compareKeys(x.key, y.key) })
	return rows
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

// summing turns cells into sums, day by day.
type summing struct {
	rows []row
	sums []processor.DailySum
}

// appendDays appends the same sums for each day in [from, before).
func (s *summing) appendDays(from, before Day, of cells) {
	if from >= before {
		return
	}
	begin := len(s.sums)
	s.appendDay(from, of)
	same := s.sums[begin:]
	if len(same) == 0 {
		return
	}
	for day := from + 1; day < before; day++ {
		date := day.Date()
		for _, sum := range same {
			sum.Date = date
			s.sums = append(s.sums, sum)
		}
	}
}

// appendDay appends the sums of a day, except those without any stats left.
func (s *summing) appendDay(day Day, of cells) {
	date := day.Date()
	for i := range s.rows {
		sum := processor.DailySum{Date: date, Key: s.rows[i].key}
		if s.rows[i].addTo(&sum, of) {
			s.sums = append(s.sums, sum)
		}
	}
}

// addTo reports whether any stat measured what the row is about.
func (r *row) addTo(sum *processor.DailySum, of cells) (measured bool) {
	var labelled int64
	for i := range r.variants {
		v := &r.variants[i]
		if v.slot >= len(of) || of[v.slot].count == 0 {
			continue
		}
		c := &of[v.slot]
		sum.Count += c.count
		for k := range c.sums {
			if total := c.sums[k].total(); measured {
				sum.Sums[k] = sum.Sums[k].Add(total)
			} else {
				sum.Sums[k] = total
			}
		}
		if !v.labels.Empty() && v.subject > labelled {
			sum.Labels, labelled = v.labels, v.subject
		}
		measured = true
	}
	return measured
}
