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

// command prepares a PostgreSQL program to run as the account in dir, in a
// process group of its own: a Ctrl-C in the terminal is for this process,
// which then stops the server in order.
func command(ctx context.Context, acct account, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = environment(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: acct.credential()}
	cmd.WaitDelay = 5 * time.Second // orphans of a killed initdb keep its pipe open
	return cmd
}

// environment leaves out what would change the behaviour of PostgreSQL behind
// our back (PGDATA, PGPORT, LC_ALL, ...), and where this process reports to systemd:
// PostgreSQL would report there as well.
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
