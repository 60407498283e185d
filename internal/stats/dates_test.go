// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"fmt"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1970-01-01", "2024-02-29", "2000-02-29", "9999-12-31"} {
		date, err := ParseDate(text)
		if err != nil {
			t.Error(err)
		}
		if got := date.Format(time.RFC3339); got != text+"T00:00:00Z" {
			t.Errorf("%s is read as %s", text, got)
		}
	}
	for _, text := range []string{
		"", "2024", "2024-1-01", "2024-01-1", "24-01-01", "2024-13-01", "2024-00-10", "2024-02-30", "2023-02-29",
		"1900-02-29", " 2024-01-01", "2024-01-01 ", "2024/01/01", "01-01-2024", "2024-01", "202401", "20240230",
		"2024-01-01T", "2024-01-01T25:00:00Z", "2024-02-30T00:00:00Z", "2024-01-01T00:00:00Zulu",
		"+2024-01-01", "today", "٢٠٢٤-01-01",
	} {
		_, err := ParseDate(text)
		checkInvalid(t, err, "date", fmt.Sprintf("%q is not a date: use YYYY-MM-DD", text))
	}
	for _, text := range []string{"1969-12-31", "0000-01-01", "0001-01-01"} {
		_, err := ParseDateField("date_from", text)
		checkInvalid(t, err, "date_from", "the year of "+text+" is not between 1970 and 9999")
	}
}

// The Python service accepts these forms, so callers may send them.
func TestParseDateAcceptsFormsOfThePythonService(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-27T00:00:00Z":          "2026-11-27",
		"2026-11-27T01:00:00+02:00":     "2026-11-27", // the 26th in UTC: the day counts as written
		"2026-11-27T23:59:59.999-11:00": "2026-11-27",
		"2026-11-27T12:30:00":           "2026-11-27",
		"2026-11-27T12:30":              "2026-11-27",
		"20261127":                      "2026-11-27",
		"20261127T123000Z":              "2026-11-27",
	} {
		date, err := ParseDate(text)
		if err != nil {
			t.Error(err)
		}
		if got := date.Format(time.RFC3339); got != want+"T00:00:00Z" {
			t.Errorf("%s is read as %s", text, got)
		}
	}
	first, err := ParseDateField("date_from", "2026-11")
	if err != nil || first.Format(time.DateOnly) != "2026-11-01" {
		t.Errorf("a month in a filter is %s, %v", first, err)
	}
}

func TestTodayInATimeZone(t *testing.T) {
	t.Parallel()
	tokyo, honolulu := time.FixedZone("Tokyo", 9*3600), time.FixedZone("Honolulu", -10*3600)
	now := time.Date(2024, 2, 29, 20, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		now  time.Time
		loc  *time.Location
		want string
	}{
		{now, time.UTC, "2024-02-29T00:00:00Z"},
		{now, tokyo, "2024-03-01T00:00:00Z"},
		{now.In(tokyo), time.UTC, "2024-02-29T00:00:00Z"},
		{now.Add(-11 * time.Hour), honolulu, "2024-02-28T00:00:00Z"},
	} {
		if got := Today(tt.now, tt.loc).Format(time.RFC3339); got != tt.want {
			t.Errorf("Today(%s, %s) = %s, want %s", tt.now, tt.loc, got, tt.want)
		}
	}
}

func TestWindowOfDates(t *testing.T) {
	t.Parallel()
	today := "2024-05-31"
	for _, tt := range []struct{ from, to, today, wantFrom, wantTo string }{
		{"", "", "2024-07-15", "2024-04-15", "2024-07-15"},
		{"", "", today, "2024-02-29", today},
		{"", "2023-05-31", today, "2023-02-28", "2023-05-31"},
		{"", "2024-01-31", today, "2023-10-31", "2024-01-31"},
		{"", "2024-03-31", today, "2023-12-31", "2024-03-31"},
		{"", "2024-02-29", today, "2023-11-29", "2024-02-29"},
		{"", "2024-07-31", today, "2024-04-30", "2024-07-31"},
		{"2020-01-01", "", today, "2020-01-01", today},
		{"2020-01-01", "2020-01-01", today, "2020-01-01", "2020-01-01"},
		{"2025-01-01", "2020-01-01", today, "2025-01-01", "2020-01-01"},
	} {
		parse := func(text string) *time.Time {
			if text == "" {
				return nil
			}
			date, err := ParseDate(text)
			if err != nil {
				t.Fatal(err)
			}
			return &date
		}
		from, to := Window(parse(tt.from), parse(tt.to), *parse(tt.today))
		if gotFrom, gotTo := from.Format(time.DateOnly), to.Format(time.DateOnly); gotFrom != tt.wantFrom || gotTo != tt.wantTo {
			t.Errorf("Window(%q, %q, %s) = %s to %s, want %s to %s", tt.from, tt.to, tt.today, gotFrom, gotTo, tt.wantFrom, tt.wantTo)
		}
	}
}

func TestMonthsBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		day    string
		months int
		want   string
	}{
		{"2024-05-15", 1, "2024-04-15"},
		{"2024-05-31", 1, "2024-04-30"},
		{"2024-03-31", 1, "2024-02-29"},
		{"2024-01-31", 1, "2023-12-31"},
		{"2024-02-29", 36, "2021-02-28"},
	} {
		day, err := time.Parse(time.DateOnly, tt.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := MonthsBefore(day, tt.months).Format(time.DateOnly); got != tt.want {
			t.Errorf("%d months before %s: %s, want %s", tt.months, tt.day, got, tt.want)
		}
	}
}
