// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
)

const (
	writers, readers = 4, 4
	batchStats       = 10
	// think is how long a caller pauses after an answer, to leave processor time for the
	// servers.
	think = 20 * time.Millisecond
)

// load has front offices that continuously post and read with the API client for
// integrators, and records what the service acknowledged.
type load struct {
	server string
	key    string

	mu       sync.Mutex
	stored   []client.Stat // acknowledged
	posts    calls
	reads    calls
	statuses map[int]int // number of refusals by status; 0: no answer
	missing  int         // reads that did not find an acknowledged stat
	stop     context.CancelFunc
	group    sync.WaitGroup
	fault    error // that ended a writer
}

// calls has the times of the successful answers to one kind of request.
type calls struct {
	answered []time.Time
	longest  time.Duration // longest time from the first attempt until success, since the last measure
}

func (c *calls) add(begun, now time.Time) {
	c.answered = append(c.answered, now)
	c.longest = max(c.longest, now.Sub(begun))
}

// longestPause returns the longest time without an answer, from the last one before
// begin until end. Answers are in order.
func (c *calls) longestPause(begin, end time.Time) time.Duration {
	first, _ := slices.BinarySearchFunc(c.answered, begin, time.Time.Compare)
	last := begin
	if first > 0 {
		last = c.answered[first-1]
	}
	longest := time.Duration(0)
	for _, at := range c.answered[first:] {
		if at.After(end) {
			break
		}
		longest = max(longest, at.Sub(last))
		last = at
	}
	return max(longest, end.Sub(last))
}

// since counts the answers after a moment.
func (c *calls) since(begin time.Time) int {
	first, _ := slices.BinarySearchFunc(c.answered, begin, time.Time.Compare)
	return len(c.answered) - first
}

// startLoad creates a client and starts the load.
func startLoad(ctx context.Context, server, adminToken string) (*load, error) {
	admin, err := client.New(server, adminToken)
	if err != nil {
		return nil, err
	}
	account, err := admin.CreateAccount(ctx, "front office", "")
	if err != nil {
		return nil, err
	}
	l := &load{server: server, key: account.Token, statuses: map[int]int{}}
	ctx, l.stop = context.WithCancel(ctx)
	for range writers {
		if err := l.start(ctx, l.write, 1<<20); err != nil {
			return nil, errors.Join(err, l.end())
		}
	}
	for range readers {
		if err := l.start(ctx, l.read, 1); err != nil {
			return nil, errors.Join(err, l.end())
		}
	}
	return l, nil
}

// start runs a caller with its own API client, which makes up to this many attempts.
func (l *load) start(ctx context.Context, call func(context.Context, *client.Client) error, attempts int) error {
	retry := client.Retry{Attempts: attempts, MinDelay: 100 * time.Millisecond, MaxDelay: time.Second, Notify: func(err *client.Error, _ int, _ time.Duration) { l.refused(err) }}
	c, err := client.New(l.server, l.key, client.WithRetry(retry))
	if err != nil {
		return err
	}
	l.group.Go(func() {
		defer c.Close()
		for ctx.Err() == nil {
			if err := call(ctx, c); err != nil {
				l.mu.Lock()
				l.fault = errors.Join(l.fault, err)
				l.mu.Unlock()
				return
			}
			_ = pause(ctx, think)
		}
	})
	return nil
}

// end stops the callers after their current requests.
func (l *load) end() error {
	l.stop()
	l.group.Wait()
	return l.fault
}

func (l *load) refused(err *client.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[err.Status]++
}

// write posts a batch until it is stored, even after the end of the load, so that its
// outcome is known.
func (l *load) write(ctx context.Context, c *client.Client) error {
	batch := make([]client.Stat, batchStats)
	for i := range batch {
		batch[i] = client.Stat{
			ANR: uuid.New(), Type: client.TypeThreat, Date: client.Day(time.Now().UTC()),
			Data: json.RawMessage(fmt.Sprintf(`[{"uuid":%q,"label1":"Theft","count":1,"maxRisk":12,"averageRate":"2.5"}]`, uuid.New())),
		}
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	posted, err := c.Post(ctx, batch...)
	if err != nil {
		return fmt.Errorf("a post that was never stored: %w", err)
	}
	if len(posted.Stats) != len(batch) {
		return fmt.Errorf("a post of %d stats was answered with %d", len(batch), len(posted.Stats))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts.add(begun, time.Now())
	l.stored = append(l.stored, posted.Stats...)
	return nil
}

// read requests an acknowledged stat.
func (l *load) read(ctx context.Context, c *client.Client) error {
	stat, ok := l.any()
	if !ok {
		return nil
	}
	begun := time.Now()
	_, err := c.Stat(ctx, stat.ANR, stat.UUID)
	var failed *client.Error
	switch {
	case err == nil:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reads.add(begun, time.Now())
	case ctx.Err() != nil:
	case errors.Is(err, client.ErrNotFound):
		l.mu.Lock()
		defer l.mu.Unlock()
		l.missing++
	case errors.As(err, &failed) && failed.Temporary():
		l.refused(failed)
	default:
		return fmt.Errorf("read a stat: %w", err)
	}
	return nil
}

// any returns an acknowledged stat, one of the newest half of the time.
func (l *load) any() (client.Stat, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.stored) == 0 {
		return client.Stat{}, false
	}
	from := 0
	if rand.N(2) == 0 {
		from = max(0, len(l.stored)-batchStats)
	}
	return l.stored[from+rand.N(len(l.stored)-from)], true
}

// measurement has the observations of a period.
type measurement struct {
	writesPaused, readsPaused time.Duration // the longest times without a success
	longestPost               time.Duration // from the first attempt, of posts that were stored since the last measure
	acknowledged              []client.Stat // since the start
	missing                   int
	statuses                  map[int]int
}

// measure returns the observations from begin to end, and resets the counters.
func (l *load) measure(begin, end time.Time) measurement {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := measurement{
		writesPaused: l.posts.longestPause(begin, end), readsPaused: l.reads.longestPause(begin, end),
		longestPost: l.posts.longest, acknowledged: l.stored[:len(l.stored):len(l.stored)],
		missing: l.missing, statuses: maps.Clone(l.statuses),
	}
	l.posts.longest, l.missing = 0, 0
	clear(l.statuses)
	return found
}

// awaitCalls waits until this many posts and reads have succeeded since a moment.
func (l *load) awaitCalls(ctx context.Context, since time.Time, each int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		l.mu.Lock()
		posts, reads, fault := l.posts.since(since), l.reads.since(since), l.fault
		l.mu.Unlock()
		if fault != nil {
			return fault
		}
		if posts >= each && reads >= each {
			return nil
		}
		if pause(ctx, poll) != nil {
			return fmt.Errorf("only %d posts and %d reads succeeded within %s", posts, reads, startTimeout)
		}
	}
}
