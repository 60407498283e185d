// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/stats"
)

// year returns the sums of 365 days.
func year(keys []stats.Key) []DailySum {
	first := day("2024-01-01")
	sums := make([]DailySum, 0, 365*len(keys))
	for d := range 365 {
		for i := range keys {
			n := int64(1 + (d+i)%50)
			sums = append(sums, DailySum{
				Date:   first.Add(time.Duration(d) * 24 * time.Hour),
				Key:    keys[i],
				Count:  n,
				Sums:   [3]udecimal.Decimal{udecimal.MustFromInt64(n*12, 0), udecimal.MustFromInt64(n*36, 0), udecimal.MustFromInt64(n*282+1, 2)},
				Labels: stats.Labels{"Feu", "Fire", "Feuer", "Brand"},
			})
		}
	}
	return sums
}

func objectKeys(n int) []stats.Key {
	keys := make([]stats.Key, n)
	for i := range keys {
		keys[i].Object = fmt.Sprintf("b402d4e0-4576-11e9-9173-%012x", i*7919)
	}
	return keys
}

func riskKeys() (keys []stats.Key) {
	for _, state := range stats.States() {
		for _, kind := range stats.Kinds() {
			for _, level := range stats.Levels() {
				keys = append(keys, stats.Key{State: state, Kind: kind, Level: level})
			}
		}
	}
	return keys
}

func cartographyKeys() (keys []stats.Key) {
	for _, state := range stats.States() {
		for _, kind := range stats.Kinds() {
			keys = append(keys, stats.Key{State: state, Kind: kind})
			for cell := range 25 {
				keys = append(keys, stats.Key{State: state, Kind: kind, Impact: fmt.Sprint(cell / 5), Likelihood: fmt.Sprint(cell % 5)})
			}
		}
	}
	return keys
}

func complianceKeys() (keys []stats.Key) {
	for _, object := range objectKeys(3) {
		keys = append(keys, object)
		for category := range 14 {
			for _, state := range stats.States() {
				keys = append(keys, stats.Key{Object: object.Object, State: state, Category: fmt.Sprintf("Category %d", category)})
			}
		}
	}
	return keys
}

func BenchmarkProcess(b *testing.B) {
	inputs := map[stats.Type][]DailySum{
		stats.Threat:        year(objectKeys(200)),
		stats.Vulnerability: year(objectKeys(200)),
		stats.Risk:          year(riskKeys()),
		stats.Cartography:   year(cartographyKeys()),
		stats.Compliance:    year(complianceKeys()),
	}
	for _, p := range All() {
		b.Run(p.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Process(inputs[p.Type], nil)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	series := averageOnDate(year(objectKeys(200)), nil)
	for name, result := range map[string]any{"series": series, "by date": ByDate(series)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := json.MarshalWrite(io.Discard, result); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMean(b *testing.B) {
	for name, sum := range map[string]string{"fast": "123456.78", "exact": "123456789012.123456789012345678"} {
		decimal := udecimal.MustParse(sum)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Mean(decimal, 365)
			}
		})
	}
}
