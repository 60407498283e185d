// SPDX-License-Identifier: AGPL-3.0-or-later

// Package rollup adds up what documents measure, exactly: packed observations
// into the packed totals of a day, and both into the daily sums that processors
// work on. It knows neither database nor clock.
package rollup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Day is a calendar day as the number of days since 1970-01-01.
type Day int32

const secondsPerDay = 24 * 60 * 60

// DayOf returns the day of a date, which is midnight UTC.
func DayOf(date time.Time) Day { return Day(date.Unix() / secondsPerDay) }

// Date returns midnight UTC of the day.
func (d Day) Date() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// Subject is what an id in packed observations refers to: a measured key with the
// labels that it had at the time.
type Subject struct {
	Type   stats.Type
	Key    stats.Key
	Labels stats.Labels
}

// Pack packs the observations of a document of type t. ids are the ids of their
// subjects, above 0.
func Pack(t stats.Type, observations []stats.Observation, ids []int64) ([]byte, error) {
	width := widthOf(t)
	buffer := sampleBuffers.Get().(*[]sample)
	defer sampleBuffers.Put(buffer)
	samples := (*buffer)[:0]
	for i := range observations {
		s := sample{subject: ids[i]}
		for k := range width {
			s.values[k] = amountOf(observations[i].Values[k])
		}
		samples = append(samples, s)
	}
	*buffer = samples
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.subject, b.subject) })
	return pack(observed, samples, width)
}

// EachSubject calls fn with each subject of packed observations; zero reports whether
// its first value is 0. It returns an error if packed is damaged, without calling fn.
func EachSubject(packed []byte, fn func(subject int64, zero bool)) error {
	buffer := sampleBuffers.Get().(*[]sample)
	defer sampleBuffers.Put(buffer)
	samples, err := unpack(observed, packed, (*buffer)[:0])
	if err != nil {
		return err
	}
	*buffer = samples
	for i := range samples {
		fn(samples[i].subject, samples[i].values[0].isZero())
	}
	return nil
}

// Key names a rollup: the total of a type on a day over clients that are local,
// or over those that are not.
type Key struct {
	Type  stats.Type
	Day   Day
	Local bool
}

func (k Key) compare(other Key) int {
	order := cmp.Or(cmp.Compare(k.Type, other.Type), cmp.Compare(k.Day, other.Day))
	if order == 0 && k.Local != other.Local {
		return map[bool]int{false: -1, true: 1}[k.Local]
	}
	return order
}

// Totals has the totals of stats, by rollup.
type Totals map[Key]total

// total is the total of the stats of a day, by subject.
type total map[int64]*cell

// Observe adds packed observations multiplied by times, which may be negative. If
// packed is damaged, it returns an error and adds nothing.
func (t Totals) Observe(key Key, packed []byte, times int64) error {
	return t.add(key, observed, packed, times)
}

// Merge adds a packed total like Observe.
func (t Totals) Merge(key Key, packed []byte, times int64) error {
	return t.add(key, totalled, packed, times)
}

func (t Totals) add(key Key, f form, packed []byte, times int64) error {
	buffer := sampleBuffers.Get().(*[]sample)
	defer sampleBuffers.Put(buffer)
	samples, err := unpack(f, packed, (*buffer)[:0])
	if err != nil {
		return err
	}
	*buffer = samples
	sums, ok := t[key]
	var fresh []cell // allocated in blocks
	if !ok {
		sums, fresh = make(total, len(samples)), make([]cell, len(samples))
		t[key] = sums
	}
	for i := range samples {
		s := &samples[i]
		c, ok := sums[s.subject]
		if !ok {
			if len(fresh) == 0 {
				fresh = make([]cell, min(len(samples)-i, 8))
			}
			c, fresh = &fresh[0], fresh[1:]
			sums[s.subject] = c
		}
		c.add(s, times)
	}
	return nil
}

// Keys returns the keys in order.
func (t Totals) Keys() []Key { return slices.SortedFunc(maps.Keys(t), Key.compare) }

// Subjects returns the number of subjects with a nonzero total.
func (t Totals) Subjects(key Key) (n int) {
	for _, c := range t[key] {
		if !c.isZero() {
			n++
		}
	}
	return n
}

// Row is a packed total.
type Row struct {
	Key
	Packed []byte
}

// Rows packs the nonzero totals, in the order of their keys.
func (t Totals) Rows() (rows []Row, err error) {
	for _, key := range t.Keys() {
		packed, err := t[key].pack(widthOf(key.Type))
		if err != nil {
			return nil, fmt.Errorf("total of %s on %s: %w", key.Type, key.Day.Date().Format(time.DateOnly), err)
		}
		if packed != nil {
			rows = append(rows, Row{key, packed})
		}
	}
	return rows, nil
}

// pack encodes the nonzero part of the total; nil if there is none.
func (t total) pack(width int) ([]byte, error) {
	buffer := sampleBuffers.Get().(*[]sample)
	defer sampleBuffers.Put(buffer)
	samples := (*buffer)[:0]
	for subject, c := range t {
		if c.isZero() {
			continue
		}
		s := sample{subject: subject, count: c.count}
		for i := range c.sums {
			s.values[i] = c.sums[i].amount()
		}
		samples = append(samples, s)
	}
	*buffer = samples
	if len(samples) == 0 {
		return nil, nil
	}
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.subject, b.subject) })
	return pack(totalled, samples, width)
}

// cell has the sums of one subject.
type cell struct {
	count int64
	sums  [maxWidth]sum
}

// isZero reports whether everything added has been subtracted again.
func (c *cell) isZero() bool {
	for i := range c.sums {
		if !c.sums[i].isZero() {
			return false
		}
	}
	return c.count == 0
}

func (c *cell) add(s *sample, times int64) {
	c.count += s.count * times
	for i := range c.sums {
		c.sums[i].add(s.values[i].times(times))
	}
}

func (c *cell) addCell(other *cell) {
	c.count += other.count
	for i := range c.sums {
		c.sums[i].addSum(&other.sums[i])
	}
}
