// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// postmaster has the contents of the file postmaster.pid, in which a server describes
// itself.
type postmaster struct {
	pid       int
	socketDir string
	ready     bool
}

func pidFile(cluster string) string { return filepath.Join(cluster, "postmaster.pid") }

// readPostmaster returns the recorded server, which may be long gone, and
// fs.ErrNotExist when none is recorded.
func readPostmaster(cluster string) (postmaster, error) {
	pid, lines, err := readLockFile(pidFile(cluster))
	if err != nil {
		return postmaster{}, err
	}
	pm := postmaster{pid: pid}
	if len(lines) > 4 {
		pm.socketDir = lines[4]
	}
	if len(lines) > 7 {
		pm.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return pm, nil
}

// readLockFile returns the process id in a lock file of PostgreSQL and all lines
// of the file.
func readLockFile(path string) (pid int, lines []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, err
	}
	lines = strings.Split(string(text), "\n")
	pid, err = strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return 0, nil, fmt.Errorf("%s does not start with a process id", path)
	}
	return pid, lines, nil
}

// runningPostmaster returns the server that runs on the cluster, and false
// when none does.
func runningPostmaster(cluster string) (postmaster, bool, error) {
	pm, err := readPostmaster(cluster)
	if errors.Is(err, fs.ErrPermission) {
		return postmaster{}, false, fmt.Errorf("look for a running database: %w: "+
			"use the user that runs the service, or root", err)
	}
	if err != nil || !serves(pm.pid, cluster) {
		return postmaster{}, false, nil
	}
	return pm, true, nil
}

// serves reports whether the process is a PostgreSQL server of the cluster. A process
// id alone proves nothing: it may have been reused, or belong to a zombie process.
func serves(pid int, cluster string) bool {
	if runtime.GOOS != "linux" {
		out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
		return err == nil && strings.Contains(string(out), " -D "+cluster+" ")
	}
	text, err := os.ReadFile(commandLine("/proc", pid))
	if err != nil {
		return false
	}
	var args []string
	for arg := range bytes.SplitSeq(text, []byte{0}) {
		args = append(args, string(arg))
	}
	at := slices.Index(args, "-D")
	return at >= 0 && at+1 < len(args) && args[at+1] == cluster
}

// commandLine returns the Linux file with the command line of a process.
func commandLine(proc string, pid int) string {
	return filepath.Join(proc, strconv.Itoa(pid), "cmdline")
}

// hidden reports whether a process is running but hidden from this one, as with
// systemd's ProtectProc, so that it cannot be identified.
func hidden(proc string, pid int) bool {
	_, err := os.Stat(commandLine(proc, pid))
	return runtime.GOOS == "linux" && errors.Is(err, fs.ErrNotExist) && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// lives reports whether a process that was recently a server of the cluster still runs.
// In Linux containers there may be no init process that reaps zombies, so there the
// process id is not enough.
func lives(pid int, cluster string) bool {
	if runtime.GOOS != "linux" {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	return serves(pid, cluster)
}

// clearStale removes the lock files of a killed server if their process id now belongs
// to another process: PostgreSQL would mistake that process for a server and refuse to
// start. One such file is in the cluster and one next to the socket. The caller must
// hold the lock and know that no server runs.
func clearStale(proc, cluster, socketDir string) error {
	for _, file := range []string{pidFile(cluster), socketPath(socketDir) + ".lock"} {
		pid, _, err := readLockFile(file)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue // PostgreSQL handles this case itself, with more checks
		}
		if err == nil && hidden(proc, pid) {
			return fmt.Errorf("%s names process %d, which is running but hidden from this one, so it may be a server: "+
				"stop it, or let the service see the processes of its user (ProtectProc=default, hidepid=0)", file, pid)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the lock file of a killed server: %w", err)
		}
	}
	return nil
}
