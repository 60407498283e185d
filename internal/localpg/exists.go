// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Exists reports whether the folder has a database. A database that this process cannot
// access counts as existing.
func Exists(dir string) (bool, error) {
	place, err := newLayout(dir)
	if err != nil {
		return false, err
	}
	return isThere(place.cluster()), nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// requireTraces returns ErrNoDatabase unless the folder has a database or the lock of a
// process that may be creating one.
func requireTraces(dir string) error {
	place, err := newLayout(dir)
	if err != nil {
		return err
	}
	if isThere(place.cluster()) || isThere(place.lock()) {
		return nil
	}
	return fmt.Errorf("%s: %w", place.dir, ErrNoDatabase)
}
