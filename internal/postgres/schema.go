// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CheckSchema returns an error that says what to run when the database has not
// been initialized, is behind this release or ahead of it.
func (s Maintenance) CheckSchema(ctx context.Context) (err error) {
	provider, closeConn, err := openProvider(s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the database: %w", migrationError(ctx, err))
	}
	if pending {
		return errors.New("the database is not initialized, or of an earlier release: run the command db_init once, then start again")
	}
	return checkNotNewer(ctx, provider)
}

// Initialize migrates the database of url and returns the names of the
// migrations that it applied.
func Initialize(ctx context.Context, url string) (applied []string, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL is invalid: %s", err)
	}
	setConnDefaults(config)
	return migrate(ctx, config)
}
