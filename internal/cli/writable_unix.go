// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package cli

import "syscall"

// mayMakeFiles returns an error if this process may not create files in a folder.
func mayMakeFiles(dir string) error {
	const write, enter = 2, 1
	return syscall.Access(dir, write|enter)
}
