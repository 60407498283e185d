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
	// busyAttempts bounds the attempts of a request to a busy service, and busyLongest
	// the wait between two of them, whatever the service asks for.
	busyAttempts = 20
	busyLongest  = 5 * time.Second
)

// Result is the result of Fill.
type Result struct {
	Posts   int
	Stats   int
	Bytes   int64 // of the bodies
	Busy    int   // answers that asked to retry later
	Elapsed time.Duration
}

// StatsPerSecond returns how many stats were stored per second.
func (r Result) StatsPerSecond() float64 { return perSecond(float64(r.Stats), r.Elapsed) }

// PostsPerSecond returns how many requests were answered per second.
func (r Result) PostsPerSecond() float64 { return perSecond(float64(r.Posts), r.Elapsed) }

// BytesPerSecond returns how many bytes of bodies were sent per second.
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
	Writers    int    // number of concurrent requests
	// Prepared generates all batches before the clock starts, so that only the instance is
	// measured. They must fit into memory.
	Prepared bool
	// Progress, if not nil, is called after each request.
	Progress func(done, of int)
}

// Fill creates the clients of a dataset, unless they exist, and posts its batches.
// Result.Elapsed is the time from the first request with stats to the last.
//
// The error is about the first request that was not answered with 201, or with 207 for
// stats that exist already. Stats that were posted before it stay.
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

// run is the state of a Fill.
type run struct {
	filler  Filler
	dataset *Dataset
	clients []*client.Client
	batch   func(int) (Batch, error)

	next, done, stats, bytes, busy atomic.Int64
}

// post runs the writers, which take one batch after the other.
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

// send posts a batch, and retries if the service is busy.
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

// postOnce posts a batch and returns how long a busy service asks to wait, or 0 if it
// stored the batch. It reads the whole answer, but does not parse it: a load generator
// must not compete with the service for the processor.
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
