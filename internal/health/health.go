// SPDX-License-Identifier: AGPL-3.0-or-later

// Package health serves the liveness (/healthz, /health) and readiness (/readyz) of the
// process to supervisors, load balancers and monitoring. These paths answer even under
// full load.
package health

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/monarc-project/stats-service/internal/postgres"
)

const (
	// checkTimeout is how long the database may take before it counts as stalled.
	checkTimeout = 2 * time.Second
	// maxAge is how long a state is cached, so that probes cause no load.
	maxAge = time.Second
)

// Status is the readiness of the process.
type Status string

// The statuses of a process.
const (
	Ready       Status = "ready"
	Degraded    Status = "degraded"    // it answers reads, but cannot store anything
	Unavailable Status = "unavailable" // requests are answered 503, or soon will be
)

// Phase is the phase in the life of a process.
type Phase string

// The phases of a process.
const (
	Starting Phase = "starting"
	Serving  Phase = "serving"
	Draining Phase = "draining"
)

// Report is the answer of /readyz. It is public, so it must not contain anything
// confidential.
type Report struct {
	Status   Status         `json:"status"`
	Process  Phase          `json:"process"`
	Database postgres.State `json:"database"`
	Message  string         `json:"message"`
}

// Store is the database whose state is checked.
type Store interface {
	State(ctx context.Context) (postgres.State, error)
}

// Options are what a Checker needs.
type Options struct {
	Now    func() time.Time
	Log    *slog.Logger
	Prefix string // optional prefix of the paths, such as "/x"; may be empty

	// Timeout is how long the database may take before it counts as stalled; 0 means 2 s.
	Timeout time.Duration
}

// Checker knows whether the process is ready. It is safe for concurrent use.
type Checker struct {
	opts   Options
	flight singleflight.Group

	mu      sync.Mutex
	phase   Phase
	store   Store // nil while the process starts
	state   postgres.State
	checked time.Time // when state was determined
}

// New returns a Checker in the starting phase.
func New(opts Options) *Checker {
	if opts.Timeout == 0 {
		opts.Timeout = checkTimeout
	}
	return &Checker{opts: opts, phase: Starting}
}

// Wait records why the process is not serving yet: cause is the error of its database.
func (c *Checker) Wait(cause error) {
	state := postgres.StateDown
	if errors.Is(cause, context.DeadlineExceeded) {
		state = postgres.StateStalled
	}
	c.note(state, cause)
}

// Serve switches to the serving phase.
func (c *Checker) Serve(store Store) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.store, c.state, c.checked = Serving, store, postgres.StateUp, c.opts.Now()
}

// Drain switches to the draining phase: the process is about to end and should get no
// new requests.
func (c *Checker) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = Draining
}

// Draining reports whether the process is about to end.
func (c *Checker) Draining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == Draining
}

// Report checks the database, unless the cached state is recent.
func (c *Checker) Report(ctx context.Context) Report {
	c.mu.Lock()
	phase, store, state := c.phase, c.store, c.state
	stale := c.opts.Now().Sub(c.checked) >= maxAge
	c.mu.Unlock()
	if store != nil && stale {
		state = c.check(ctx, store)
	}
	return report(phase, state)
}

// check shares one query between concurrent requests. The query does not end with the
// request that started it.
func (c *Checker) check(ctx context.Context, store Store) postgres.State {
	state, _, _ := c.flight.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.Timeout)
		defer cancel()
		state, err := store.State(ctx)
		c.note(state, err)
		return state, nil
	})
	return state.(postgres.State)
}

// note records a state and logs changes.
func (c *Checker) note(state postgres.State, cause error) {
	c.mu.Lock()
	before := c.state
	c.state, c.checked = state, c.opts.Now()
	c.mu.Unlock()
	switch {
	case state == before:
	case state == postgres.StateUp:
		c.opts.Log.Info("the database is usable again", "state", state, "before", before)
	default:
		c.opts.Log.Warn("the database is not fully usable", "state", state, "cause", cause)
	}
}

// messages has the messages of a report for each state in which the database is not up.
var messages = map[postgres.State]string{
	postgres.StateReadOnly: "The database takes no writes: stats are answered, and posts are refused.",
	postgres.StateDown:     "The database cannot be reached.",
	postgres.StateStalled:  "The database does not answer.",
	postgres.StateBehind:   "The schema of the database is older than this release: run db_upgrade.",
	postgres.StateAhead:    "The schema of the database is newer than this release: run the newer release.",
}

func report(phase Phase, state postgres.State) Report {
	r := Report{Status: Unavailable, Process: phase, Database: state, Message: messages[state]}
	switch {
	case phase == Draining:
		r.Message = "The service is about to stop."
	case phase == Starting && state == "":
		r.Message = "The service is starting."
	case state == postgres.StateUp:
		r.Status, r.Message = Ready, "The service is ready."
	case state == postgres.StateReadOnly:
		r.Status = Degraded
	}
	return r
}
