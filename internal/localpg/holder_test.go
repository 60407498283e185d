// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestHeldByAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	if _, err := Attach(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Attach before: %v, want ErrNotRunning", err)
	}
	holder := startHolder(t, exec.Command(self(t)), dir)

	_, err := Start(t.Context(), fast(dir))
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("error %v, want a HeldError", err)
	}
	if diff := cmp.Diff(&HeldError{Dir: dir, PID: holder.cmd.Process.Pid}, held); diff != "" {
		t.Errorf("HeldError (-want +got):\n%s", diff)
	}
	wantText(t, err, dir, "stop that process first", "DATA_DIR")

	url, err := Attach(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Database, query(t, url, "SELECT current_database()")); diff != "" {
		t.Errorf("attached database (-want +got):\n%s", diff)
	}

	holder.release(t)
	start(t, fast(dir))
}

func TestTakeOverAfterKill(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	holder := startHolder(t, exec.Command(self(t)), dir)
	holder.kill()

	s := start(t, fast(dir))
	if diff := cmp.Diff(holder.postmaster, s.instance.pid); diff != "" {
		t.Errorf("server process (-want +got):\n%s", diff)
	}
	query(t, s.URL(), "SELECT 1")
	stop(t, s)
	if serves(holder.postmaster, s.place.cluster()) {
		t.Error("the server that was taken over still runs after Stop")
	}
	select {
	case <-s.Done():
	default:
		t.Error("Done is not closed after Stop")
	}
	query(t, start(t, fast(dir)).URL(), "SELECT 1")
}

func TestTakenOverWhileItShutsDown(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	holder := startHolder(t, exec.Command(self(t)), dir)
	holder.kill()
	if err := syscall.Kill(holder.postmaster, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	query(t, start(t, fast(dir)).URL(), "SELECT 1")
}

func TestRunByAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	root := ramdisk.Folder(t)
	dir := filepath.Join(root, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copyOf(t, self(t), root))
	cmd.Dir = root
	acct := currentAccount(t)
	if acct.switched { // this process is root: run as that account
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: acct.credential()}
		if err := os.Chown(dir, acct.uid, acct.gid); err != nil {
			t.Fatal(err)
		}
	}
	as := func() *exec.Cmd {
		again := exec.Command(cmd.Path)
		again.Dir, again.SysProcAttr = cmd.Dir, cmd.SysProcAttr
		return again
	}
	holder := startHolder(t, as(), dir)
	url, err := Attach(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	query(t, url, "CREATE TABLE fruit (name text)")
	info, err := os.Stat(layout{dir: dir}.cluster())
	if err != nil {
		t.Fatal(err)
	}
	if uid, _ := ownerOf(info); uid != acct.uid {
		t.Errorf("the cluster belongs to user %d, want %d", uid, acct.uid)
	}
	holder.release(t)

	// After a start by this user, perhaps root, it must still belong to that account.
	s := start(t, fast(dir))
	query(t, s.URL(), "SELECT * FROM fruit")
	stop(t, s)
	startHolder(t, as(), dir)
}

// copyOf copies the test binary to a folder where another user may run it: the go command
// builds it in a private one. Another process makes the copy: a program cannot be run
// while any process has it open for writing, and child processes of other tests inherit
// open files for a moment.
func copyOf(t *testing.T, program, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "holder")
	if out, err := exec.Command("cp", program, path).CombinedOutput(); err != nil {
		t.Fatalf("copy the test binary: %v\n%s", err, out)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
