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

// postmaster is what a server says of itself in the file postmaster.pid of
// its cluster.
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

// serves reports whether the process is a PostgreSQL server of the cluster.
// A process id alone proves nothing: it may have been given to another
// process since, or belong to one that is dead and not yet collected.
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

// commandLine is the file in which Linux shows how a process was started.
func commandLine(proc string, pid int) string {
	return filepath.Join(proc, strconv.Itoa(pid), "cmdline")
}

// hidden reports whether a process lives that is not shown to this one, as with
// ProtectProc of systemd: nobody can say what it is then.
func hidden(proc string, pid int) bool {
	_, err := os.Stat(commandLine(proc, pid))
	return runtime.GOOS == "linux" && errors.Is(err, fs.ErrNotExist) && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// lives reports whether a process that was a server of the cluster a moment
// ago still runs. Unlike other systems, Linux may have nobody in a container
// who collects the dead, so there the process id does not suffice.
func lives(pid int, cluster string) bool {
	if runtime.GOOS != "linux" {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	return serves(pid, cluster)
}

// clearStale removes the files of a server that was cut off, where their process
// id now belongs to another process: PostgreSQL would take that one for a server
// and refuse to start. There is one such file in the cluster and one beside the
// socket. The caller holds the lock and knows that no server runs.
func clearStale(proc, cluster, socketDir string) error {
	for _, file := range []string{pidFile(cluster), socketPath(socketDir) + ".lock"} {
		pid, _, err := readLockFile(file)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue // PostgreSQL sees that for itself, and checks more than we do
		}
		if err == nil && hidden(proc, pid) {
			return fmt.Errorf("%s names the process %d, which lives and is hidden from this one, so that it may be a server: "+
				"stop it, or let the service see the processes of its user (ProtectProc=default, hidepid=0)", file, pid)
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a server that was cut off has left: %w", err)
		}
	}
	return nil
}
