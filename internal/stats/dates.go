// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import "time"

const (
	minYear = 1970
	maxYear = 9999
	// windowMonths is the length of a range without a start.
	windowMonths = 3
)

// ParseDate parses a calendar day of the years 1970 to 9999 and returns its midnight
// in UTC. The format is YYYY-MM-DD. Like the Python service, it also accepts YYYYMMDD
// and a date with a time: the day counts as written, whatever the offset. The error is
// an *InvalidError about the field date.
func ParseDate(s string) (time.Time, error) { return parseDate("date", s, dayLayouts) }

// ParseDateField parses the date of a filter with another field name. It also accepts
// YYYY-MM, the first of the month.
func ParseDateField(field, s string) (time.Time, error) {
	return parseDate(field, s, filterLayouts)
}

var (
	dayLayouts = []string{
		time.DateOnly, "20060102",
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04", "20060102T150405Z0700", "20060102T150405",
	}
	filterLayouts = append([]string{"2006-01"}, dayLayouts...)
)

// longestDate is the length of 2026-11-27T00:00:00.000000000+02:00.
const longestDate = 35

func parseDate(field, s string, layouts []string) (time.Time, error) {
	date, ok := dayOf(s, layouts)
	if !ok {
		return time.Time{}, Invalid(field, "%q is not a date: use YYYY-MM-DD", shorten(s))
	}
	if date.Year() < minYear || date.Year() > maxYear {
		return time.Time{}, Invalid(field, "the year of %s is not between %d and %d", s, minYear, maxYear)
	}
	return date, nil
}

func dayOf(s string, layouts []string) (day time.Time, ok bool) {
	if len(s) > longestDate {
		return time.Time{}, false
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil {
			year, month, day := at.Date()
			return time.Date(year, month, day, 0, 0, 0, 0, time.UTC), true
		}
	}
	return time.Time{}, false
}

// Today returns midnight UTC of the calendar day at now in loc.
func Today(now time.Time, loc *time.Location) time.Time {
	year, month, day := now.In(loc).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Window completes a range of dates, both ends included. Without an end it ends today;
// without a start it starts three months before its end.
func Window(from, to *time.Time, today time.Time) (start, end time.Time) {
	end = today
	if to != nil {
		end = *to
	}
	if from != nil {
		return *from, end
	}
	return MonthsBefore(end, windowMonths), end
}

// MonthsBefore returns the same day of an earlier month, or its last day if it is
// shorter: three months before 31 May is the end of February.
func MonthsBefore(date time.Time, months int) time.Time {
	year, month, day := date.Date()
	lastDay := time.Date(year, month-time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return time.Date(year, month-time.Month(months), min(day, lastDay), 0, 0, 0, 0, time.UTC)
}
