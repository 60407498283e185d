// SPDX-License-Identifier: AGPL-3.0-or-later

// Package replica reads from streaming replicas of the primary.
//
// A replica answers only if it has everything that this process knows to be committed
// (read-your-writes) and everything older than a limit (the staleness bound). Otherwise
// the primary answers.
package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/postgres/conntrack"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	defaultMaxLag = 30 * time.Second
	// catchUpTimeout is how long a query waits for a replica that is slightly behind,
	// and catchUpInterval the time between two checks.
	catchUpTimeout  = 20 * time.Millisecond
	catchUpInterval = 2 * time.Millisecond
)

// Querier is a connection or a pool.
type Querier interface {
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
}

// Primary is the database that the replicas follow.
type Primary struct {
	Pool *pgxpool.Pool
	// Distributed reports whether the tables are distributed over several nodes.
	Distributed func(context.Context, Querier) (bool, error)
	// Translate turns errors of the driver into those of package stats.
	Translate func(context.Context, error) error
}

// Options configure Replicas.
type Options struct {
	Primary Primary
	// Pools configure the connections to each replica.
	Pools []*pgxpool.Config
	// MaxLag is the staleness bound; 0 means 30 s.
	MaxLag time.Duration
	// ProbeInterval is the pause between two probes; 0 means 2 s.
	ProbeInterval time.Duration
	Log           *slog.Logger
}

// Replicas route reads to replicas. A nil *Replicas has none. It is safe for concurrent
// use.
type Replicas struct {
	primary  Primary
	tracker  *tracker
	all      []*replica
	interval time.Duration
	log      *slog.Logger
	turn     atomic.Uint32
	soon     chan struct{} // filled when the next probe should start now
	stop     func()
}

// replica is one address to read from. There may be several servers behind it, so each
// connection checks its own server.
type replica struct {
	name   string // host and port
	pool   *pgxpool.Pool
	conns  *conntrack.Conns
	health atomic.Int32
}

// Open connects lazily, so the service starts even while a replica is down.
func Open(opts Options) (*Replicas, error) {
	r := &Replicas{
		primary: opts.Primary, tracker: newTracker(opts.MaxLag),
		interval: cmp.Or(opts.ProbeInterval, probeInterval), log: opts.Log, soon: make(chan struct{}, 1),
	}
	for _, config := range opts.Pools {
		one, err := open(config)
		if err != nil {
			r.closePools()
			return nil, err
		}
		r.all = append(r.all, one)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var probing sync.WaitGroup
	probing.Go(func() { r.keepProbing(ctx) })
	r.stop = func() { cancel(); probing.Wait() }
	return r, nil
}

func open(config *pgxpool.Config) (*replica, error) {
	config.ConnConfig.ConnectTimeout = min(config.ConnConfig.ConnectTimeout, probeTimeout)
	tracked := conntrack.New(config.ConnConfig.ConnectTimeout)
	config.ConnConfig.DialFunc = tracked.Tracking(config.ConnConfig.DialFunc)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("open the read replica: %s", err)
	}
	return &replica{name: nameOf(config.ConnConfig), pool: pool, conns: tracked}, nil
}

func nameOf(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s:%d", config.Host, config.Port)
}

// Close waits for the running queries and closes the connections.
func (r *Replicas) Close() {
	if r == nil {
		return
	}
	r.stop()
	r.closePools()
}

func (r *Replicas) closePools() {
	for _, one := range r.all {
		one.pool.Close()
	}
}

// EachPool calls fn with the name of each replica and the connections to it.
func (r *Replicas) EachPool(fn func(name string, pool *pgxpool.Pool)) {
	if r == nil {
		return
	}
	for _, one := range r.all {
		fn(one.name, one.pool)
	}
}

// FinalError is an error after which a query must not be retried: its answer has begun,
// or the database is not at fault.
type FinalError struct{ Err error }

// Error implements error.
func (e FinalError) Error() string { return e.Err.Error() }

// Read runs a query on a replica that is up to date, or on the primary if there is none
// or it fails. query may run twice, so it must start from scratch each time. Read
// returns its error.
func (r *Replicas) Read(ctx context.Context, primary db.DBTX, query func(source db.DBTX) error) error {
	if conn, one := r.acquire(ctx); conn != nil {
		err := queryAndRelease(conn, query)
		if isAnswer(ctx, err) {
			return withoutFinal(err)
		}
		r.failed(ctx, one, err)
	}
	return withoutFinal(query(primary))
}

// PrimaryLost reports whether there are replicas and the primary did not answer the
// last probe.
func (r *Replicas) PrimaryLost() bool { return r != nil && r.tracker.isLost() }

