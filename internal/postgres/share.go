// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// defaultMaxConns is the default maximum number of connections to a server.
	defaultMaxConns = 16
	// defaultAcquireTimeout is how long a query or a list waits for a connection: longer
	// than connecting may take, and less than half the time that front offices wait for
	// an answer.
	defaultAcquireTimeout = 12 * time.Second
)

// lists limits the connections used by lists. A list keeps its connection while its
// caller reads it, so a few slow callers could otherwise take all connections.
type lists struct {
	atOnce  int64
	turns   *semaphore.Weighted
	timeout time.Duration
	waiting atomic.Int64
}

// newLists reserves half of the connections to the primary and to each replica for
// other queries.
func newLists(maxConns int32, timeout time.Duration) *lists {
	atOnce := max(1, int64(maxConns)/2)
	return &lists{atOnce: atOnce, turns: semaphore.NewWeighted(atOnce), timeout: timeout}
}

// enter waits until a list may run; call leave when it ends. Its errors are
// stats.ErrBusy and the error of ctx.
func (l *lists) enter(ctx context.Context) (leave func(), err error) {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	if err := l.turns.Acquire(limited, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: all connections available to lists are in use", stats.ErrBusy)
	}
	return func() { l.turns.Release(1) }, nil
}

// ListsAtOnce returns how many lists can be read at a time.
func (s StatStore) ListsAtOnce() int64 { return s.lists.atOnce }

// WaitingLists returns how many lists wait until one of their connections is free.
func (s StatStore) WaitingLists() int64 { return s.lists.waiting.Load() }

// figures limits the connections used for public figures: who asks for them has no key,
// and so no limit as a client.
type figures struct {
	turns   *semaphore.Weighted
	waiting atomic.Int64
}

func newFigures(maxConns int32) *figures {
	return &figures{turns: semaphore.NewWeighted(max(1, int64(maxConns)/2))}
}

// ForPublic returns the store for the figures that anybody may request. All its reads
// together use at most half of the connections; others wait until their context ends.
func (s SumStore) ForPublic() SumStore { return SumStore{s.shared, true} }

// WaitingFigures returns how many reads of public figures wait until one of their
// connections is free.
func (s SumStore) WaitingFigures() int64 { return s.figures.waiting.Load() }

// read is like shared.read, within the limit of public figures if it applies.
func (s SumStore) read(ctx context.Context, query func(source db.DBTX) error) error {
	if !s.public {
		return s.shared.read(ctx, query)
	}
	s.figures.waiting.Add(1)
	err := s.figures.turns.Acquire(ctx, 1)
	s.figures.waiting.Add(-1)
	if err != nil {
		return err
	}
	defer s.figures.turns.Release(1)
	return s.shared.read(ctx, query)
}

// acquireTimeout bounds how long any query waits for a connection: by itself, a pool
// waits as long as the context of the caller allows. It is a tracer of the pool because
// a tracer can replace the context of an acquisition, including those of the generated
// queries.
type acquireTimeout time.Duration

var _ pgxpool.AcquireTracer = acquireTimeout(0)

// cancelKey is the context key of the cancel function of an acquisition.
type cancelKey struct{}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (t acquireTimeout) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	limited, cancel := context.WithTimeout(ctx, time.Duration(t))
	return context.WithValue(limited, cancelKey{}, cancel)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (acquireTimeout) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer, which a pool's tracer must implement too.
func (acquireTimeout) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (acquireTimeout) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
