// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// connect opens a connection to the maintenance database as superuser.
func connect(ctx context.Context, socketDir string) (*pgconn.PgConn, error) {
	return dial(ctx, socketURL(socketDir, superuser, "postgres"))
}

// dial opens a connection. It converts driver errors to text: callers must not depend
// on them.
func dial(ctx context.Context, url string) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return nil, errors.New(err.Error())
	}
	return conn, nil
}

// ping reports whether the server on the socket accepts connections.
func ping(ctx context.Context, socketDir string) error {
	conn, err := connect(ctx, socketDir)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// prepareDatabase creates the role and the database of the application if they are
// missing.
func prepareDatabase(ctx context.Context, socketDir string) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	conn, err := connect(ctx, socketDir)
	if err != nil {
		return fmt.Errorf("connect to the new database: %w", err)
	}
	defer conn.Close(ctx)
	err = createMissing(ctx, conn, "SELECT 1 FROM pg_roles WHERE rolname = '"+role+"'",
		"CREATE ROLE "+role+" LOGIN CREATEDB")
	if err != nil {
		return fmt.Errorf("create the database role %s: %w", role, err)
	}
	err = createMissing(ctx, conn, "SELECT 1 FROM pg_database WHERE datname = '"+Database+"'",
		"CREATE DATABASE "+Database+" OWNER "+role)
	if err != nil {
		return fmt.Errorf("create the database %s: %w", Database, err)
	}
	return nil
}

func createMissing(ctx context.Context, conn *pgconn.PgConn, exists, create string) error {
	results, err := conn.Exec(ctx, exists).ReadAll()
	if err != nil {
		return errors.New(err.Error())
	}
	if len(results[0].Rows) > 0 {
		return nil
	}
	if _, err := conn.Exec(ctx, create).ReadAll(); err != nil {
		return errors.New(err.Error())
	}
	return nil
}
