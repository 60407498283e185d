// SPDX-License-Identifier: AGPL-3.0-or-later

// Package processor turns daily sums of statistics into the averages that
// dashboards show.
//
// A processor is a pure function: it sees no context, database, clock or log. The
// result does not depend on the query that produced the sums (rows of one analysis or
// rollups over all organisations).
package processor

import (
	"time"

	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/stats"
)

// DailySum is the sum over all matching stats of one day for one key.
type DailySum struct {
	Date  time.Time // midnight UTC
	Key   stats.Key
	Count int64 // number of stats that measured the key on this day
	// Sums holds, for threats and vulnerabilities, the sums of count, maxRisk
	// and averageRate; for every other type the sum of the value in Sums[0].
	Sums [3]udecimal.Decimal
	// Labels are the most recent ones of the day's stats that have any.
	Labels stats.Labels
}

// Plus returns the sum of both. The date and key are those of other, and so are the
// labels if it has any.
func (s DailySum) Plus(other DailySum) DailySum {
	for i := range s.Sums {
		other.Sums[i] = other.Sums[i].Add(s.Sums[i])
	}
	other.Count += s.Count
	if other.Labels.Empty() {
		other.Labels = s.Labels
	}
	return other
}
