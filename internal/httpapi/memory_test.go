// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !race

package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/sample"
)

// heapPeak returns how many bytes of objects the heap held at most while work
// ran, beyond those that it held before. Garbage that is not yet collected
// counts: it takes memory too.
func heapPeak(work func()) int64 { return peakOf("/memory/classes/heap/objects:bytes", work) }

// livePeak is heapPeak without garbage, whose amount depends on what else the
// process holds and on how busy the machine is.
func livePeak(work func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // collections are what counts live objects
	runtime.GC()                                     // twice, which empties the pools of what ran before
	return peakOf("/gc/heap/live:bytes", work)
}

// peakOf returns by how many bytes a metric rose at most while work ran.
func peakOf(metric string, work func()) int64 {
	samples := []metrics.Sample{{Name: metric}}
	held := func() int64 { metrics.Read(samples); return int64(samples[0].Value.Uint64()) }
	runtime.GC()
	before := held()
	peak := before
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			peak = max(peak, held())
			select {
			case <-done:
				return
			case <-time.After(500 * time.Microsecond):
			}
		}
	}()
	work()
	close(done)
	<-ended
	return peak - before
}

// discarding is the writer of an answer that nobody looks at.
type discarding struct {
	header http.Header
	status int
	size   int64
}

func newDiscarding() *discarding { return &discarding{header: http.Header{}} }

func (d *discarding) Header() http.Header    { return d.header }
func (d *discarding) Flush()                 {}
func (d *discarding) WriteHeader(status int) { d.status = status }
func (d *discarding) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return len(p), nil
}

// largeBatch is what a front office with many analyses sends. The seed makes it
// another one.
func largeBatch(t testing.TB, seed uint64) []byte {
	t.Helper()
	generator := sample.New(sample.Options{Clients: 1, Analyses: 450, Days: 1, Until: today, Seed: seed})
	return generator.FrontOfficeBatch(0, today)
}

// postDirectly sends a batch without the network and without comparing it with
// the document, and returns the status of the answer.
func (c caller) postDirectly(body io.Reader, size int64) (status int) {
	w := newDiscarding()
	request := httptest.NewRequest("POST", "/api/v1/stats/", io.NopCloser(body))
	request.ContentLength = size
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-API-KEY", c.token)
	c.serve(w, request)
	return w.status
}

// The race detector takes memory of its own, so nothing here is built with it.

// TestBatchMemory keeps a batch below four times its size, and so several at
// once. It runs alone, since it measures the whole process.
//
// The collector of garbage comes later on a busy machine, which only ever adds to
// what is measured. So the least of some measurements is what counts.
func TestBatchMemory(t *testing.T) {
	user := setup(t, func(o *httpapi.Options) { o.MaxBodyBytes = 64 << 20 }).user("user")
	const limit, attempts = 4, 3
	for _, atOnce := range []int{1, 3} {
		for attempt := 1; ; attempt++ {
			multiple := user.batchesAtOnce(t, atOnce, uint64(100*atOnce+10*attempt))
			if multiple <= limit {
				break
			}
			if attempt == attempts {
				t.Errorf("%d batches took %.1f times their size", atOnce, multiple)
				break
			}
		}
	}
}

// batchesAtOnce posts batches that start with seed, and returns the memory that
// they took as a multiple of their size.
func (c caller) batchesAtOnce(t *testing.T, atOnce int, seed uint64) float64 {
	var bodies [][]byte
	var clients []caller // since one waits for itself
	total := 0
	for i := range atOnce {
		bodies = append(bodies, largeBatch(t, seed+uint64(i)))
		clients = append(clients, c.user(fmt.Sprintf("user of batch %d", seed+uint64(i))))
		total += len(bodies[i])
	}
	peak := heapPeak(func() {
		var group sync.WaitGroup
		for i, body := range bodies {
			group.Go(func() {
				if status := clients[i].postDirectly(bytes.NewReader(body), int64(len(body))); status != http.StatusCreated {
					t.Errorf("status %d", status)
				}
			})
		}
		group.Wait()
	})
	runtime.KeepAlive(bodies)
	multiple := float64(peak) / float64(total)
	t.Logf("%d batches of together %d bytes took %d bytes: %.2f times their size", atOnce, total, peak, multiple)
	return multiple
}

// smallStats is the body of a batch of so many stats, each with data. It is made
// while it is read: held in memory, it would count as what the service takes.
type smallStats struct {
	count, next int
	data        string
	rest        []byte // of what was made already
}

