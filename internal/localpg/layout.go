// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// port is only used in the socket's file name: the server does not listen on TCP.
const port = 5432

// maxSocketPath is what fits into a socket address on every Unix: 107 bytes on
// Linux, 103 on macOS.
const maxSocketPath = 103

// layout has the paths below one folder. All are absolute.
type layout struct{ dir string }

// newLayout resolves symbolic links as far as the folder exists, so that each folder
// has only one name.
func newLayout(dir string) (layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("find the database folder %s: %w", dir, err)
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		abs = resolved
	}
	return layout{dir: abs}, nil
}

func (l layout) home() string    { return filepath.Join(l.dir, "postgres") }
func (l layout) cluster() string { return filepath.Join(l.home(), "data") }
func (l layout) lock() string    { return filepath.Join(l.dir, "postgres.lock") }
func (l layout) log() string     { return filepath.Join(l.dir, "postgres.log") }

// socketDir returns the folder of the socket. It is in the server's home, or below the
// temporary folder if that path is too long for a socket or has a comma, which
// separates hosts in an address.
func (l layout) socketDir() string {
	sum := sha256.Sum256([]byte(l.dir))
	short := "stats-service-" + hex.EncodeToString(sum[:6])
	for _, dir := range []string{filepath.Join(l.home(), "socket"), filepath.Join(os.TempDir(), short)} {
		if len(socketPath(dir)) <= maxSocketPath && !strings.Contains(dir, ",") {
			return dir
		}
	}
	return filepath.Join("/tmp", short)
}

func socketPath(dir string) string {
	return filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port))
}

// makeFolder creates dir and its missing parents with a mode that lets other users pass
// through but not list them: under root, the server runs as another user and must reach
// its home. Existing folders keep their mode.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o711)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o711)
	}
	if errors.Is(err, fs.ErrExist) {
		return requireFolder(dir)
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o711) // regardless of the umask
}

func requireFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return nil
}

// makePrivate ensures that dir is a real folder that belongs to the account and that no
// other user may enter.
func makePrivate(dir string, acct account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir) // not Stat: another user may have put a link here
	if err != nil {
		return err
	}
	owner, _ := ownerOf(info)
	if !info.IsDir() || (owner != acct.uid && owner != os.Geteuid()) {
		return fmt.Errorf("%s exists and is not a folder of the user %s: remove it", dir, acct.name)
	}
	if owner != acct.uid {
		if err := os.Lchown(dir, acct.uid, acct.gid); err != nil {
			return err
		}
	}
	if info.Mode().Perm() == 0o700 {
		return nil
	}
	return os.Chmod(dir, 0o700)
}
