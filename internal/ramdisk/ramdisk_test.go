// SPDX-License-Identifier: AGPL-3.0-or-later

package ramdisk_test

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestFolderOfTheUserStays(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if err := ramdisk.Use(); err != nil {
		t.Fatal(err)
	}
	if got := os.TempDir(); got != dir {
		t.Errorf("temporary files are in %s, want %s", got, dir)
	}
}

// TestFolderCanBeUsed checks that programs can be run from the chosen folder.
func TestFolderCanBeUsed(t *testing.T) {
	t.Setenv("TMPDIR", "")
	if err := ramdisk.Use(); err != nil {
		t.Fatal(err)
	}
	script, err := os.CreateTemp("", "ramdisk-*.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(script.Name()) })
	if _, err := script.WriteString("#!/bin/sh\nexit 0\n"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(script.Chmod(0o700), script.Close()); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(script.Name()).Run(); err != nil {
		t.Error(err)
	}
}
