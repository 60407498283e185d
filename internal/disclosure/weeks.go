// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"time"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// monday returns the first day of the week of a day.
func monday(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }

// sunday returns the last day of the week of a day.
func sunday(day time.Time) time.Time { return monday(day).AddDate(0, 0, 6) }

// lastDay returns the last day of the last complete week. In the current week, the
// difference between the figures of two days could be the figures of one client.
func (c *Control) lastDay() time.Time { return monday(c.Today()).AddDate(0, 0, -1) }

// LastDays returns the period of the last days, including today. Where figures are
// suppressed, it returns complete weeks with at least as many days.
func (c *Control) LastDays(days int) (from, to time.Time) {
	if !c.Active() {
		today := c.Today()
		return today.AddDate(0, 0, -days), today
	}
	last := c.lastDay()
	return monday(last.AddDate(0, 0, -days)), last
}

// WholeWeeks widens a period to the weeks that it touches, without incomplete ones
// unless there are no others. Where no figures are suppressed, it returns the period
// unchanged.
func (c *Control) WholeWeeks(from, to time.Time) (first, last time.Time) {
	if !c.Active() {
		return from, to
	}
	first, last = monday(from), sunday(to)
	if until := c.lastDay(); last.After(until) && first.Before(until) {
		last = until
	}
	return first, last
}

// limit restricts the filter to the weeks that may be shown.
func (c *Control) limit(filter stats.Filter) stats.Filter {
	filter.DateFrom, filter.DateTo = c.WholeWeeks(filter.DateFrom, filter.DateTo)
	if until := c.lastDay(); filter.DateTo.After(until) {
		filter.DateTo = until
	}
	return filter
}

// weeklySums adds up daily sums by week, dated on the Monday.
func weeklySums(days []processor.DailySum) []processor.DailySum { return addUp(days, monday) }

// addUp adds up daily sums by part of a period, dated by start.
func addUp(days []processor.DailySum, start func(time.Time) time.Time) []processor.DailySum {
	type part struct {
		start time.Time
		key   stats.Key
	}
	at := map[part]int{}
	var parts []processor.DailySum
	for _, sum := range days {
		sum.Date = start(sum.Date)
		of := part{sum.Date, sum.Key}
		if i, known := at[of]; known {
			parts[i] = parts[i].Plus(sum)
			continue
		}
		at[of] = len(parts)
		parts = append(parts, sum)
	}
	return parts
}
