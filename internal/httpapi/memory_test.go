package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
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
func heapPeak(work func()) int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
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

// TestBatchMemory keeps a batch below four times its size, and so several at
// once. It runs alone, since it measures the whole process.
func TestBatchMemory(t *testing.T) {
	user := setup(t, func(o *httpapi.Options) { o.MaxBodyBytes = 64 << 20 }).user("user")
	post := func(body []byte) {
		w := newDiscarding()
		request := httptest.NewRequest("POST", "/api/v1/stats/", io.NopCloser(bytes.NewReader(body)))
		request.ContentLength = int64(len(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-API-KEY", user.token)
		if user.serve(w, request); w.status != http.StatusCreated {
			t.Errorf("status %d", w.status)
		}
	}
	for _, atOnce := range []int{1, 3} {
		var bodies [][]byte
		total := 0
		for i := range atOnce {
			bodies = append(bodies, largeBatch(t, uint64(10*atOnce+i)))
			total += len(bodies[i])
		}
		peak := heapPeak(func() {
			var group sync.WaitGroup
			for _, body := range bodies {
				group.Go(func() { post(body) })
			}
			group.Wait()
		})
		t.Logf("%d batches of together %d bytes took %d bytes: %.2f times their size", atOnce, total, peak, float64(peak)/float64(total))
		if peak > 4*int64(total) {
			t.Errorf("%d batches took %.1f times their size", atOnce, float64(peak)/float64(total))
		}
		runtime.KeepAlive(bodies)
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
