// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix && !linux

package service

import (
	"errors"
	"syscall"
)

// processAttributes protect the service from a Ctrl-C in the terminal, after which this
// process shuts it down cleanly.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

var errNoMemory = errors.New("the memory of a process is only measured on Linux")

// Memory is not supported: it always returns an error.
func Memory(int) (now, peak int64, err error) { return 0, 0, errNoMemory }

// ForgetPeak is not supported: it always returns an error.
func ForgetPeak(int) error { return errNoMemory }
