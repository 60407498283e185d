// SPDX-License-Identifier: AGPL-3.0-or-later

package localpg

import "syscall"

// dieWithParent makes the kernel send SIGQUIT to the server when the thread that started
// it ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
