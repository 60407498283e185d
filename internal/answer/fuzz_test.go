// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"context"
	"net/http"
	"testing"
)

// FuzzNegotiation reads any Accept-Encoding and If-None-Match. The result is a coding that
// the caller has named, or none.
func FuzzNegotiation(f *testing.F) {
	f.Add("gzip, zstd;q=0.5", `"a", W/"b"`)
	f.Add("*;q=0, identity;q=0", "*")
	f.Add("gzip;q=nan;q=1", `"a`)
	f.Add(";;;,,=", `W/W/"`)
	f.Add("x-gzip;q=1e400", "\xff\"\x00\"")
	f.Fuzz(func(t *testing.T, accept, match string) {
		header := http.Header{"Accept-Encoding": {accept, accept}, "If-None-Match": {match}}
		n := NegotiationOf(WithNegotiation(context.Background(), header))
		for name, quality := range QualityValues([]string{accept}) {
			if !(quality >= 0 && quality <= 1) {
				t.Errorf("the quality of %q is %v", name, quality)
			}
		}
		if q := QualityValues([]string{accept}); n.coding.compresses() && !(q.of(n.coding) > 0) {
			t.Errorf("%q leads to %q", accept, n.coding)
		}
		for _, tag := range n.matches {
			if !n.has(tag) {
				t.Errorf("%q is read of %q, and not found", tag, match)
			}
		}
	})
}
