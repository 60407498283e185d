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
)

// install puts programs into dir that only know the version they pretend to be.
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

// currentAccount is who would run a new server.
func currentAccount(t *testing.T) account {
	t.Helper()
	acct, err := chooseAccount(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	return acct
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := folder(t)
	old := install(t, filepath.Join(root, "old"), "postgres (PostgreSQL) 11.22")
	debian := install(t, filepath.Join(root, "debian"), "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)")
	beta := install(t, filepath.Join(root, "beta"), "postgres (PostgreSQL) 19beta2")
	odd := install(t, filepath.Join(root, "odd"), "hello")
	none := filepath.Join(root, "none")

	tests := map[string]struct {
		dirs  []string
		major int
		want  binaries
		texts []string
	}{
		"first that fits":     {dirs: []string{none, old, odd, debian, beta}, want: binaries{debian, "15.8", 15}},
		"order counts":        {dirs: []string{beta, debian}, want: binaries{beta, "19beta2", 19}},
		"of the same major":   {dirs: []string{beta, debian}, major: 15, want: binaries{debian, "15.8", 15}},
		"nothing":             {dirs: []string{none}, texts: []string{"apt-get install postgresql", "brew install"}},
		"relative PATH entry": {dirs: []string{"", "."}, texts: []string{"no PostgreSQL server was found"}},
		"too old":             {dirs: []string{old}, texts: []string{"PostgreSQL 11.22 in " + old + " is too old", "12 or later"}},
		"not understood":      {dirs: []string{odd}, texts: []string{odd, `"hello"`, "install PostgreSQL 12 or later"}},
		"wrong major": {dirs: []string{beta, old}, major: 15, texts: []string{"made by PostgreSQL 15",
			"PostgreSQL 19beta2 in " + beta, "apt-get install postgresql-15"}},
		"nothing for an existing cluster": {dirs: []string{none}, major: 15, texts: []string{"made by PostgreSQL 15",
			"no PostgreSQL is installed"}},
	}
	acct := currentAccount(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := find(t.Context(), acct, test.dirs, test.major)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(binaries{})); diff != "" {
				t.Errorf("binaries (-want +got):\n%s", diff)
			}
			if test.texts != nil {
				wantText(t, err, test.texts...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNewestFirst(t *testing.T) {
	t.Parallel()
	root := folder(t)
	for _, name := range []string{"9.6", "15", "16", "9"} {
		install(t, filepath.Join(root, name, "bin"), "")
	}
	want := []string{"16", "15", "9", "9.6"}
	var got []string
	for _, dir := range newestFirst(filepath.Join(root, "*", "bin")) {
		got = append(got, filepath.Base(filepath.Dir(dir)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestStartWithoutBinaries(t *testing.T) {
	t.Parallel()
	o := fast(folder(t))
	o.search = []string{}
	_, err := Start(t.Context(), o)
	if !errors.Is(err, ErrNoBinaries) {
		t.Fatalf("error %v, want ErrNoBinaries", err)
	}
	if diff := cmp.Diff(ErrNoBinaries.Error(), err.Error()); diff != "" {
		t.Errorf("the sentence (-want +got):\n%s", diff)
	}
}

func TestStartOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, fast(dir))
	stop(t, s)
	if err := os.WriteFile(filepath.Join(s.place.cluster(), "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), fast(dir))
	wantText(t, err, "made by PostgreSQL 99", "apt-get install postgresql-99", "is of another major version")
}
