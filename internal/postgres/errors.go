// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Errors about a database that an operator has to repair. Each of them is a
// stats.ErrUnavailable for errors.Is, so requests fail alike.
var (
	// ErrNotMigrated reports that the database lacks the service's tables.
	ErrNotMigrated error = &unusableError{"the database lacks the service's tables, or they are of an earlier release: run `stats-service db_init`"}
	// ErrRefused reports that the database rejects the login of the role, or denies it
	// a right.
	ErrRefused error = &unusableError{"the database refuses the service"}
	// ErrReadOnly reports that the database is read-only: it is a standby, or a former
	// primary.
	ErrReadOnly error = &unusableError{"the database is read-only"}
	// ErrExhausted reports that the database is out of disk space, memory or
	// connections.
	ErrExhausted error = &unusableError{"the database is out of disk space, memory or connections"}
)

// unusableError is about a database that can be reached, but not used.
type unusableError struct{ message string }

func (e *unusableError) Error() string        { return e.message }
func (e *unusableError) Is(target error) bool { return target == stats.ErrUnavailable }

// SQLSTATE codes that mean something to the service.
const (
	codeUniqueViolation     = "23505"
	codeForeignKeyViolation = "23503"
	codeSerialization       = "40001"
	codeDeadlock            = "40P01"
	codeUndefinedColumn     = "42703"
	codeUndefinedTable      = "42P01"
	codeDuplicateDatabase   = "42P04"
	codeTooComplex          = "54001"
	codeLockNotAvailable    = "55P03"
	codeUnknownDatabase     = "3D000"
	codeReadOnly            = "25006"
	codeNotPermitted        = "42501"
	codeNotSupported        = "0A000"
	codeInternal            = "XX000"
	classAuthorization      = "28"
	classResources          = "53"
)

// unavailable lists the SQLSTATE classes (two characters) and codes after which the same
// request may succeed later.
var unavailable = map[string]bool{
	"08":                 true, // connection exception
	"40":                 true, // the transaction repeatedly conflicted with others
	"57":                 true, // operator intervention: shutting down, starting up
	"58":                 true, // system error, such as one of a disk
	"25P03":              true, // the session was idle in a transaction for too long
	"26000":              true, // a prepared statement is missing: a pooler switched the connection
	"3F000":              true, // no such schema
	"55000":              true, // the database accepts no connections, or is being recovered
	codeLockNotAvailable: true,
	"XX001":              true, // data is corrupted
	"XX002":              true, // an index is corrupted
}

// translate turns an error of the driver into one of the domain, or into an
// opaque one whose text is for the log. The result never wraps a driver's type.
func translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, pgx.ErrNoRows):
		return stats.ErrNotFound
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translateSQLState(pgErr)
	}
	if isAcquireTimeout(err) {
		return fmt.Errorf("%w: no connection to the database has become free", stats.ErrBusy)
	}
	if isConnectionError(err) {
		return fmt.Errorf("%w: %s", stats.ErrUnavailable, err)
	}
	return fmt.Errorf("database: %s", err)
}

func translateSQLState(err *pgconn.PgError) error {
	switch {
	case err.Code == codeUndefinedTable, err.Code == codeUndefinedColumn:
		return ErrNotMigrated
	case err.Code == codeReadOnly:
		return fmt.Errorf("%w: %s (%s)", ErrReadOnly, err.Message, err.Code)
	case err.Code == codeNotPermitted, sqlClass(err.Code) == classAuthorization:
		return fmt.Errorf("%w: %s (%s)", ErrRefused, err.Message, err.Code)
	case sqlClass(err.Code) == classResources:
		return fmt.Errorf("%w: %s (%s)", ErrExhausted, err.Message, err.Code)
	case err.Code == codeUnknownDatabase:
		return fmt.Errorf("%w: %s: run `stats-service db_create`", stats.ErrUnavailable, err.Message)
	case err.Code == codeUniqueViolation:
		return conflict(constraintOf(err))
	case violates(err, clientForeignKey):
		return fmt.Errorf("client: %w", stats.ErrNotFound)
	case unavailable[err.Code], unavailable[sqlClass(err.Code)], isOutdatedPlan(err), isOfLostNode(err):
		return fmt.Errorf("%w: %s (%s)", stats.ErrUnavailable, err.Message, err.Code)
	}
	// Detail and Where are left out: they quote stored values.
	return fmt.Errorf("database: %s (%s)", err.Message, err.Code)
}

// isOutdatedPlan reports whether a migration changed the columns of a prepared statement.
// The driver prepares it again for the next request.
func isOutdatedPlan(err *pgconn.PgError) bool {
	return err.Code == codeNotSupported && err.Routine == "RevalidateCachedQuery"
}

// conflict returns an error that names the field of a unique constraint.
func conflict(constraint string) error {
	switch constraint {
	case "client_name_key":
		return &stats.ConflictError{Field: "name", Message: "a client with this name exists already: choose another name"}
	case "client_token_digest_key":
		return &stats.ConflictError{Field: "token", Message: "a client with this token exists already: choose another token"}
	case "client_uuid_key":
		return &stats.ConflictError{Field: "uuid", Message: "a client with this uuid exists already"}
	}
	return fmt.Errorf("database: unique constraint %s is violated", constraint)
}

// isAcquireTimeout reports whether acquiring a connection timed out, see
// acquireTimeout.
func isAcquireTimeout(err error) bool {
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return errors.Is(err, context.DeadlineExceeded) && !connecting && !pgconn.Timeout(err)
}

// isConnectionError reports whether err is about the connection and not about the
// statement.
func isConnectionError(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// isRetryable reports whether the transaction lost against another one and can be run
// again.
func isRetryable(err error) bool {
	code := sqlState(err)
	return code == codeSerialization || code == codeDeadlock || errors.Is(err, errRaced) ||
		violates(err, documentForeignKey) || violates(err, statForeignKey)
}

// Constraints whose violation means something.
const (
	documentForeignKey = "stats_document_fkey" // a stat refers to a document that another transaction deletes
	clientForeignKey   = "stats_client_id_fkey"
	statForeignKey     = "peer_receipt_stats_fkey" // a receipt is for a stat that another transaction deletes
)

// violates reports whether err is a violation of the foreign key with this name.
func violates(err error, constraint string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == codeForeignKeyViolation && constraintOf(pgErr) == constraint
}

// isUnstorable reports whether PostgreSQL cannot store a value, such as a number beyond
// the range of numeric.
func isUnstorable(err error) bool {
	code := sqlState(err)
	return sqlClass(code) == "22" || code == codeTooComplex
}

// sqlState returns the SQLSTATE code of a driver's error, or an empty string.
func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

func sqlClass(code string) string { return code[:min(2, len(code))] }

// errorText returns the message of PostgreSQL without quoted values.
func errorText(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.TrimSpace(pgErr.Message)
	}
	return err.Error()
}
