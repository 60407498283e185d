// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/stats"
)

// kind names what an error means to the callers of the store.
func kind(err error) string {
	if conflict, ok := errors.AsType[*stats.ConflictError](err); ok {
		return "conflict " + conflict.Field
	}
	for _, known := range []struct {
		name   string
		target error
	}{
		{"not found", stats.ErrNotFound},
		{"not migrated", ErrNotMigrated},
		{"refused", ErrRefused},
		{"read-only", ErrReadOnly},
		{"exhausted", ErrExhausted},
		{"unavailable", stats.ErrUnavailable},
		{"cancelled", context.Canceled},
	} {
		if errors.Is(err, known.target) {
			return known.name
		}
	}
	return "internal"
}

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	state := func(code, constraint string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{
			Code: code, ConstraintName: constraint, Message: "message", Detail: "Key (token)=(quoted value)",
		})
	}
	tests := map[string]struct {
		err  error
		want string
	}{
		"no rows":              {fmt.Errorf("wrapped: %w", pgx.ErrNoRows), "not found"},
		"name":                 {state("23505", "client_name_key"), "conflict name"},
		"token":                {state("23505", "client_token_digest_key"), "conflict token"},
		"uuid":                 {state("23505", "client_uuid_key"), "conflict uuid"},
		"another constraint":   {state("23505", "stats_pkey"), "internal"},
		"client gone":          {state("23503", "stats_client_id_fkey"), "not found"},
		"another foreign key":  {state("23503", "other_fkey"), "internal"},
		"no table":             {state("42P01", ""), "not migrated"},
		"no column":            {state("42703", ""), "not migrated"},
		"no database":          {state("3D000", ""), "unavailable"},
		"connection failure":   {state("08006", ""), "unavailable"},
		"too many connections": {state("53300", ""), "exhausted"},
		"shutting down":        {state("57P01", ""), "unavailable"},
		"starting up":          {state("57P03", ""), "unavailable"},
		"lock timeout":         {state("55P03", ""), "unavailable"},
		"deadlock":             {state("40P01", ""), "unavailable"},
		"read-only":            {state("25006", ""), "read-only"},
		"wrong password":       {state("28P01", ""), "refused"},
		"no login":             {state("28000", ""), "refused"},
		"no permission":        {state("42501", ""), "refused"},
		"no schema":            {state("3F000", ""), "unavailable"},
		"no connections":       {state("55000", ""), "unavailable"},
		"disk full":            {state("53100", ""), "exhausted"},
		"disk failure":         {state("58030", ""), "unavailable"},
		"corrupted":            {state("XX001", ""), "unavailable"},
		"outdated plan":        {&pgconn.PgError{Code: "0A000", Routine: "RevalidateCachedQuery"}, "unavailable"},
		"not supported":        {state("0A000", ""), "internal"},
		"syntax error":         {state("42601", ""), "internal"},
		"connection cut":       {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "unavailable"},
		"connection closed":    {fmt.Errorf("read: %w", pgconn.ErrConnClosed), "unavailable"},
		"text does not count":  {errors.New("no rows in result set; connection refused; 23505"), "internal"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := translate(t.Context(), tc.err)
			if diff := cmp.Diff(tc.want, kind(got)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", got, diff)
			}
			if _, leaked := errors.AsType[*pgconn.PgError](got); leaked || errors.Is(got, pgx.ErrNoRows) {
				t.Errorf("the driver's error leaves the store: %#v", got)
			}
		})
	}
}

func TestTranslateContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// The error of the context takes precedence over the server's.
	err := translate(ctx, &pgconn.PgError{Code: "57014", Message: "canceling statement due to user request"})
	if diff := cmp.Diff("cancelled", kind(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := translate(ctx, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestRetryableAndUnstorable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ retry, unstorable bool }{
		"40001": {retry: true},
		"40P01": {retry: true},
		"22P05": {unstorable: true}, // \u0000 in a document
		"22003": {unstorable: true}, // number out of range
		"54001": {unstorable: true}, // nested too deeply
		"23505": {},
		"08006": {},
		"":      {},
	}
	for code, want := range tests {
		err := fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})
		if got := isRetryable(err); got != want.retry {
			t.Errorf("%q: retryable is %t", code, got)
		}
		if got := isUnstorable(err); got != want.unstorable {
			t.Errorf("%q: unstorable is %t", code, got)
		}
	}
}
