// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command prepares a PostgreSQL program to run as the account in dir, in a process
// group of its own: Ctrl-C in the terminal then reaches only this process, which shuts
// the server down cleanly.
func command(ctx context.Context, acct account, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: acct.credential()}
	cmd.WaitDelay = 5 * time.Second // orphans of a killed initdb keep its pipe open
	return cmd
}

// environment removes the variables that would change PostgreSQL's behaviour (PGDATA,
// PGPORT, LC_ALL, ...), and NOTIFY_SOCKET, since PostgreSQL would report to systemd as
// well.
func environment(from []string) []string {
	kept := make([]string, 0, len(from)+1)
	for _, entry := range from {
		if foreign(entry) {
			continue
		}
		kept = append(kept, entry)
	}
	return append(kept, "LC_ALL=C")
}

func foreign(entry string) bool {
	for _, prefix := range []string{"PG", "LC_", "LANG", "NOTIFY_SOCKET="} {
		if strings.HasPrefix(entry, prefix) {
			return true
		}
	}
	return false
}
