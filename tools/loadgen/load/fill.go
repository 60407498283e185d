// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/client"
)

const (
	// postTimeout bounds one request, which may hold hundreds of analyses.
	postTimeout = 5 * time.Minute
	// A service that is busy says when to come back. We come back this often,
	// and never wait longer than this.
	busyAttempts = 20
	busyLongest  = 5 * time.Second
)

// Result is what filling came to.
type Result struct {
	Posts   int
	Stats   int
	Bytes   int64 // of the bodies
	Busy    int   // answers that told to come back later
	Elapsed time.Duration
}

// StatsPerSecond is the speed at which stats were taken.
func (r Result) StatsPerSecond() float64 { return perSecond(float64(r.Stats), r.Elapsed) }

// PostsPerSecond is the speed at which requests were answered.
func (r Result) PostsPerSecond() float64 { return perSecond(float64(r.Posts), r.Elapsed) }

// BytesPerSecond is the speed at which bodies were sent.
func (r Result) BytesPerSecond() float64 { return perSecond(float64(r.Bytes), r.Elapsed) }

func perSecond(n float64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return n / elapsed.Seconds()
}

// Filler posts datasets to one instance.
type Filler struct {
	Server     string // base URL of the instance
	AdminToken string // creates the clients
	Writers    int    // requests under way at a time
	// Prepared draws all batches before the clock starts, so that only the
	// instance is measured. They must fit into memory.
	Prepared bool
	// Progress is told after each request how many are done; nil for nobody.
	Progress func(done, of int)
}

// Fill creates the clients of a dataset, unless they are there, and posts its
// batches. The time counts from the first request with stats to the last.
//
// The error is that of the first request that was not answered with 201, or 207
// when it was there already; what was posted before it stays.
func (f Filler) Fill(ctx context.Context, d *Dataset) (Result, error) {
	clients, err := f.accounts(ctx, d)
	if err != nil {
		return Result{}, err
	}
	batch := d.Batch
	if f.Prepared {
		if batch, err = prepared(d); err != nil {
			return Result{}, err
		}
	}
	r := run{filler: f, dataset: d, clients: clients, batch: batch}
	started := time.Now()
	err = r.post(ctx)
	return Result{
		Posts: int(r.done.Load()), Stats: int(r.stats.Load()), Bytes: r.bytes.Load(),
		Busy: int(r.busy.Load()), Elapsed: time.Since(started),
	}, err
}

func prepared(d *Dataset) (func(int) (Batch, error), error) {
	batches := make([]Batch, d.Len())
	for i := range batches {
		var err error
		if batches[i], err = d.Batch(i); err != nil {
			return nil, err
		}
	}
	return func(i int) (Batch, error) { return batches[i], nil }, nil
}

// run is one Fill under way.
type run struct {
	filler  Filler
	dataset *Dataset
	clients []*client.Client
	batch   func(int) (Batch, error)

	next, done, stats, bytes, busy atomic.Int64
}

// post lets the writers take one batch after the other.
func (r *run) post(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range r.filler.Writers {
		group.Go(func() error { return r.write(ctx) })
	}
	return group.Wait()
}

func (r *run) write(ctx context.Context) error {
	for {
		i := int(r.next.Add(1) - 1)
		if i >= r.dataset.Len() || ctx.Err() != nil {
			return ctx.Err()
		}
		b, err := r.batch(i)
		if err != nil {
			return err
		}
		if err := r.send(ctx, b); err != nil {
			return fmt.Errorf("post batch %d with %d stats: %w", i, b.Stats, err)
		}
		r.stats.Add(int64(b.Stats))
		r.bytes.Add(int64(len(b.Body)))
		done := int(r.done.Add(1))
		if r.filler.Progress != nil {
			r.filler.Progress(done, r.dataset.Len())
		}
	}
}

// send posts a batch, again when the service is busy.
func (r *run) send(ctx context.Context, b Batch) error {
	for attempt := 1; ; attempt++ {
		wait, err := postOnce(ctx, r.clients[b.Client], b.Body)
		if err != nil || wait == 0 {
			return err
		}
		if attempt == busyAttempts {
			return fmt.Errorf("the service was busy %d times in a row", attempt)
		}
		r.busy.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// postOnce returns how long a busy service wants to be left alone, or 0 when it
// took the batch. The answer is read to its end but not parsed: a load
// generator must not compete with the service for the processor.
func postOnce(ctx context.Context, c *client.Client, body []byte) (wait time.Duration, err error) {
	response, err := c.API().CreateStatsWithBody(ctx, nil, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusCreated, http.StatusMultiStatus:
		_, err = io.Copy(io.Discard, response.Body)
		return 0, err
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return retryAfter(response.Header.Get("Retry-After")), nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return 0, fmt.Errorf("the service answered %s: %s", response.Status, bytes.TrimSpace(text))
}

// retryAfter reads the seconds of a Retry-After header.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 1 {
		return time.Second
	}
	return min(time.Duration(seconds)*time.Second, busyLongest)
}
