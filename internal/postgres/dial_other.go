// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package postgres

import "syscall"

// limitUnacked does nothing: keep-alive probes have to find out that a server is gone.
func limitUnacked(_, _ string, _ syscall.RawConn) error { return nil }
