// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// defaultMaxConns is how many connections a store opens to a server at most
	// where nobody says how many.
	defaultMaxConns = 16
	// defaultAcquireTimeout is how long a query waits for a connection, or a list for
	// its turn: longer than connecting may take, and less than half of what front
	// offices wait for an answer.
	defaultAcquireTimeout = 12 * time.Second
)

// lists share the connections with all other questions. A list keeps its
// connection for as long as its caller takes to read it, so that a few slow
// callers would leave none to anybody else.
type lists struct {
	turns   *semaphore.Weighted
	timeout time.Duration
}

// newLists leaves half of the connections to others, of the primary and of every
// replica.
func newLists(maxConns int32, timeout time.Duration) *lists {
	return &lists{turns: semaphore.NewWeighted(max(1, int64(maxConns)/2)), timeout: timeout}
}

// enter waits for the turn of a list, which ends with leave. Errors are
// stats.ErrBusy and that of ctx.
func (l *lists) enter(ctx context.Context) (leave func(), err error) {
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	if err := l.turns.Acquire(limited, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: as many lists are being read as connections are set aside for them", stats.ErrBusy)
	}
	return func() { l.turns.Release(1) }, nil
}

// acquireTimeout bounds how long a query waits for a connection, whoever asks: a
// pool without a free one would keep it waiting for as long as its caller does.
// As the tracer of a pool it chooses the context in which a connection is
// acquired, also by the generated queries.
type acquireTimeout time.Duration

var _ pgxpool.AcquireTracer = acquireTimeout(0)

// cancelKey is under which the context of an acquisition has its cancel function.
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

// TraceQueryStart implements pgx.QueryTracer, which a tracer of a pool has to be.
func (acquireTimeout) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (acquireTimeout) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
