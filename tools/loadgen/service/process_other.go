// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package service

import (
	"errors"
	"syscall"
)

// processAttributes keep a Ctrl-C in the terminal from the service, which we
// stop in order.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

var errNoMemory = errors.New("the memory of a process is only measured on Linux")

// Memory returns the memory of a process in bytes: what it has now, and the
// most that it had since ForgetPeak.
func Memory(int) (now, peak int64, err error) { return 0, 0, errNoMemory }

// ForgetPeak makes the memory that a process has now its peak.
func ForgetPeak(int) error { return errNoMemory }