func (s *smallStats) item(i int) []byte {
	return fmt.Appendf(nil, `,{"anr":"%08x-0000-4000-8000-%012x","type":"threat","date":"2026-03-14","data":%s}`, len(s.data), i, s.data)
}

func (s *smallStats) size() int64 { return int64(s.count*len(s.item(0)) + 1) }

// Read implements io.Reader.
func (s *smallStats) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		switch {
		case s.next < s.count:
			s.rest = s.item(s.next)
		case s.next == s.count:
			s.rest = []byte{']'}
		default:
			return 0, io.EOF
		}
		if s.next == 0 {
			s.rest[0] = '['
		}
		s.next++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// TestRefusedBodiesMemory reads little of what is too large, of every operation with a
// body. It runs alone, since it measures the whole process.
func TestRefusedBodiesMemory(t *testing.T) {
	user := setup(t).user("user")
	const size, atOnce = 62 << 20, 16
	for _, operation := range []string{"GET /stats/", "GET /stats/processed/", "PATCH /client/me", "POST /client/"} {
		method, path, _ := strings.Cut(operation, " ")
		for _, length := range []int64{size, -1} {
			peak := heapPeak(func() {
				var requests sync.WaitGroup
				for range atOnce {
					requests.Go(func() {
						request := httptest.NewRequest(method, httpapi.Root+path, io.LimitReader(zeros{}, size))
						request.Header.Set("X-API-KEY", user.token)
						request.Header.Set("Content-Type", "application/json")
						request.ContentLength = length
						answer := httptest.NewRecorder()
						user.handler.ServeHTTP(answer, request)
						if answer.Code != http.StatusRequestEntityTooLarge {
							t.Errorf("%s of %d bytes: status %d", operation, length, answer.Code)
						}
					})
				}
				requests.Wait()
			})
			// A chunked one is read up to its bound of 1 MB, into a buffer that grows.
			if most := int64(atOnce * 8 << 20); peak > most {
				t.Errorf("%s: %d bodies of %d bytes took %d bytes, more than %d", operation, atOnce, length, peak, most)
			}
		}
	}
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSmallStatsMemory bounds what stats take beside their text, which is a hundred
// bytes at least. It runs alone, since it measures the whole process.
func TestSmallStatsMemory(t *testing.T) {
	user := setup(t).user("user")
	const most, each = 10_000, 720 // as admission control reckons
	object := `{"uuid":"00000000-0000-4000-8000-000000000001","label1":"%s","count":1,"maxRisk":2,"averageRate":"3"}`
	for name, data := range map[string]string{
		"nothing":    `[]`,
		"one object": "[" + fmt.Sprintf(object, "a") + "]",
		"1 KB":       "[" + fmt.Sprintf(object, strings.Repeat("a", 900)) + "]",
	} {
		body := &smallStats{count: most, data: data}
		peak := 2 * livePeak(func() { // as much again is garbage
			if status := user.postDirectly(body, body.size()); status != http.StatusCreated {
				t.Errorf("%s: status %d", name, status)
			}
		})
		limit := 4 * (body.size() + most*each)
		t.Logf("%s: %d bytes took %d: %.1f times their size, %d for each stats", name, body.size(), peak, float64(peak)/float64(body.size()), peak/most)
		if peak > limit {
			t.Errorf("%s: %d stats took %d bytes, more than %d", name, most, peak, limit)
		}
	}
}

// TestListMemory stays the same however long the list is. It runs alone, since
// it measures the whole process.
func TestListMemory(t *testing.T) {
	user := setupOn(t, pgtest.New(t)).user("user")
	user.stock()
	for _, coding := range []string{"", "gzip", "zstd"} {
		list := func() int64 {
			w := newDiscarding()
			request := user.request("GET", "/api/v1/stats/", nil, header{"Accept-Encoding", coding})
			if user.serve(w, request) || w.status != http.StatusOK {
				t.Fatalf("status %d", w.status)
			}
			return w.size
		}
		list() // fills the pools
		var sent int64
		peak := heapPeak(func() {
			for range 10 { // as one long list: what one leaves behind is garbage to the next
				sent += list()
			}
		})
		t.Logf("%q: %d bytes sent took %d bytes", coding, sent, peak)
		if limit := int64(16 << 20); peak > limit {
			t.Errorf("%q: lists of %d bytes took %d bytes, more than %d", coding, sent, peak, limit)
		}
	}
}
