// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"time"
)

// The values of view.Group: how long the steps of a line over time are.
const (
	groupDay     = "day"
	groupWeek    = "week"
	groupMonth   = "month"
	groupQuarter = "quarter"
	groupYear    = "year"
)

const day = 24 * time.Hour

// grouping returns the requested grouping, or one that keeps a line readable.
func (v view) grouping() string {
	switch length := v.To.Sub(v.From); {
	case v.Weekly && (v.Group == groupDay || v.Group == "" && length <= 31*day):
		return groupWeek
	case v.Group != "":
		return v.Group
	case length <= 31*day:
		return groupDay
	case length <= 400*day:
		return groupWeek
	case length <= 5*366*day:
		return groupMonth
	}
	return groupQuarter
}

// startOf returns the function from a day to the first day of the group that
// it belongs to. Weeks start on Monday.
func startOf(grouping string) func(time.Time) time.Time {
	switch grouping {
	case groupWeek:
		return func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }
	case groupMonth:
		return func(t time.Time) time.Time { return firstOfMonth(t, t.Month()) }
	case groupQuarter:
		return func(t time.Time) time.Time { return firstOfMonth(t, (t.Month()-1)/3*3+1) }
	case groupYear:
		return func(t time.Time) time.Time { return firstOfMonth(t, time.January) }
	}
	return func(t time.Time) time.Time { return t }
}

func firstOfMonth(t time.Time, month time.Month) time.Time {
	return time.Date(t.Year(), month, 1, 0, 0, 0, 0, time.UTC)
}
