// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ramdisk keeps the temporary files of tests in memory.
//
// A PostgreSQL cluster has a thousand files and each database three hundred.
// Disks make creating and removing so many slow, some more so with each one that
// was removed: ext4 without a journal passes over all inodes that were freed in
// the last minutes.
package ramdisk

import (
	"os"
	"path/filepath"
	"testing"
)

// dir is where Linux has its RAM disk.
const dir = "/dev/shm"

// minFree leaves room for what the tests of several packages store at once. The
// RAM disk of a container often has 64 MB.
const minFree = 2 << 30

// Use makes this process, and those that it starts, keep temporary files on the
// RAM disk. Without a suitable one, or with TMPDIR in the environment, nothing
// changes.
func Use() error {
	if os.Getenv("TMPDIR") != "" || !suitable(dir) {
		return nil
	}
	return os.Setenv("TMPDIR", dir)
}

// Folder returns a new folder that is removed with the test. Unlike tb.TempDir, its path
// is short enough for sockets, and other users may pass through it: as root, PostgreSQL
// runs as another.
func Folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "stats-service-test-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		tb.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}
