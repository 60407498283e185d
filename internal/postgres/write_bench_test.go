// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/stats"
)

// durable returns the address of a migrated database on a server with fsync, as in
// production.
func durable(b *testing.B) string {
	b.Helper()
	server, err := localpg.Start(b.Context(), localpg.Options{Dir: ramdisk.Folder(b), DieWithParent: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	if err := postgres.MigrateURL(b.Context(), server.URL()); err != nil {
		b.Fatal(err)
	}
	return server.URL()
}

// frontOfficePosts returns the posts of a front office for n analyses: the five types of
// each, about 50 KB together.
func frontOfficePosts(b *testing.B, n int) [][]stats.Item {
	b.Helper()
	day := date("2024-05-31")
	generator := sample.New(sample.Options{Seed: 7, Clients: 1, Analyses: n, Days: 1, Until: day})
	posts := make([][]stats.Item, n)
	for i := range posts {
		for _, stat := range generator.Stats(0, i, day) {
			posts[i] = append(posts[i], item(b, stat))
		}
	}
	return posts
}

// ofNewAnalysis returns the post for a new analysis.
func ofNewAnalysis(post []stats.Item, day time.Time) []stats.Item {
	anr, fresh := uuid.New(), make([]stats.Item, len(post))
	for i := range post {
		fresh[i] = post[i]
		fresh[i].ANR, fresh[i].Date = anr, day
	}
	return fresh
}

// BenchmarkPosts posts the five types of an analysis per round. Each writer has its own
// client, and all post for the same day.
func BenchmarkPosts(b *testing.B) {
	for _, writers := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			url := durable(b)
			store := open(b, url)
			posts := frontOfficePosts(b, 20)
			clients := make([]stats.Client, writers)
			for i := range clients {
				clients[i] = newClient(b, store, fmt.Sprint(i))
			}
			var round atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for _, client := range clients {
				group.Go(func() {
					for n := round.Add(1); n <= int64(b.N); n = round.Add(1) {
						post := ofNewAnalysis(posts[n%int64(len(posts))], date("2024-05-31"))
						if _, err := store.InsertBatch(b.Context(), client, stats.Batch{Items: post}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(5*float64(b.N)/b.Elapsed().Seconds(), "stats/s")
			reportState(b, store, url)
		})
	}
}

// reportState reports the size of a stat without its document.
func reportState(b *testing.B, store *postgres.Store, url string) {
	b.Helper()
	if err := store.MergeDeltas(b.Context()); err != nil {
		b.Fatal(err)
	}
	for unit, column := range map[string]string{
		"data-B/stat": "data", "observations-B/stat": "observations",
	} {
		var size float64
		query := `SELECT avg(pg_column_size(` + column + `)) FROM document`
		if err := connect(b, url).QueryRow(b.Context(), query).Scan(&size); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(size, unit)
	}
	var size float64
	const rollups = `SELECT avg(pg_column_size(packed)) FROM rollup`
	if err := connect(b, url).QueryRow(b.Context(), rollups).Scan(&size); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(size, "rollup-B/day")
}

// BenchmarkNight posts what a front office with 20 analyses posts in a night: once with new
// contents, and once with the same contents for another day. With the build tag citus, it
// runs on distributed tables.
func BenchmarkNight(b *testing.B) {
	posts := frontOfficePosts(b, 20)
	night := func() (items []stats.Item) {
		for _, post := range posts {
			items = append(items, ofNewAnalysis(post, date("2024-05-31"))...)
		}
		return items
	}
	b.Run("new", func(b *testing.B) {
		store := open(b, pgtest.New(b))
		client := newClient(b, store, "client")
		for b.Loop() {
			insert(b, store, client, night()...)
		}
	})
	b.Run("known", func(b *testing.B) {
		store := open(b, pgtest.New(b))
		client, items := newClient(b, store, "client"), night()
		insert(b, store, client, items...)
		for i := range items {
			items[i] = known(b, store, items[i])
		}
		for b.Loop() {
			for i := range items {
				items[i].Date = items[i].Date.AddDate(0, 0, 1)
			}
			insert(b, store, client, items...)
		}
	})
}

// BenchmarkLargeBatch stores a batch of 25 MB and reports the peak memory beyond the batch
// itself, as a multiple of its size.
func BenchmarkLargeBatch(b *testing.B) {
	store := open(b, pgtest.New(b))
	client := newClient(b, store, "client")
	posts := frontOfficePosts(b, 20)
	b.ReportAllocs()
	size, worst := 0, 0.0
	for round := 0; b.Loop(); round++ {
		b.StopTimer()
		var items []stats.Item
		for size = 0; size < 25_000_000; {
			for _, it := range ofNewAnalysis(posts[len(items)/5%len(posts)], date("2024-05-31")) {
				items = append(items, it)
				size += len(it.Data)
			}
		}
		runtime.GC()
		b.StartTimer()
		peak := peakMemory(func() { insert(b, store, client, items...) })
		worst = max(worst, float64(peak)/float64(size))
	}
	b.ReportMetric(worst, "peak/size")
	b.ReportMetric(float64(size)/1e6, "MB")
}

// peakMemory returns the largest growth of the heap, in bytes, while fn runs. It includes
// garbage that is not collected yet.
func peakMemory(fn func()) uint64 {
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, stopped := make(chan bool), make(chan uint64)
	go func() {
		peak := before.HeapAlloc
		for {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
			select {
			case <-done:
				stopped <- peak - before.HeapAlloc
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	fn()
	close(done)
	return <-stopped
}
