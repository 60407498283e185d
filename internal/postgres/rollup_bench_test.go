// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"fmt"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// yearOf stores a year of weekly vulnerability stats of this many analyses of 20 clients.
// Each analysis changes ten times. The documents have no data, and the observations of 20
// analyses repeat.
func yearOf(b *testing.B, analyses int) *postgres.Store {
	b.Helper()
	url := pgtest.New(b)
	store := open(b, url)
	for n := range 20 {
		newClient(b, store, fmt.Sprint(n))
	}
	client, posts := newClient(b, store, "templates"), frontOfficePosts(b, 20)
	for _, post := range posts {
		for _, it := range post {
			if it.Type == stats.Vulnerability {
				insert(b, store, client, it)
			}
		}
	}
	analyse(b, url,
		`CREATE TABLE template AS SELECT row_number() OVER (ORDER BY digest) - 1 AS n, observations FROM document`,
		`DELETE FROM stats`,
		`DELETE FROM document`,
		fmt.Sprintf(`INSERT INTO document (anr, digest, type, data, observations)
			SELECT md5('a' || a)::uuid, md5('d' || a || ' ' || v)::uuid, 'vulnerability', '[]', t.observations
			FROM generate_series(1, %d) AS a, generate_series(0, 9) AS v, template AS t WHERE t.n = (a + v) %% 20`, analyses),
		fmt.Sprintf(`INSERT INTO stats (uuid, anr, type, date, digest, created_at, client_id)
			SELECT md5('s' || a || ' ' || w)::uuid, md5('a' || a)::uuid, 'vulnerability', date '2024-01-01' + 7 * w,
				md5('d' || a || ' ' || w / 6)::uuid, now(), 1 + a %% 20
			FROM generate_series(1, %d) AS a, generate_series(0, 51) AS w`, analyses),
		`DROP TABLE template`, `VACUUM ANALYZE`)
	if _, err := store.Rebuild(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	analyse(b, url, `VACUUM ANALYZE`)
	return store
}

// BenchmarkYear adds up a year of weeks over all analyses: 1,040, 10,400 and 104,000 stats.
func BenchmarkYear(b *testing.B) {
	for _, analyses := range []int{20, 200, 2000} {
		b.Run(fmt.Sprintf("rows=%d", 52*analyses), func(b *testing.B) {
			store := yearOf(b, analyses)
			b.Run("rollups", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					sums, err := store.DailySums(b.Context(), stats.Filter{Type: stats.Vulnerability})
					if err != nil || len(sums) == 0 {
						b.Fatal(len(sums), err)
					}
				}
			})
			b.Run("rebuild", func(b *testing.B) {
				for b.Loop() {
					if _, err := store.Rebuild(b.Context(), nil); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("last of everybody", func(b *testing.B) { benchLast(b, store, stats.Everything(), analyses) })
			b.Run("last of a client", func(b *testing.B) { benchLast(b, store, stats.OfClient(5), analyses/20) })
		})
	}
}

func benchLast(b *testing.B, store *postgres.Store, scope stats.Scope, want int) {
	for b.Loop() {
		n := 0
		_, err := store.EachStat(b.Context(), scope, postgres.ListQuery{LastOnly: true}, func(stats.Stat) error { n++; return nil })
		if err != nil || n != want {
			b.Fatalf("%d stats, %v; want %d", n, err, want)
		}
	}
}
