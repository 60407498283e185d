// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/monarc-project/stats-service/sql/migrations"
)

const (
	// maintenanceDatabase exists in every cluster, so it can be connected to before the
	// database exists.
	maintenanceDatabase = "postgres"

	// migrationWait is how long a process waits while another one migrates.
	migrationWait = 5 * time.Minute
)

// Migrate brings the schema up to date and returns the names of the migrations
// that it applied, none when there was nothing to do. Processes that migrate at
// the same time wait for each other.
func (s Maintenance) Migrate(ctx context.Context) (applied []string, err error) {
	config := s.pool.Config().ConnConfig
	return migrate(ctx, config)
}

// MigrateURL is Migrate for a database without an open Store.
func MigrateURL(ctx context.Context, url string) error {
	_, err := Initialize(ctx, url)
	return err
}

// migrate uses a connection of its own: a migration may take longer than the
// timeouts of a Store's connections allow.
func migrate(ctx context.Context, config *pgx.ConnConfig) (applied []string, err error) {
	if err := checkKind(ctx, config); err != nil {
		return nil, fmt.Errorf("migrate the database: %w", err)
	}
	provider, closeConn, err := openProvider(config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate the database: %w", migrationError(ctx, err))
	}
	for _, result := range results {
		applied = append(applied, result.Source.Path)
	}
	return applied, checkNotNewer(ctx, provider)
}

// checkKind refuses a database that cannot be migrated, before the migrations create a
// table in it.
func checkKind(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return translate(ctx, err)
	}
	defer closeSoon(ctx, conn)
	found, err := inspect(ctx, conn)
	if err != nil {
		return err
	}
	return found.err()
}

// migrationError keeps the whole message, which names the failed migration.
func migrationError(ctx context.Context, err error) error {
	if ctx.Err() != nil || isConnectionError(err) {
		return translate(ctx, err)
	}
	return errors.New(err.Error())
}

// openProvider prepares the migrations of the database of config. The connection may go
// through a pooler, so it does not prepare statements or hold the lock in a session.
func openProvider(config *pgx.ConnConfig) (provider *goose.Provider, closeConn func() error, err error) {
	config = config.Copy()
	config.DefaultQueryExecMode = pooledMode
	conn := stdlib.OpenDB(*config)
	provider, err = goose.NewProvider(goose.DialectPostgres, conn, migrations.FS,
		goose.WithSessionLocker(&migrationLock{config: config}), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("prepare the migrations: %w", err), conn.Close())
	}
	return provider, conn.Close, nil
}

// migrationLock lets one process migrate at a time. It implements lock.SessionLocker
// with a transaction on a separate connection.
type migrationLock struct {
	config *pgx.ConnConfig
	unlock func()
}

var _ lock.SessionLocker = (*migrationLock)(nil)

// SessionLock implements lock.SessionLocker.
func (l *migrationLock) SessionLock(ctx context.Context, _ *sql.Conn) (err error) {
	ctx, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	l.unlock, err = holdLock(ctx, l.config, lockKey("migrate"))
	return err
}

// SessionUnlock implements lock.SessionLocker.
func (l *migrationLock) SessionUnlock(context.Context, *sql.Conn) error {
	l.unlock()
	return nil
}

// checkNotNewer refuses a database that a later release has migrated: this release does
// not know its schema.
func checkNotNewer(ctx context.Context, provider *goose.Provider) error {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", translate(ctx, err))
	}
	if current > target {
		return fmt.Errorf("the database has schema version %d, this release knows up to %d: "+
			"run the newer release of the service, or restore a backup", current, target)
	}
	return nil
}

// CreateDatabase creates the database that url names, unless it exists. The
// role of the URL needs the right to create databases.
func CreateDatabase(ctx context.Context, url string) (created bool, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return false, fmt.Errorf("the database URL is invalid: %s", err)
	}
	name := config.Database
	if name == "" {
		name = config.User // as libpq does
	}
	config.Database = maintenanceDatabase
	setConnDefaults(config)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, fmt.Errorf("create database %s: %w", name, translate(ctx, err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if created, err = createDatabase(ctx, conn, name); err != nil {
		return false, fmt.Errorf("create database %s: %w", name, translate(ctx, err))
	}
	return created, nil
}

func createDatabase(ctx context.Context, conn *pgx.Conn, name string) (created bool, err error) {
	var exists bool
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, query, name).Scan(&exists); err != nil || exists {
		return false, err
	}
	// template0 with locale C: UTF-8 and one sort order whatever the cluster's defaults.
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+
		" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
	if code := sqlState(err); code == codeDuplicateDatabase || code == codeUniqueViolation {
		return false, nil // another process created it meanwhile
	}
	return err == nil, err
}
