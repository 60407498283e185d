// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestClosedFolderFindsTheObstacle(t *testing.T) {
	t.Parallel()
	root := ramdisk.Folder(t)
	middle := filepath.Join(root, "middle")
	inner := filepath.Join(middle, "inner")
	if err := os.MkdirAll(inner, 0o711); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	owner := account{uid: uid, gid: gid + 1}
	member := account{uid: uid + 1, gid: gid}
	stranger := account{uid: uid + 1, gid: gid + 1}
	tests := []struct {
		name string
		mode os.FileMode
		acct account
		want string
	}{
		{"open to all", 0o711, stranger, ""},
		{"closed to others", 0o710, stranger, middle},
		{"readable is not enough", 0o744, stranger, middle},
		{"group may enter", 0o710, member, ""},
		{"group may not", 0o701, member, middle},
		{"owner may enter", 0o700, owner, ""},
		{"owner may not", 0o077, owner, middle},
	}
	for _, test := range tests {
		if err := os.Chmod(middle, test.mode); err != nil {
			t.Fatal(err)
		}
		// Without root, folders that this process may not enter give the same result.
		if diff := cmp.Diff(test.want, closedFolder(test.acct, inner)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if err := os.Chmod(middle, 0o711); err != nil {
		t.Fatal(err)
	}
}

// A private folder on the path is an obstacle only for root, whose server runs as another
// user.
func TestStartBelowPrivateFolder(t *testing.T) {
	t.Parallel()
	private := filepath.Join(ramdisk.Folder(t), "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(private, "data")
	s, err := Start(t.Context(), fast(dir))
	if os.Geteuid() != 0 {
		if err != nil {
			t.Fatal(err)
		}
		stop(t, s)
		return
	}
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		t.Fatalf("error %v, want an UnreachableError", err)
	}
	if diff := cmp.Diff(private, unreachable.Folder); diff != "" {
		t.Errorf("folder in the way (-want +got):\n%s", diff)
	}
	wantText(t, err, unreachable.User, private, "chmod o+x "+private, "DATA_DIR")
	info, err := os.Stat(private)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the mode of a folder of another user was changed to %v", info.Mode().Perm())
	}
}

func TestAccountOfAnExistingHome(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		_, err := chooseAccount("/") // which is root's
		wantText(t, err, "belongs to the user root", "run the service as that user or as root")
		return
	}
	home := filepath.Join(ramdisk.Folder(t), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, 54321, 54322); err != nil {
		t.Fatal(err)
	}
	got, err := chooseAccount(home)
	if err != nil {
		t.Fatal(err)
	}
	want := account{name: "54321", uid: 54321, gid: 54322, switched: true}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(account{})); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}
