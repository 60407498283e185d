package postgres

import (
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
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// defaultMaxLag is how old what a replica answers may be.
	defaultMaxLag = 30 * time.Second
	// probePause is how long primary and replicas are left alone between two
	// looks at them; probeTimeout bounds a look, and how long a question waits to
	// be sent to a replica.
	probePause   = 2 * time.Second
	probeTimeout = 2 * time.Second
	// silence is how long a replica that does not answer a look either may leave
	// a question unanswered.
	silence = 2 * probeTimeout
	// catchUpWait is how long a question waits for a replica that is a moment
	// behind, catchUpPause how long between two looks.
	catchUpWait  = 20 * time.Millisecond
	catchUpPause = 2 * time.Millisecond
)

// state is what was last seen of a replica.
type state int32

const (
	unknown state = iota // not seen yet
	usable
	behind
	gone // cannot be asked, or is no replica of the primary
)

var stateNames = map[state]string{unknown: "unknown", usable: "usable", behind: "behind", gone: "gone"}

// replica is one address that questions can be sent to. More than one server may
// stand behind it: how far each has come is asked on the very connection that a
// question takes.
type replica struct {
	name  string // host and port
	pool  *pgxpool.Pool
	lines *lines
	state atomic.Int32
}

func (r *replica) is(s state) bool { return state(r.state.Load()) == s }

// replicas choose where to read. The rule is that an answer holds everything that
// this process knows to be committed, see horizon, and is not older than maxLag.
// A nil *replicas has none.
type replicas struct {
	horizon *horizon
	primary *pgxpool.Pool
	all     []*replica
	pause   time.Duration
	log     *slog.Logger
	turn    atomic.Uint32
	stop    func()
}

// openReplicas connects lazily: a replica that is gone keeps nobody from starting.
func openReplicas(primary *pgxpool.Pool, opts Options, log *slog.Logger) (*replicas, error) {
	r := &replicas{
		horizon: newHorizon(opts.MaxLag), primary: primary, pause: opts.probePause, log: log,
	}
	if r.pause == 0 {
		r.pause = probePause
	}
	for _, url := range opts.ReadURLs {
		one, err := openReplica(url, opts)
		if err != nil {
			r.closePools()
			return nil, err
		}
		r.all = append(r.all, one)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(ctx) })
	r.stop = func() { cancel(); watching.Wait() }
	return r, nil
}

func openReplica(url string, opts Options) (*replica, error) {
	opts.URL = url
	config, err := poolConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("read replica: %w", err)
	}
	config.ConnConfig.ConnectTimeout = min(config.ConnConfig.ConnectTimeout, probeTimeout)
	noted := newLines()
	config.ConnConfig.DialFunc = noted.noting(config.ConnConfig.DialFunc)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("open the read replica: %s", err)
	}
	return &replica{name: replicaName(config.ConnConfig), pool: pool, lines: noted}, nil
}

func replicaName(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s:%d", config.Host, config.Port)
}

func (r *replicas) close() {
	if r == nil {
		return
	}
	r.stop()
	r.closePools()
}

func (r *replicas) closePools() {
	for _, one := range r.all {
		one.pool.Close()
	}
}

// finalError is an error after which a question must not be asked again: its
// answer has begun, or the fault is not that of the database.
type finalError struct{ error }

// read asks a question of a replica that is up to it, and of the primary when
// there is none or it fails. The question may be asked twice, and so starts
// afresh each time; the error is that of ask.
func (s *Store) read(ctx context.Context, ask func(source db.DBTX) error) error {
	conn, one := s.replicas.acquire(ctx)
	if conn != nil {
		err := askAndRelease(conn, ask)
		if isAnswer(ctx, err) {
			return withoutFinal(err)
		}
		s.replicas.failed(ctx, one, err)
	}
	return withoutFinal(ask(s.pool))
}

func askAndRelease(conn *pgxpool.Conn, ask func(source db.DBTX) error) error {
	defer conn.Release()
	return ask(conn)
}

// isAnswer tells whether the primary would be asked in vain.
func isAnswer(ctx context.Context, err error) bool {
	_, final := errors.AsType[finalError](err)
	return err == nil || final || ctx.Err() != nil ||
		errors.Is(err, pgx.ErrNoRows) || errors.Is(err, stats.ErrNotFound)
}

func withoutFinal(err error) error {
	if final, ok := errors.AsType[finalError](err); ok {
		return final.error
	}
	return err
}

// failed leaves a replica alone that cannot be reached until it is seen again.
func (r *replicas) failed(ctx context.Context, one *replica, err error) {
	if isConnectionError(err) || errors.Is(err, stats.ErrUnavailable) {
		r.become(ctx, one, gone, err.Error())
		return
	}
	r.log.DebugContext(ctx, "a read replica failed, and the primary is asked", slog.String("replica", one.name), slog.Any("error", err))
}

// become notes what was seen of a replica, and logs a change.
func (r *replicas) become(ctx context.Context, one *replica, now state, why string) {
	before := state(one.state.Swap(int32(now)))
	if before == now {
		return
	}
	if now == usable {
		r.log.InfoContext(ctx, "a read replica is used", slog.String("replica", one.name))
		return
	}
	r.log.WarnContext(ctx, "a read replica is not used", slog.String("replica", one.name), slog.String("reason", why))
}

// acquire returns a connection to a replica that is up to the rule, or nil. The
// replicas take turns.
func (r *replicas) acquire(ctx context.Context) (*pgxpool.Conn, *replica) {
	if r == nil {
		return nil, nil
	}
	required, ok := r.horizon.required(time.Now())
	if !ok {
		return nil, nil
	}
	first := int(r.turn.Add(1))
	for i := range r.all {
		one := r.all[(first+i)%len(r.all)]
		if !one.is(usable) {
			continue
		}
		if conn := r.acquireFrom(ctx, one, required); conn != nil {
			return conn, one
		}
	}
	return nil, nil
}

func (r *replicas) acquireFrom(ctx context.Context, one *replica, required position) *pgxpool.Conn {
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

// replayedKey is under which a connection remembers how far its server has come.
// It never goes back, so that what is remembered stays true.
const replayedKey = "replayed"

// catchUp tells whether the server of the connection has replayed everything up
// to required, for which it waits a moment.
func catchUp(ctx context.Context, conn *pgxpool.Conn, required position) (bool, error) {
	remembered := conn.Conn().PgConn().CustomData()
	if at, ok := remembered[replayedKey].(position); ok && at >= required {
		return true, nil
	}
	deadline := time.Now().Add(catchUpWait)
	for {
		at, err := replayed(ctx, conn)
		if err != nil {
			return false, err
		}
		remembered[replayedKey] = at
		if at >= required {
			return true, nil
		}
		if !time.Now().Before(deadline) || sleep(ctx, catchUpPause) != nil {
			return false, nil
		}
	}
}

// sleep waits unless ctx ends before, whose error it then returns.
func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
