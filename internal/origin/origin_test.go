// SPDX-License-Identifier: AGPL-3.0-or-later

package origin_test

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/origin"
)

func TestOfText(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":          "192.0.2.7/32",
		"::ffff:192.0.2.7":   "192.0.2.7/32",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"2001:db8:1:2:ff::9": "2001:db8:1:2::/64",
		"fe80::1%eth0":       "fe80::/64",
		"":                   "invalid Prefix",
		"@":                  "invalid Prefix",
	} {
		if got := origin.OfText(address).String(); got != want {
			t.Errorf("%q: %s, want %s", address, got, want)
		}
	}
}
