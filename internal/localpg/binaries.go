// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir     string
	version string // "15.8"
	major   int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// numbered matches the version in the path of an installation.
var numbered = regexp.MustCompile(`[/@-](\d+)(?:\.(\d+))?[a-z0-9-]*/bin$`)

// systemPatterns are the versioned folders of Debian and Homebrew.
var systemPatterns = []string{
	"/usr/lib/postgresql/*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// systemFolders lists where systems keep PostgreSQL: PATH first, then the
// versioned folders, newest first.
func systemFolders() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range systemPatterns {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	return dirs
}

func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil { // a folder of the user with an odd name
		return nil
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return slices.Compare(versionInPath(b), versionInPath(a)) })
	return dirs
}

// versionInPath returns the major and the minor version, as far as they are there.
func versionInPath(dir string) []int {
	match := numbered.FindStringSubmatch(dir)
	if match == nil {
		return nil
	}
	major, _ := strconv.Atoi(match[1])
	minor, _ := strconv.Atoi(match[2])
	return []int{major, minor}
}

// installed returns the folders that have both programs, each installation once.
func installed(dirs []string) []string {
	var found []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		server, err := executable(filepath.Join(dir, "postgres"))
		if err != nil || seen[server] {
			continue
		}
		if _, err := executable(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		seen[server] = true
		found = append(found, dir)
	}
	return found
}

// executable returns the program at path, with symbolic links resolved.
func executable(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fs.ErrInvalid // an empty or relative entry of PATH depends on the working directory
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return "", fs.ErrPermission
	}
	return resolved, nil
}

// versionLine matches what `postgres --version` prints.
var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`)

// probe runs the server program in dir with --version as the account, which also shows
// that the account may run it.
func probe(ctx context.Context, acct account, dir string) (binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := command(ctx, acct, "/", filepath.Join(dir, "postgres"), "--version").Output()
	for errors.Is(err, syscall.ETXTBSY) { // a child process that is being started has inherited the open file
		time.Sleep(pollInterval)
		out, err = command(ctx, acct, "/", filepath.Join(dir, "postgres"), "--version").Output()
	}
	if err != nil {
		return binaries{}, fmt.Errorf("PostgreSQL in %s cannot be run by the user %s: %w", dir, acct.name, err)
	}
	match := versionLine.FindStringSubmatch(string(out))
	if match == nil {
		return binaries{}, fmt.Errorf("cannot parse the version of PostgreSQL in %s: %q", dir, strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return binaries{}, fmt.Errorf("cannot parse the version of PostgreSQL in %s: %w", dir, err)
	}
	return binaries{dir: dir, version: match[1], major: major}, nil
}

// find returns the first usable installation in dirs: of the major version of the
// existing cluster or, if that is 0, of any supported version. unfit has the reasons
// why the others are unusable.
func find(ctx context.Context, acct account, dirs []string, major int) (bin binaries, ok bool, unfit []error) {
	for _, dir := range installed(dirs) {
		bin, err := probe(ctx, acct, dir)
		if err == nil {
			err = bin.fits(major)
		}
		if err == nil {
			return bin, true, nil
		}
		unfit = append(unfit, err)
	}
	return binaries{}, false, unfit
}

func (b binaries) fits(major int) error {
	switch {
	case b.major < minMajor:
		return fmt.Errorf("PostgreSQL %s in %s is too old", b.version, b.dir)
	case major != 0 && b.major != major:
		return fmt.Errorf("PostgreSQL %s in %s is of another major version", b.version, b.dir)
	default:
		return nil
	}
}

// clusterMajor returns the major version of the cluster, 0 if there is none.
func clusterMajor(cluster string) (int, error) {
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version of the existing database: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read the version of the existing database in %s: %w", cluster, err)
	}
	return major, nil
}
