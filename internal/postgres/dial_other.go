// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package postgres

import "syscall"

// limitUnacked leaves it to keep-alive probes to find that a server has gone.
func limitUnacked(_, _ string, _ syscall.RawConn) error { return nil }
