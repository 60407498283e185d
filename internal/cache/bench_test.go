// SPDX-License-Identifier: AGPL-3.0-or-later

package cache_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
)

// BenchmarkHit looks up a thousand cached values on all processors, and builds each key
// again as a request does.
func BenchmarkHit(b *testing.B) {
	c := cache.New(cache.Options{MaxBytes: 32 << 20, MaxAge: time.Hour, Now: time.Now})
	c.Enable()
	topics := []string{"threat"}
	get := func(i int) {
		_, err := cache.Get(b.Context(), c, cache.KeyOf("page", strconv.Itoa(i%1000)), topics, func(context.Context) (int, error) { return i, nil })
		if err != nil {
			b.Error(err)
		}
	}
	for i := range 1000 {
		get(i)
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			get(i)
		}
	})
}
