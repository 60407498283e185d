// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure_test

import (
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// BenchmarkSupport tells what stands behind vulnerabilities of 200 analyses that send
// every week, and adds them up by day, of which the former costs more.
func BenchmarkSupport(b *testing.B) {
	store := servicetest.Open(b, postgres.Options{MaxConns: 4})
	today := noon().Truncate(24 * time.Hour)
	generator := sample.New(sample.Options{Seed: 7, Clients: 4, Analyses: 50, Until: today})
	for i, organisation := range generator.Organisations() {
		client := servicetest.CreateClient(b, store, servicetest.User(organisation.Name))
		for _, date := range generator.Dates() {
			var sent []stats.Stat
			for analysis := range organisation.Analyses() {
				for _, stat := range generator.Stats(i, analysis, date) {
					if stat.Type == stats.Vulnerability {
						sent = append(sent, stat)
					}
				}
			}
			servicetest.Insert(b, store, client, sent...)
		}
	}
	control := disclosure.New(disclosure.Options{Store: store.SumStore, Cache: cache.New(cache.Options{MaxBytes: 1 << 20, Now: noon}), Now: noon, Location: time.UTC})
	for name, days := range map[string]int{"90 days": 90, "365 days": 365} {
		filter := stats.Filter{Type: stats.Vulnerability, DateFrom: today.AddDate(0, 0, -days), DateTo: today}
		b.Run(name+"/support", func(b *testing.B) {
			for b.Loop() {
				if _, err := control.Support(b.Context(), filter, disclosure.Undivided); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/sums", func(b *testing.B) {
			for b.Loop() {
				if _, err := control.DailySums(b.Context(), filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
