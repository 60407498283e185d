// SPDX-License-Identifier: AGPL-3.0-or-later

package service

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processAttributes protect the service from a Ctrl-C in the terminal, after which this
// process shuts it down cleanly, and end it if this process is killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// Memory returns the resident memory of a process in bytes: now, and its peak since
// ForgetPeak.
func Memory(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseStatus(string(text))
}

// parseStatus reads /proc/PID/status.
func parseStatus(text string) (now, peak int64, err error) {
	if now, err = kilobytes(text, "VmRSS:"); err != nil {
		return 0, 0, err
	}
	peak, err = kilobytes(text, "VmHWM:")
	return now, peak, err
}

func kilobytes(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the memory of a process: %w", err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("read the memory of a process: the system does not report %s", name)
}

// ForgetPeak resets the peak of a process to its current memory.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
