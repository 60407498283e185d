// SPDX-License-Identifier: AGPL-3.0-or-later

// Package postgres stores and queries clients and stats in PostgreSQL (12 or later).
//
// Its interface uses the types of package stats and hides the driver's rows and errors:
// a missing record is stats.ErrNotFound, a taken name or key a *stats.ConflictError, an
// unreachable database stats.ErrUnavailable, and a cancelled context stays the
// context's error. Other errors are for the log.
//
// Every read and delete of stats takes a stats.Scope, which the SQL applies.
package postgres

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
	"github.com/monarc-project/stats-service/internal/postgres/replica"
	"github.com/monarc-project/stats-service/internal/secret"
)

const (
	applicationName = "stats-service"
	// connectTimeout leaves time for a second attempt within defaultAcquireTimeout.
	connectTimeout = 5 * time.Second
	// defaultStallTimeout bounds how long a working database takes for the simplest
	// query.
	defaultStallTimeout = 5 * time.Second
	maxConnIdleTime     = 5 * time.Minute
)

// sessionSettings apply to every connection of a Store. They are set after connecting,
// since PgBouncer refuses them as startup parameters.
//
//   - plan_cache_mode: the lists have optional filters. Only a plan made for the
//     actual values leaves the absent ones out and finds the index.
//   - lock_timeout: two batches with the same uuids wait for each other, but not
//     for longer than callers wait for an answer.
//   - idle_in_transaction_session_timeout: a transaction whose process is gone
//     must not hold its locks.
//   - default_toast_compression: compressing documents is a third of what an
//     insert costs the server, and lz4 takes a fraction of the time of the
//     default. PostgreSQL before 14 and some builds do not have it.
//   - citus.enable_deadlock_prevention: Citus would have two posts with analyses on
//     the same shard wait for each other until the end of the transaction. Instead,
//     a deadlock is detected and the transaction retried. Without Citus the setting
//     has no effect.
const sessionSettings = `SELECT
	set_config('plan_cache_mode', 'force_custom_plan', false),
	set_config('lock_timeout', '25s', false),
	set_config('idle_in_transaction_session_timeout', '60s', false),
	set_config('citus.enable_deadlock_prevention', 'off', false),
	(SELECT set_config(name, 'lz4', false) FROM pg_settings
	 WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals))`

// Options configure a Store. URL and Secret are required.
type Options struct {
	// URL is a postgres:// URL or a libpq connection string.
	URL string
	// Secret is the key that encrypts the clients' tokens.
	Secret *secret.Box
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Log receives warnings about stored data; nil discards them.
	Log *slog.Logger
	// MaxConns limits the connections to a server, of which lists may use half; 0 means
	// 16. pool_max_conns in a URL takes precedence.
	MaxConns int32
	// AcquireTimeout is how long a query waits for a connection while all are in use; 0
	// means 12 s. It then fails with stats.ErrBusy.
	AcquireTimeout time.Duration
	// StallTimeout is how long the database may leave a ping unanswered before its
	// connection counts as stalled; 0 means 5 s.
	StallTimeout time.Duration
	// ListenURL connects directly to the server that URL reaches through a pooler, for
	// notifications of changes and for adoptions; if empty, changes are polled every
	// second.
	ListenURL string
	// ReadURLs are the addresses of streaming replicas for lists and processing. Each
	// gets as many connections as the primary.
	ReadURLs []string
	// MaxLag is the staleness bound for answers of replicas; 0 means 30 s.
	MaxLag time.Duration
	// Trace makes a span for each database query.
	Trace bool

	probeInterval time.Duration // 0: the default
	adoptionPage  int           // 0: the default
	pooled        bool          // found out by Open
}

// Store is the service's database. It has a part for each kind of caller, so that a
// caller can depend on one part only. It is safe for concurrent use.
type Store struct {
	*shared
	ClientStore
	StatStore
	SumStore
	PeerStore
	Maintenance
}

// ClientStore stores the clients.
type ClientStore struct{ *shared }

// StatStore stores, lists and deletes stats.
type StatStore struct{ *shared }

// SumStore adds up stats, for processing and for public figures.
type SumStore struct {
	*shared
	public bool // its reads share a bound, see ForPublic
}

// PeerStore records what was exchanged with other instances.
type PeerStore struct{ *shared }

// Maintenance has the operators' tasks: the schema, rollups, purges.
type Maintenance struct{ *shared }

