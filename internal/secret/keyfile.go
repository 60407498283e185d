// SPDX-License-Identifier: AGPL-3.0-or-later

package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// minKeyLen is the minimum length of a key, in bytes: a file with less is damaged.
const minKeyLen = 16

// LoadOrCreateKey returns the secret key in the file at path. If there is no file, it
// creates one with a random key, readable by its owner only. It never overwrites a
// file: the tokens sealed with its key would be lost. Processes that start together get
// the same key.
func LoadOrCreateKey(path string) (string, error) {
	key, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	return KeepKey(path, NewToken())
}

// KeepKey writes key to a new file at path, or leaves an existing file alone, and
// returns the key in the file.
func KeepKey(path, key string) (string, error) {
	if err := createKey(path, key); err != nil {
		return "", fmt.Errorf("create the secret key file %s: %w", path, err)
	}
	return loadKey(path)
}

func loadKey(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the secret key file: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minKeyLen {
		return "", fmt.Errorf("the secret key file %s holds no key (at least %d characters): "+
			"restore it from a backup, or remove it to start with a new key when no client exists yet", path, minKeyLen)
	}
	return key, nil
}

// createKey writes a complete file beside path and links it into place, which fails if
// path exists by then: no reader sees half a key, and the first of several writers wins.
func createKey(path, key string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-key-*") // has mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := writeAndClose(tmp, key+"\n"); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func writeAndClose(f *os.File, content string) error {
	_, err := f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
