// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"slices"
	"time"
)

// Interval is a length of time in calendar months or in days.
type Interval struct{ Months, Days int }

// The lengths that steps can have.
var (
	Day     = Interval{Days: 1}
	Week    = Interval{Days: 7}
	Month   = Interval{Months: 1}
	Quarter = Interval{Months: 3}
	Year    = Interval{Months: 12}
)

// tickIntervals are the distances of the labels of an axis, the densest first.
var tickIntervals = []Interval{
	Day, {Days: 2}, Week, {Days: 14}, Month, {Months: 2}, Quarter, Year, {Months: 60}, {Months: 240},
}

// days is about how long the interval is.
func (i Interval) days() float64 { return float64(i.Days) + 30.5*float64(i.Months) }

// floor is the start of the interval that a day is in; weeks start on Monday.
func (i Interval) floor(day time.Time) time.Time {
	if i.Months > 0 {
		months := day.Year()*12 + int(day.Month()) - 1
		return time.Date(0, time.Month(months-months%i.Months+1), 1, 0, 0, 0, 0, time.UTC)
	}
	if i.Days%7 == 0 {
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	}
	return day
}

func (i Interval) next(day time.Time) time.Time { return day.AddDate(0, i.Months, i.Days) }

// TimeAxis is the period that lines are over.
type TimeAxis struct {
	From, To time.Time // first and last day
	Step     Interval
	// Name returns the axis label of the interval that starts on a day, without the
	// year.
	Name func(of Interval, day time.Time) string
}

// at is where a day is on the axis, from 0 to 1. What began before the period is at
// its start, a single day in the middle.
func (t TimeAxis) at(day time.Time) float64 {
	if !t.To.After(t.From) {
		return 0.5
	}
	return min(max(day.Sub(t.From).Hours()/t.To.Sub(t.From).Hours(), 0), 1)
}

// joined tells for each step whether nothing is missing between it and the one
// before. Figures that come once a week make a line also day by day.
func (t TimeAxis) joined(steps []time.Time) []bool {
	joined := make([]bool, len(steps))
	distances := make([]float64, len(steps))
	for i := range steps {
		distances[i] = steps[i].Sub(steps[max(i-1, 0)]).Hours() / 24
	}
	usual := t.Step.days()
	if t.Step == Day && len(steps) > 1 {
		sorted := slices.Sorted(slices.Values(distances[1:]))
		usual = min(Week.days(), sorted[len(sorted)/2])
	}
	for i, distance := range distances {
		joined[i] = i > 0 && distance <= 1.5*usual
	}
	return joined
}

// tick is a label of the axis, in one or two rows.
type tick struct {
	at   float64 // from 0 to 1
	rows []string
}

// ticks returns the labels that have room, at the start of calendar intervals.
func (t TimeAxis) ticks(f font, width float64) []tick {
	var ticks []tick
	for _, interval := range tickIntervals {
		if interval.days() < t.Step.days() {
			continue
		}
		if ticks = t.every(interval); len(ticks) > 0 && spaced(ticks, f, width) {
			break
		}
	}
	return ticks
}

func (t TimeAxis) every(interval Interval) (ticks []tick) {
	year := 0
	for day := interval.floor(t.From); !day.After(t.To); day = interval.next(day) {
		// A month that began before the period is named at its start.
		if day.Before(t.From) && (interval.Months == 0 || interval != t.Step) {
			continue
		}
		one := tick{at: t.at(day), rows: []string{day.Format("2006")}}
		if interval.Months < 12 {
			one.rows = append([]string{t.Name(interval, day)}, one.rows...)
			if day.Year() == year {
				one.rows = one.rows[:1]
			}
		}
		year = day.Year()
		ticks = append(ticks, one)
	}
	return ticks
}

// spaced reports whether labels do not touch; the first yields where the second comes
// right after it.
func spaced(ticks []tick, f font, width float64) bool {
	free := -1e9
	for _, one := range ticks {
		half := 0.0
		for _, row := range one.rows {
			half = max(half, f.width(row)/2)
		}
		if one.at*width-half < free {
			return false
		}
		free = one.at*width + half + 8
	}
	return true
}
