// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup_test

import (
	"fmt"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// A document counts on two days. The sums of each day have its values once.
func Example() {
	values := [3]udecimal.Decimal{udecimal.MustParse("2"), udecimal.MustParse("12"), udecimal.MustParse("2.5")}
	packed, err := rollup.Pack(stats.Threat, []stats.Observation{{Values: values}}, []int64{1})
	if err != nil {
		fmt.Println(err)
		return
	}
	day := rollup.DayOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	sums := rollup.NewAccumulator()
	if err := sums.ObserveOn([]rollup.Day{day, day + 1}, packed); err != nil {
		fmt.Println(err)
		return
	}
	subjects := map[int64]rollup.Subject{1: {Type: stats.Threat, Key: stats.Key{Object: "fire"}}}
	for _, sum := range sums.DailySums(subjects) {
		fmt.Println(sum.Date.Format(time.DateOnly), sum.Key.Object, sum.Count, sum.Sums)
	}
	// Output:
	// 2026-03-01 fire 1 [2 12 2.5]
	// 2026-03-02 fire 1 [2 12 2.5]
}
