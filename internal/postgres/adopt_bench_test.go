// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// BenchmarkAdopt takes over 200,000 stats, of 400 analyses with five a day. Its figures
// are in docs/migrating.md.
func BenchmarkAdopt(b *testing.B) {
	for _, percent := range []int{10, 100} {
		b.Run(fmt.Sprintf("changed=%d%%", percent), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				url := pgtest.Empty(b)
				change(b, url, pythonSchema(2)...)
				change(b, url, pythonClients...)
				change(b, url, manyPythonStats(percent)...)
				b.StartTimer()
				adopted, err := postgres.Adopt(b.Context(), options(b, url), nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(adopted.Stats), "stats")
				b.ReportMetric(float64(adopted.Documents), "documents")
				b.ReportMetric(float64(adopted.BytesBefore)/float64(adopted.Stats), "bytes-before/stat")
				b.ReportMetric(float64(adopted.BytesAfter)/float64(adopted.Stats), "bytes-after/stat")
				b.ReportMetric(peakMB(b), "MB-peak")
			}
		})
	}
}

// manyPythonStats returns statements that insert documents of 40 objects, whose labels
// hardly compress. Each document stays the same for some days.
func manyPythonStats(percent int) []string {
	days := 100 / percent
	return []string{
		`CREATE UNLOGGED TABLE made AS
		SELECT a, v, t, (SELECT jsonb_agg(jsonb_build_object('uuid', md5('object' || t || o)::uuid, 'label1', md5('1' || o || t) || md5('2' || o || t),
			'label2', md5('3' || o || t), 'label3', NULL, 'label4', '', 'count', a % 7 + o + v, 'maxRisk', o % 60 + v, 'averageRate', ((a + o + v) % 500 / 100.0)::text))
			FROM generate_series(1, 40) AS o) AS data
		FROM generate_series(1, 400) AS a, generate_series(0, ` + strconv.Itoa(percent-1) + `) AS v, generate_series(1, 5) AS t`,
		`INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id)
		SELECT gen_random_uuid(), md5('anr' || a)::uuid, CASE WHEN t % 2 = 0 THEN 'threat' ELSE 'vulnerability' END,
			DATE '2024-01-01' + v * ` + strconv.Itoa(days) + ` + d, data, TIMESTAMP '2024-01-01', 1 + a % 2
		FROM made, generate_series(0, ` + strconv.Itoa(days-1) + `) AS d ORDER BY v, d, a, t`,
		`DROP TABLE made`,
		`ANALYZE`,
	}
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMB returns the peak memory of this process.
func peakMB(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	found := peak.FindSubmatch(status)
	if found == nil {
		b.Fatal("peak memory is only known on Linux (/proc/self/status)")
	}
	kB, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}
