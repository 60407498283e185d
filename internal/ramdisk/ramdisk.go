// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ramdisk keeps the temporary files of tests in memory.
//
// A PostgreSQL cluster has a thousand files and each database three hundred. Creating and
// removing so many files is slow on a disk, and can become slower with each removal: ext4
// without a journal skips all inodes that were freed in the last minutes.
package ramdisk

import (
	"os"
	"path/filepath"
	"testing"
)

// dir is the RAM disk of Linux.
const dir = "/dev/shm"

// minFree is the required free space in bytes, enough for the tests of several packages at
// once. The RAM disk of a container often has only 64 MB.
const minFree = 2 << 30

// Use makes this process and its children keep temporary files on the RAM disk. It does
// nothing if there is no suitable one, or if TMPDIR is set.
func Use() error {
	if os.Getenv("TMPDIR") != "" || !suitable(dir) {
		return nil
	}
	return os.Setenv("TMPDIR", dir)
}

// Folder returns a new folder that is removed with the test. Unlike tb.TempDir, its path
// is short enough for sockets, and other users may enter it: under root, PostgreSQL runs as
// another user.
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
