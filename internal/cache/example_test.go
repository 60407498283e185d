// SPDX-License-Identifier: AGPL-3.0-or-later

package cache_test

import (
	"context"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
)

// A value is computed once, and again after a change of its topic.
func Example() {
	c := cache.New(cache.Options{MaxBytes: 1 << 20, Now: time.Now, MaxAge: time.Hour})
	c.Enable()
	computed := 0
	total := func() int {
		value, _ := cache.Get(context.Background(), c, cache.KeyOf("total"), []string{"threat"}, func(context.Context) (int, error) {
			computed++
			return computed, nil
		})
		return value
	}
	fmt.Println(total(), total())
	c.Invalidate("threat")
	fmt.Println(total())
	// Output:
	// 1 1
	// 2
}
