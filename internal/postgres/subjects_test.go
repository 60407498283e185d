// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import "testing"

func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	cache := newRecent[int, int](10)
	for n := range 1000 {
		cache.put(n, n)
		if _, ok := cache.get(0); !ok {
			t.Fatalf("after %d entries the one in constant use is forgotten", n)
		}
		if size := len(cache.young) + len(cache.old); size > 10 {
			t.Fatalf("%d entries are kept, want up to 10", size)
		}
	}
	if _, ok := cache.get(998); !ok {
		t.Error("a recent entry is forgotten")
	}
	if _, ok := cache.get(500); ok {
		t.Error("an old entry is still there")
	}
}
