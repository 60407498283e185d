// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/stats"
)

// BenchmarkPublic runs the queries of disclosure control for a year, with 10,400 and
// 104,000 stats of 20 clients.
func BenchmarkPublic(b *testing.B) {
	year := stats.Filter{Type: stats.Vulnerability, DateFrom: date("2024-01-01"), DateTo: date("2024-12-29")}
	monday := func(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }
	for _, analyses := range []int{200, 2000} {
		b.Run(fmt.Sprintf("rows=%d", 52*analyses), func(b *testing.B) {
			store := yearOf(b, analyses)
			b.Run("clients behind", func(b *testing.B) {
				for b.Loop() {
					behind, err := store.ClientsBehind(b.Context(), year, nil, 3, monday)
					if err != nil || len(behind.Figures) == 0 {
						b.Fatal(len(behind.Figures), err)
					}
				}
			})
			b.Run("contributions by week", func(b *testing.B) {
				for b.Loop() {
					weeks, err := store.ContributionsByWeek(b.Context(), year.DateFrom, year.DateTo)
					if err != nil || len(weeks) != 52 {
						b.Fatal(len(weeks), err)
					}
				}
			})
			b.Run("contributions", func(b *testing.B) {
				for b.Loop() {
					if _, err := store.Contributions(b.Context(), year); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
