// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package localpg

import "syscall"

// dieWithParent does nothing: only Linux has such a signal.
func dieWithParent(*syscall.SysProcAttr) {}
