// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pooledMode is how statements are sent through a pooler such as PgBouncer, which runs
// each transaction in any free session: prepared statements have no names, since another
// session would not know them. pgx's mode exec would save asking for the types of a
// statement, but has to guess them.
const pooledMode = pgx.QueryExecModeCacheDescribe

// errPooled reports that something needs a session of its own.
var errPooled = errors.New("the connection goes through a pooler, but this needs a session of its own: " +
	"set DATABASE_LISTEN_URL to the address of PostgreSQL itself, and run this again")

// transactionSettings are the sessionSettings for one transaction, for shared sessions.
// The server always makes custom plans for unnamed statements.
const transactionSettings = `SELECT
	set_config('lock_timeout', '25s', true),
	(SELECT set_config(name, 'lz4', true) FROM pg_settings
	 WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals))`

// usesPooler reports whether a URL says that it leads to a pooler, with
// default_query_exec_mode=exec.
func usesPooler(config *pgx.ConnConfig) bool {
	return config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement
}

// examine connects to a database, refuses one that is not the service's, and reports
// whether a pooler is in between.
func examine(ctx context.Context, config *pgx.ConnConfig) (pooled bool, err error) {
	pooled = usesPooler(config)
	config = config.Copy()
	config.DefaultQueryExecMode = pooledMode
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, fmt.Errorf("reach the database: %w", translate(ctx, err))
	}
	defer closeSoon(ctx, conn)
	found, err := inspect(ctx, conn)
	if err != nil {
		return false, err
	}
	if err := found.err(); err != nil {
		return false, err
	}
	if !pooled {
		pooled, err = isPooled(ctx, conn)
	}
	return pooled, err
}

// isPooled compares the process id that the server announced with that of the session:
// a pooler invents the former.
func isPooled(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid int32
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return false, fmt.Errorf("reach the database: %w", translate(ctx, err))
	}
	return uint32(pid) != conn.PgConn().PID(), nil
}

// connectDirectly returns a connection with a session of its own, and its URL: that of
// the database, or ListenURL if the former leads to a pooler.
func connectDirectly(ctx context.Context, opts Options) (direct *pgx.Conn, url string, err error) {
	conn, pooled, err := connectAny(ctx, opts.URL)
	if err != nil || !pooled {
		return conn, opts.URL, err
	}
	defer closeSoon(ctx, conn)
	if opts.ListenURL == "" {
		return nil, "", errPooled
	}
	direct, pooled, err = connectAny(ctx, opts.ListenURL)
	if err != nil {
		return nil, "", fmt.Errorf("DATABASE_LISTEN_URL: %w", err)
	}
	if err = checkSameDatabase(ctx, conn, direct); err == nil && pooled {
		err = errors.New("DATABASE_LISTEN_URL leads to a pooler too: set it to the address of PostgreSQL itself")
	}
	if err != nil {
		closeSoon(ctx, direct)
		return nil, "", err
	}
	return direct, opts.ListenURL, nil
}

// connectAny connects to a database, and reports whether a pooler is in between.
func connectAny(ctx context.Context, url string) (conn *pgx.Conn, pooled bool, err error) {
	if conn, err = connect(ctx, url); err != nil {
		return nil, false, err
	}
	if config, err := pgx.ParseConfig(url); err == nil && usesPooler(config) {
		return conn, true, nil
	}
	if pooled, err = isPooled(ctx, conn); err != nil {
		closeSoon(ctx, conn)
		return nil, false, err
	}
	return conn, pooled, nil
}

// whichDatabase tells databases apart, whatever a pooler calls them.
const whichDatabase = `SELECT format('%s %s', extract(epoch FROM pg_postmaster_start_time()), oid)
	FROM pg_database WHERE datname = current_database()`

func checkSameDatabase(ctx context.Context, pooled, direct *pgx.Conn) error {
	var found [2]string
	for i, conn := range []*pgx.Conn{pooled, direct} {
		if err := conn.QueryRow(ctx, whichDatabase).Scan(&found[i]); err != nil {
			return fmt.Errorf("reach the database: %w", translate(ctx, err))
		}
	}
	if found[0] != found[1] {
		return errors.New("DATABASE_LISTEN_URL leads to another database than DATABASE_URL: correct one of them")
	}
	return nil
}

// setPooled configures a pool for a pooler.
func setPooled(config *pgxpool.Config) {
	config.ConnConfig.DefaultQueryExecMode = pooledMode
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerCodecs(conn.TypeMap())
		return nil
	}
}

// listenConfig returns how to listen to changes; nil if a pooler prevents that.
func listenConfig(opts Options, pool *pgxpool.Pool) (*pgx.ConnConfig, error) {
	if opts.ListenURL == "" {
		if opts.pooled {
			return nil, nil
		}
		return pool.Config().ConnConfig, nil
	}
	config, err := pgx.ParseConfig(opts.ListenURL)
	if err != nil {
		return nil, fmt.Errorf("the database URL to listen with is invalid: %s", err)
	}
	setConnDefaults(config)
	config.DefaultQueryExecMode = pooledMode
	return config, nil
}

// lockTransaction begins a transaction that only holds a lock.
const lockTransaction = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`

// openLock begins a lockTransaction on a connection of its own. It ends with the
// connection, and so with the process.
func openLock(ctx context.Context, config *pgx.ConnConfig) (conn *pgx.Conn, release func(), err error) {
	conn, err = pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	release = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		// The server notices a closed connection only after a while; the next holder
		// should not have to wait for that.
		_, _ = conn.Exec(ctx, "ROLLBACK")
		_ = conn.Close(ctx)
	}
	if err := execute(ctx, conn, lockTransaction); err != nil {
		release()
		return nil, nil, err
	}
	return conn, release, nil
}

// holdLock takes locks in the given order, and holds them until release is called.
func holdLock(ctx context.Context, config *pgx.ConnConfig, keys ...int64) (release func(), err error) {
	conn, release, err := openLock(ctx, config)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, key); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}
