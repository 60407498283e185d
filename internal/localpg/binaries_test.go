// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// install puts programs into dir that only print a version.
func install(t *testing.T, dir, version string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho %q\n", version)
	for _, program := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writePidFile(t *testing.T, cluster string, acct account, pid int) {
	t.Helper()
	file := pidFile(cluster)
	text := strconv.Itoa(pid) + "\n" + cluster + "\n1\n5432\n/nowhere\n\n0 0\nready   \n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, acct.uid, acct.gid); err != nil {
		t.Fatal(err)
	}
}

// currentAccount returns the account that would run a new server.
func currentAccount(t *testing.T) account {
	t.Helper()
	acct, err := chooseAccount(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	return acct
}

func TestFindReturnsTheFirstUsableInstallation(t *testing.T) {
	t.Parallel()
	root := ramdisk.Folder(t)
	old := install(t, filepath.Join(root, "old"), "postgres (PostgreSQL) 11.22")
	debian := install(t, filepath.Join(root, "debian"), "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)")
	beta := install(t, filepath.Join(root, "beta"), "postgres (PostgreSQL) 19beta2")
	odd := install(t, filepath.Join(root, "odd"), "hello")
	none := filepath.Join(root, "none")

	tests := map[string]struct {
		dirs  []string
		major int
		want  binaries
		unfit []string // why each of them cannot be used
	}{
		"first that fits": {dirs: []string{none, old, odd, debian, beta}, want: binaries{debian, "15.8", 15}},
		"none fits": {dirs: []string{none, old, odd}, unfit: []string{
			"PostgreSQL 11.22 in " + old + " is too old",
			"cannot parse the version of PostgreSQL in " + odd + `: "hello"`}},
		"order counts":        {dirs: []string{beta, debian}, want: binaries{beta, "19beta2", 19}},
		"relative PATH entry": {dirs: []string{"", "."}},
		"nothing":             {dirs: []string{none}},
		"of the same major":   {dirs: []string{beta, debian}, major: 15, want: binaries{debian, "15.8", 15}},
		"wrong major": {dirs: []string{beta, old}, major: 15, unfit: []string{
			"PostgreSQL 19beta2 in " + beta + " is of another major version",
			"PostgreSQL 11.22 in " + old + " is too old"}},
	}
	acct := currentAccount(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok, unfit := find(t.Context(), acct, test.dirs, test.major)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(binaries{})); diff != "" {
				t.Errorf("binaries (-want +got):\n%s", diff)
			}
			if ok != (test.want != binaries{}) {
				t.Errorf("found: %v", ok)
			}
			var texts []string
			for _, err := range unfit {
				texts = append(texts, err.Error())
			}
			if diff := cmp.Diff(test.unfit, texts); diff != "" {
				t.Errorf("why not the others (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewestFirst(t *testing.T) {
	t.Parallel()
	root := ramdisk.Folder(t)
	for _, name := range []string{"9.6", "15", "16", "9", "postgres-16.9-linux-x64", "postgres-16.14-linux-x64", "other"} {
		install(t, filepath.Join(root, name, "bin"), "")
	}
	want := []string{"postgres-16.14-linux-x64", "postgres-16.9-linux-x64", "16", "15", "9.6", "9", "other"}
	var got []string
	for _, dir := range newestFirst(filepath.Join(root, "*", "bin")) {
		got = append(got, filepath.Base(filepath.Dir(dir)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestStartOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	s := start(t, fast(dir))
	stop(t, s)
	if err := os.WriteFile(filepath.Join(s.place.cluster(), "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), fast(dir))
	if !errors.Is(err, ErrNoBinaries) {
		t.Errorf("error %v, want ErrNoBinaries", err)
	}
	wantText(t, err, "no PostgreSQL 99, which the existing database was made by", "apt-get install postgresql-99",
		"is of another major version", "no PostgreSQL 99 is on offer for "+platform())
}
