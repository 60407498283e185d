// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !unix

package localpg

import (
	"context"
	"errors"
)

// errUnsupported is the error of every start on systems without Unix sockets that can
// be restricted to one user.
var errUnsupported = errors.New("a private PostgreSQL is not available on this operating system: " +
	"set DATABASE_URL to a database on PostgreSQL 12 or later")

// Server is a running PostgreSQL; on this operating system there is none.
type Server struct{}

// Start always fails: see the error.
func Start(context.Context, Options) (*Server, error) { return nil, errUnsupported }

// Exists always fails: see the error.
func Exists(string) (bool, error) { return false, errUnsupported }

// Choose always fails: see the error.
func Choose(context.Context, Options) (Choice, error) { return Choice{}, errUnsupported }

// Attach always fails: see the error.
func Attach(context.Context, string) (string, error) { return "", errUnsupported }

// URL returns the empty string.
func (*Server) URL() string { return "" }

// URLFor returns the empty string.
func (*Server) URLFor(string) string { return "" }

// Done returns nil, which is never ready.
func (*Server) Done() <-chan struct{} { return nil }

// Stop does nothing.
func (*Server) Stop(context.Context) error { return nil }

// source and release are of no use without a server.
type (
	source  struct{}
	release struct{}
)
