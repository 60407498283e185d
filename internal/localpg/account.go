// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as.
type account struct {
	name     string
	uid, gid int
	switched bool // differs from the user of this process
}

// credential returns the credential for running a child process as the account.
func (a account) credential() *syscall.Credential {
	if !a.switched {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// chooseAccount returns the account to run the server with. That is the user of this
// process. For root, which PostgreSQL refuses, it is the owner of an existing home, or
// else an unprivileged user of the system.
func chooseAccount(home string) (account, error) {
	self := os.Geteuid()
	owner, group, err := homeOwner(home)
	if err != nil {
		return account{}, err
	}
	if self == 0 {
		return accountForRoot(owner, group)
	}
	if owner >= 0 && owner != self {
		return account{}, fmt.Errorf("the database in %s belongs to the user %s: run the service as that user or as root",
			home, userName(owner))
	}
	return account{name: userName(self), uid: self, gid: os.Getegid()}, nil
}

// homeOwner returns -1 for a home that does not exist yet.
func homeOwner(home string) (uid, gid int, err error) {
	info, err := os.Lstat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, -1, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("look at the database folder: %w", err)
	}
	uid, gid = ownerOf(info)
	return uid, gid, nil
}

func accountForRoot(owner, group int) (account, error) {
	if owner > 0 {
		return account{name: userName(owner), uid: owner, gid: group, switched: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if acct, err := lookUp(name); err == nil {
			return acct, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and this system has neither a user postgres nor " +
		"a user nobody to run it as: create one (`useradd --system postgres`), or run the service as an ordinary user")
}

func lookUp(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, err
	}
	return account{name: name, uid: uid, gid: gid, switched: true}, nil
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// closedFolder returns the first folder on the path to dir whose permissions exclude
// the account, or "". It ignores access control lists, so the result must be confirmed
// by an actual attempt.
func closedFolder(acct account, dir string) string {
	if parent := filepath.Dir(dir); parent != dir {
		if closed := closedFolder(acct, parent); closed != "" {
			return closed
		}
	}
	info, err := os.Stat(dir)
	if err != nil || mayEnter(acct, info) {
		return ""
	}
	return dir
}

func mayEnter(acct account, info fs.FileInfo) bool {
	uid, gid := ownerOf(info)
	perm := info.Mode().Perm()
	switch {
	case uid == acct.uid:
		return perm&0o100 != 0
	case gid == acct.gid:
		return perm&0o010 != 0
	default:
		return perm&0o001 != 0
	}
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat := info.Sys().(*syscall.Stat_t) // always this type on Unix
	return int(stat.Uid), int(stat.Gid)
}

// openOwn opens a file of mode 0600 that belongs to the account. If this process is
// root, the folder may belong to that account: the account can then start the service
// itself next time, and cannot redirect root to another user's file by a symbolic link.
func openOwn(path string, flag int, acct account) (*os.File, error) {
	file, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW, 0o600)
	if err != nil || !acct.switched {
		return file, err
	}
	if err := file.Chown(acct.uid, acct.gid); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// giveTo makes the account the owner of everything below root.
func giveTo(acct account, root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, acct.uid, acct.gid)
	})
}
