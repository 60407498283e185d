// SPDX-License-Identifier: AGPL-3.0-or-later

package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesOfAHiddenServerStay keeps the lock files of a process that may be a server: a
// second server would destroy its data.
func TestFilesOfAHiddenServerStay(t *testing.T) {
	t.Parallel()
	cluster, sockets := t.TempDir(), t.TempDir()
	file := pidFile(cluster)
	if err := os.WriteFile(file, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	err := clearStale(t.TempDir(), cluster, sockets) // shows no process
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d, which is running but hidden", os.Getpid())) {
		t.Errorf("with a hidden process: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	// This process is visible and not a server.
	if err := clearStale("/proc", cluster, sockets); err != nil {
		t.Errorf("with a visible process: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(cluster, "*")); len(left) > 0 {
		t.Errorf("the lock file is still there: %v", left)
	}
}
