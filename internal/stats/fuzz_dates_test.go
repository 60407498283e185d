// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"errors"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/payloads"
)

// FuzzDate checks that every accepted date, formatted again, is parsed as the same day.
func FuzzDate(f *testing.F) {
	for _, text := range []string{
		"2026-03-31", "20260331", "2026-03", "2026-03-31T12:00:00Z", "2026-03-31T23:59:59.999999999+14:00", "2026-02-30", "1969-12-31", "9999-12-31", "10000-01-01", "", "\x00", "2026-3-1", "٢٠٢٦-٠٣-٣١",
	} {
		f.Add(text)
	}
	for _, item := range payloads.Items(f) {
		f.Add(item.Date)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for field, read := range map[string]func(string) (time.Time, error){
			"date": ParseDate, "date_from": func(text string) (time.Time, error) { return ParseDateField("date_from", text) },
		} {
			day, err := read(text)
			if err != nil {
				if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Fields[field] == "" {
					t.Errorf("%q: the error %v does not name %s", text, err, field)
				}
				continue
			}
			again, err := read(day.Format(time.DateOnly))
			if err != nil || !again.Equal(day) || !day.Equal(day.Truncate(24*time.Hour)) || day.Year() < minYear || day.Year() > maxYear {
				t.Errorf("%q is read as %s, and that as %s (%v)", text, day, again, err)
			}
		}
	})
}
