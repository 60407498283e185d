// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestStartedAgainKeepsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(ramdisk.Folder(t), "not", "there", "yet")
	s := start(t, fast(dir))
	query(t, s.URL(), "CREATE TABLE fruit (name text); INSERT INTO fruit VALUES ('apple')")
	stop(t, s)
	stop(t, s) // a second Stop does nothing

	s = start(t, fast(dir))
	if diff := cmp.Diff("apple", query(t, s.URL(), "SELECT name FROM fruit")); diff != "" {
		t.Errorf("data after the restart (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("postgres", query(t, s.URLFor("postgres"), "SELECT current_database()")); diff != "" {
		t.Errorf("database of URLFor (-want +got):\n%s", diff)
	}
}

func TestServerIsPrivate(t *testing.T) {
	t.Parallel()
	s := start(t, fast(ramdisk.Folder(t)))
	t.Run("settings", func(t *testing.T) { wantPrivateSettings(t, s) })
	t.Run("folders", func(t *testing.T) {
		for _, private := range []string{s.place.home(), s.place.cluster(), s.instance.socketDir} {
			info, err := os.Stat(private)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %v, want 0700", private, info.Mode().Perm())
			}
		}
	})
	t.Run("process group", func(t *testing.T) {
		group, err := syscall.Getpgid(s.instance.pid)
		if err != nil {
			t.Fatal(err)
		}
		if group == syscall.Getpgrp() {
			t.Error("the server is in the process group of this process: a Ctrl-C would stop it first")
		}
	})
	t.Run("user", func(t *testing.T) {
		info, err := os.Stat(s.place.cluster())
		if err != nil {
			t.Fatal(err)
		}
		// PostgreSQL insists on owning its cluster, so this is also who it runs as.
		if uid, _ := ownerOf(info); uid == 0 || uid != s.acct.uid {
			t.Errorf("the cluster belongs to user %d, want %d and not 0", uid, s.acct.uid)
		}
	})
}

func wantPrivateSettings(t *testing.T, s *Server) {
	t.Helper()
	want := map[string]string{
		"SHOW listen_addresses":        "",
		"SHOW unix_socket_permissions": "0700",
		"SHOW server_encoding":         "UTF8",
		"SHOW timezone":                "UTC",
		"SELECT datcollate::text FROM pg_database WHERE datname = current_database()": "C",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user":            "false",
	}
	got := map[string]string{}
	for statement := range want {
		got[statement] = query(t, s.URL(), statement)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestClusterOfRootIsHandedOver(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	s := start(t, fast(dir))
	query(t, s.URL(), "CREATE TABLE fruit (name text)")
	stop(t, s)
	// As after `cp -r` by the user of the service, perhaps root.
	if err := giveTo(account{uid: os.Geteuid(), gid: os.Getegid()}, s.place.home()); err != nil {
		t.Fatal(err)
	}
	s = start(t, fast(dir))
	if diff := cmp.Diff("0", query(t, s.URL(), "SELECT count(*) FROM fruit")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestSocketOfADeepFolderIsElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(ramdisk.Folder(t), strings.Repeat("deep/", 25))
	s := start(t, fast(dir))
	socketDir := s.instance.socketDir
	if len(socketPath(socketDir)) > maxSocketPath {
		t.Errorf("the socket path has %d bytes: %s", len(socketPath(socketDir)), socketDir)
	}
	url, err := Attach(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.URL(), url); diff != "" {
		t.Errorf("Attach (-want +got):\n%s", diff)
	}
	query(t, url, "SELECT 1")
	stop(t, s)
	if _, err := os.Stat(socketDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the socket is left behind: %v", err)
	}
}

func TestFolderMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`a + "b" & 'ü%'?#`, "a,b", "-D"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query(t, start(t, fast(filepath.Join(ramdisk.Folder(t), name))).URL(), "SELECT 1")
		})
	}
}

func TestSocketFolderOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	acct := account{name: "alice", uid: os.Geteuid() + 12345, gid: os.Getegid()}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/tmp", link); err != nil {
		t.Fatal(err)
	}
	wantText(t, makePrivate(link, acct), link, "not a folder of the user alice", "remove it")
}

func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	start(t, fast(dir))
	_, err := Start(t.Context(), fast(dir))
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("error %v, want a HeldError", err)
	}
	if diff := cmp.Diff(&HeldError{Dir: dir, PID: os.Getpid()}, held); diff != "" {
		t.Errorf("HeldError (-want +got):\n%s", diff)
	}
}

func TestFailedStartShowsTheServerLog(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	o := fast(dir)
	o.Settings["work_mem"] = "plenty"
	_, err := Start(t.Context(), o)
	wantText(t, err, dir, `invalid value for parameter "work_mem": "plenty"`)

	start(t, fast(dir)) // the folder is unlocked and undamaged
}

func TestUnfinishedClusterIsReplaced(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	partial := layout{dir: dir}.cluster() + ".partial"
	if err := os.MkdirAll(partial, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(partial, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	query(t, start(t, fast(dir)).URL(), "SELECT 1")
}

func TestStaleLockFilesAreNotAServer(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	s := start(t, fast(dir))
	stop(t, s)
	// The process with this id now belongs to the same user: PostgreSQL itself would
	// mistake it for a server.
	other := command(t.Context(), s.acct, "/", "/bin/sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	for name, pid := range map[string]int{"reused": other.Process.Pid, "unused": 1 << 22} {
		writePidFile(t, s.place.cluster(), s.acct, pid)
		if _, err := Attach(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s id: Attach: %v, want ErrNotRunning", name, err)
		}
		again := start(t, fast(dir))
		query(t, again.URL(), "SELECT 1")
		stop(t, again)
	}
}

// After a power cut, both lock files of the server are still there, and their process id
// may belong to any other process of the same user.
func TestStartAfterPowerCutWithReusedProcessID(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	s := start(t, fast(dir))
	query(t, s.URL(), "CREATE TABLE fruit (name text); INSERT INTO fruit VALUES ('apple')")
	lockFiles := []string{pidFile(s.place.cluster()), socketPath(s.instance.socketDir) + ".lock"}
	cut := map[string]string{}
	for _, file := range lockFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cut[file] = string(text)
	}
	if err := syscall.Kill(-s.instance.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	stop(t, s)

	other := command(t.Context(), s.acct, "/", "/bin/sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	for _, file := range lockFiles {
		_, rest, _ := strings.Cut(cut[file], "\n")
		if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n%s", other.Process.Pid, rest), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(file, s.acct.uid, s.acct.gid); err != nil {
			t.Fatal(err)
		}
	}
	again := start(t, fast(dir))
	if diff := cmp.Diff("apple", query(t, again.URL(), "SELECT name FROM fruit")); diff != "" {
		t.Errorf("data after the power cut (-want +got):\n%s", diff)
	}
}

func TestServerThatEndsIsNoticed(t *testing.T) {
	t.Parallel()
	s := start(t, fast(ramdisk.Folder(t)))
	if err := syscall.Kill(s.instance.pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(waitLimit):
		t.Fatal("Done is not closed")
	}
	stop(t, s)
}

func TestStopWithoutTimeIsReported(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	s := start(t, fast(dir))
	query(t, s.URL(), "CREATE TABLE fruit (name text)")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantText(t, s.Stop(ctx), "stopped immediately", "recovers")
	if _, err := Attach(t.Context(), dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Attach: %v, want ErrNotRunning", err)
	}
	query(t, start(t, fast(dir)).URL(), "SELECT * FROM fruit")
}
