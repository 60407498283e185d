// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// hold locks the folder and writes the id of this process into the lock file. The
// operating system releases the lock when the process ends for any reason. The file
// stays: after removing it, two processes could lock two files of the same name.
func hold(place layout, acct account) (*flock.Flock, error) {
	lock := flock.New(place.lock(), flock.SetPermissions(0o600),
		flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the database folder: %w", err)
	}
	if !locked {
		return nil, &HeldError{Dir: place.dir, PID: holder(place)}
	}
	if err := signLock(place, acct); err != nil {
		_ = lock.Unlock()
		return nil, fmt.Errorf("write the lock of the database folder: %w", err)
	}
	return lock, nil
}

func signLock(place layout, acct account) error {
	file, err := openOwn(place.lock(), os.O_WRONLY|os.O_TRUNC, acct)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, os.Getpid())
	return errors.Join(err, file.Close())
}

// holder returns the process id in the lock file, 0 when there is none.
func holder(place layout) int {
	text, err := os.ReadFile(place.lock())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
