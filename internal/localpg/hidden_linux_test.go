// SPDX-License-Identifier: AGPL-3.0-or-later

package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHiddenServer keeps the files of a server that may live: a second one on the same
// data would destroy it.
func TestHiddenServer(t *testing.T) {
	t.Parallel()
	cluster, sockets := t.TempDir(), t.TempDir()
	file := pidFile(cluster)
	if err := os.WriteFile(file, fmt.Appendln(nil, os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	err := clearStale(t.TempDir(), cluster, sockets) // shows no process
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d, which lives and is hidden", os.Getpid())) {
		t.Errorf("with a process that is hidden: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	// This process is shown, and no server.
	if err := clearStale("/proc", cluster, sockets); err != nil {
		t.Errorf("with a process that is shown: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(cluster, "*")); len(left) > 0 {
		t.Errorf("the file of no server is there: %v", left)
	}
}