// ReadWithoutPrimary runs a query on a replica that is up to date. If there is none, it
// runs nothing and ok is false.
func (r *Replicas) ReadWithoutPrimary(ctx context.Context, query func(source db.DBTX) error) (ok bool, err error) {
	conn, one := r.acquire(ctx)
	if conn == nil {
		return false, nil
	}
	err = queryAndRelease(conn, query)
	if !isAnswer(ctx, err) {
		r.failed(ctx, one, err)
		return false, nil
	}
	return true, withoutFinal(err)
}

func queryAndRelease(conn *pgxpool.Conn, query func(source db.DBTX) error) error {
	defer conn.Release()
	return query(conn)
}

// isAnswer reports whether the primary would give the same result.
func isAnswer(ctx context.Context, err error) bool {
	_, final := errors.AsType[FinalError](err)
	return err == nil || final || ctx.Err() != nil ||
		errors.Is(err, pgx.ErrNoRows) || errors.Is(err, stats.ErrNotFound)
}

func withoutFinal(err error) error {
	if final, ok := errors.AsType[FinalError](err); ok {
		return final.Err
	}
	return err
}

// acquire returns a connection to a replica that is up to date, or nil. It rotates
// among the replicas.
func (r *Replicas) acquire(ctx context.Context) (*pgxpool.Conn, *replica) {
	if r == nil {
		return nil, nil
	}
	required, ok := r.tracker.required(time.Now())
	if !ok {
		return nil, nil
	}
	first := int(r.turn.Add(1))
	for i := range r.all {
		one := r.all[(first+i)%len(r.all)]
		if health(one.health.Load()) != usable {
			continue
		}
		if conn := r.acquireFrom(ctx, one, required); conn != nil {
			return conn, one
		}
	}
	return nil, nil
}

func (r *Replicas) acquireFrom(ctx context.Context, one *replica, required lsn) *pgxpool.Conn {
	soon, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := one.pool.Acquire(soon)
	if err != nil {
		if ctx.Err() == nil {
			r.failed(ctx, one, err)
		}
		return nil
	}
	reached, err := catchUp(soon, conn, required)
	if err == nil && reached {
		return conn
	}
	conn.Release()
	if err != nil && ctx.Err() == nil {
		r.failed(ctx, one, err)
	}
	return nil
}

// replayedKey is the key under which a connection caches the replayed LSN of its
// server. Replay never goes back, so the cached LSN stays a valid lower bound.
const replayedKey = "replayed"

// catchUp waits up to catchUpTimeout and reports whether the server of the connection
// has replayed everything up to required.
func catchUp(ctx context.Context, conn *pgxpool.Conn, required lsn) (bool, error) {
	remembered := conn.Conn().PgConn().CustomData()
	if at, ok := remembered[replayedKey].(lsn); ok && at >= required {
		return true, nil
	}
	deadline := time.Now().Add(catchUpTimeout)
	for {
		at, err := replayed(ctx, conn)
		if err != nil {
			return false, err
		}
		remembered[replayedKey] = at
		if at >= required {
			return true, nil
		}
		if !time.Now().Before(deadline) || !wait(ctx, catchUpInterval) {
			return false, nil
		}
	}
}

// wait reports whether ctx outlived the wait.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Commit sends a batch that ends with COMMIT. From then on, replicas answer only after
// replaying it.
func (r *Replicas) Commit(ctx context.Context, conn *pgxpool.Conn, batch *pgx.Batch) error {
	if r == nil {
		return conn.SendBatch(ctx, batch).Close()
	}
	statements := batch.Len()
	batch.Queue(endStatement)
	results := conn.SendBatch(ctx, batch)
	for range statements {
		if _, err := results.Exec(); err != nil {
			r.tracker.addUnanswered() // the connection may have been lost after the commit
			_ = results.Close()
			r.probeSoon()
			return err
		}
	}
	// Errors after the commit do not undo it.
	if p, err := scanPosition(results.QueryRow()); err == nil {
		r.tracker.advance(p)
	} else {
		r.tracker.addUnlocated()
	}
	_ = results.Close()
	return nil
}

// Follow makes replicas answer only after replaying a change announced on conn, a
// connection to the primary. Call it before passing the change on, so that a cache that
// drops an answer cannot read the old one again.
func (r *Replicas) Follow(ctx context.Context, conn Querier) error {
	if r == nil {
		return nil
	}
	p, err := scanPosition(conn.QueryRow(ctx, endStatement))
	if err != nil {
		return err
	}
	r.tracker.advance(p)
	return nil
}
