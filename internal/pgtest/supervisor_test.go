// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

const (
	// asUser, set in the environment, makes this test binary a user of the server, which
	// names its server on request.
	asUser = "PGTEST_TEST_USER"
	// waitLimit bounds every wait of the tests. It is longer than any of them takes.
	waitLimit = time.Minute
)

// user is another test binary that uses the server of a folder.
type user struct {
	t       *testing.T
	cmd     *exec.Cmd
	ask     io.Writer
	answers *bufio.Scanner
}

func startUser(t *testing.T, tmp string) *user {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestTestBinariesShareAServer$")
	cmd.Env = append(os.Environ(), asUser+"=1", "TMPDIR="+tmp)
	cmd.Stderr = t.Output()
	ask, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := &user{t, cmd, ask, bufio.NewScanner(answers)}
	t.Cleanup(u.kill)
	return u
}

// server identifies the server that the user has.
func (u *user) server() string {
	u.t.Helper()
	fmt.Fprintln(u.ask)
	if !u.answers.Scan() {
		u.t.Fatal("the user has ended")
	}
	return u.answers.Text()
}

func (u *user) kill() {
	_ = u.cmd.Process.Kill() // it may have been killed before
	_ = u.cmd.Wait()
}

// answer runs in the other process: it names its server until its input ends.
func answer(t *testing.T) {
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		started := names(t, open(t, pgtest.New(t)), "SELECT pg_postmaster_start_time()::text")
		fmt.Println(started[0])
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("did not happen: " + what)
		}
	}
}

// glob returns the only path that matches a pattern.
func glob(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("%s: %v, want one", pattern, found)
	}
	return found[0]
}

// TestTestBinariesShareAServer checks that the server ends after the last test binary,
// however that ends, and that later ones start a new server.
func TestTestBinariesShareAServer(t *testing.T) {
	if os.Getenv(asUser) != "" {
		answer(t)
		return
	}
	t.Parallel()
	tmp := ramdisk.Folder(t)
	first, second := startUser(t, tmp), startUser(t, tmp)
	server := first.server()
	if got := second.server(); got != server {
		t.Errorf("the second user has the server %s, the first %s", got, server)
	}
	first.kill() // the one that started the server, as a rule
	if got := second.server(); got != server {
		t.Errorf("without the first user the server is %s, before it was %s", got, server)
	}
	second.kill()
	eventually(t, "the server and its folder are gone", func() bool {
		entries, err := os.ReadDir(tmp)
		return err == nil && len(entries) == 0
	})
	if got := startUser(t, tmp).server(); got == server {
		t.Error("the previous server is still there")
	}
}

// TestRemainsAreReplaced checks that the files of a server whose supervisor was killed,
// or that ended with the machine, are not used again.
func TestRemainsAreReplaced(t *testing.T) {
	t.Parallel()
	tmp := ramdisk.Folder(t)
	first := startUser(t, tmp)
	server := first.server()
	dir := glob(t, filepath.Join(tmp, "stats-service-test-server-*", "server"))
	holder, err := os.ReadFile(filepath.Join(dir, "postgres.lock"))
	if err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(strings.TrimSpace(string(holder)))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(supervisor)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	control := filepath.Join(dir, "postgres", "data", "global", "pg_control")
	eventually(t, "the server has ended", func() bool {
		_, err := os.Stat(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
		return os.IsNotExist(err)
	})
	if err := os.WriteFile(control, []byte("half a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := startUser(t, tmp).server(); got == server {
		t.Error("the previous server is still there")
	}
}
