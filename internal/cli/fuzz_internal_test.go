// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"testing"
	"time"
)

// FuzzMoment parses moments: a day, a time, or a duration before now. An accepted moment,
// formatted as a time, is parsed as the same moment.
func FuzzMoment(f *testing.F) { // its seeds are in testdata/fuzz
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", 2*60*60)
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := momentOf(text, now, zone)
		if !ok {
			if !at.IsZero() {
				t.Errorf("%q is refused and read as %s", text, at)
			}
			return
		}
		if year := at.UTC().Year(); year < 0 || year > 9999 {
			return // has no such form
		}
		again, ok := momentOf(at.UTC().Format(time.RFC3339Nano), now, zone)
		if !ok || !again.Equal(at) {
			t.Errorf("%q is read as %s, and that as %s", text, at, again)
		}
	})
}