// shared is what the parts of a Store have in common.
type shared struct {
	pool     *pgxpool.Pool
	queries  *db.Queries
	secret   *secret.Box
	now      func() time.Time
	log      *slog.Logger
	subjects *dictionary
	replicas *replica.Replicas    // nil without any
	lists    *lists               // limits running lists
	figures  *figures             // limits reads of public figures
	warned   sync.Map             // stats.Type whose skipped stats have been logged
	complete atomic.Bool          // the rollups cover all stats
	spread   atomic.Pointer[bool] // whether the tables are distributed; nil: unknown
	appended atomic.Int64         // deltas since the last merge by this process
	mergeDue chan struct{}        // tells KeepMerging that these are many; never blocks
	conns    *conntrack.Conns     // to the primary
	stall    time.Duration        // see Options.StallTimeout
	pooled   bool                 // the primary is behind a pooler

	listenConfig *pgx.ConnConfig // for Listen; nil: listening is impossible

	keepsMerging atomic.Bool // KeepMerging runs

	reconnected atomic.Int64 // when the connections were replaced, Unix nanoseconds
}

// Open connects to the database. It does not migrate it: see Migrate. If the database
// is neither empty nor the service's, the error is ErrPython, ErrAdopting,
// ErrEarlierBuild or ErrForeign.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.Secret == nil {
		return nil, errors.New("open the database: no secret key to seal tokens with")
	}
	if opts.AcquireTimeout == 0 {
		opts.AcquireTimeout = defaultAcquireTimeout
	}
	if opts.StallTimeout == 0 {
		opts.StallTimeout = defaultStallTimeout
	}
	config, err := poolConfig(opts)
	if err != nil {
		return nil, err
	}
	conns := conntrack.New(config.ConnConfig.ConnectTimeout)
	config.ConnConfig.DialFunc = conns.Tracking(config.ConnConfig.DialFunc)
	var pool *pgxpool.Pool
	later := &timelines{onLater: func() { pool.Reset() }}
	if opts.pooled, err = examine(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	if opts.pooled {
		setPooled(config)
	}
	later.validate(&config.ConnConfig.Config)
	if pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open the database: %w", translate(ctx, err))
	}
	s := newStore(pool, opts)
	s.conns = conns
	if s.listenConfig, err = listenConfig(opts, pool); err != nil {
		pool.Close()
		return nil, err
	}
	if len(opts.ReadURLs) == 0 {
		return s, nil
	}
	if s.replicas, err = s.openReplicas(opts); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

func newStore(pool *pgxpool.Pool, opts Options) *Store {
	s := &shared{
		pool:     pool,
		secret:   opts.Secret,
		now:      opts.Now,
		log:      opts.Log,
		subjects: newDictionary(dictionarySize),
		conns:    conntrack.New(connectTimeout),
		stall:    cmp.Or(opts.StallTimeout, defaultStallTimeout),
		pooled:   opts.pooled,
		mergeDue: make(chan struct{}, 1),
		lists:    newLists(pool.Config().MaxConns, opts.AcquireTimeout),
		figures:  newFigures(pool.Config().MaxConns),
	}
	s.queries = db.New(primaryDB{s})
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return &Store{s, ClientStore{s}, StatStore{s}, SumStore{shared: s}, PeerStore{s}, Maintenance{s}}
}

func poolConfig(opts Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		// The driver's message omits the password.
		return nil, fmt.Errorf("the database URL is invalid: %s", err)
	}
	if !hasMaxConns(opts.URL) {
		config.MaxConns = cmp.Or(opts.MaxConns, defaultMaxConns)
	}
	config.MaxConnIdleTime = maxConnIdleTime
	config.PingTimeout = cmp.Or(opts.StallTimeout, defaultStallTimeout)
	setConnDefaults(config.ConnConfig)
	config.ConnConfig.Tracer = acquireTimeout(opts.AcquireTimeout)
	if opts.Trace {
		config.ConnConfig.Tracer = traced(config.ConnConfig.Tracer)
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		registerCodecs(conn.TypeMap())
		_, err := conn.Exec(ctx, sessionSettings)
		return err
	}
	return config, nil
}

// hasMaxConns reports whether a URL sets pool_max_conns.
func hasMaxConns(url string) bool {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return false
	}
	_, limited := config.RuntimeParams["pool_max_conns"]
	return limited
}

// setConnDefaults fills in settings that the URL leaves out.
func setConnDefaults(config *pgx.ConnConfig) {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
	// Otherwise PostgreSQL would send text in the encoding of the database.
	config.RuntimeParams["client_encoding"] = "UTF8"
	// Dates and times are compared and shown in UTC, regardless of the server's time
	// zone.
	config.RuntimeParams["timezone"] = "UTC"
	config.DialFunc = dialer().DialContext
}

// Close waits for the running queries and closes the connections.
func (s *Store) Close() {
	s.replicas.Close()
	s.pool.Close()
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", translate(ctx, err))
	}
	return nil
}

// timestamp returns the current time in PostgreSQL's precision, so that written and
// read times compare equal.
func (s *shared) timestamp() time.Time {
	return s.now().UTC().Truncate(time.Microsecond)
}
