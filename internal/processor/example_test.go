// SPDX-License-Identifier: AGPL-3.0-or-later

package processor_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Two stats of one day have 3 and 6 high risks. The processor returns their mean.
func Example() {
	averages, _ := processor.Find("risk_averages_on_date")
	params, err := averages.ParseParams([]byte(`{"risks_state":"current","risks_type":"operational"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	result := averages.Process([]processor.DailySum{{
		Date:  time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Key:   stats.Key{State: stats.Current, Kind: stats.Operational, Level: stats.HighRisks},
		Count: 2,
		Sums:  [3]udecimal.Decimal{udecimal.MustParse("9")},
	}}, params)
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
	// Output:
	// {"current":{"operational":{"Low risks":[],"Medium risks":[],"High risks":[{"date":"2026-03-01","value":4.5}]}}}
}
