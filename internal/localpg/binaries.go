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
	"time"
)

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir     string
	version string // "15.8"
	major   int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// numbered matches the major version in the path of an installation.
var numbered = regexp.MustCompile(`[/@-](\d+)/bin$`)

// systemFolders lists where systems keep PostgreSQL: PATH first, then the
// versioned folders of Debian and Homebrew, newest first.
func systemFolders() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
	} {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	return dirs
}

func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil { // a malformed pattern, which the table above has none of
		return nil
	}
	slices.SortFunc(dirs, func(a, b string) int { return majorInPath(b) - majorInPath(a) })
	return dirs
}

func majorInPath(dir string) int {
	match := numbered.FindStringSubmatch(dir)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(match[1])
	return major
}

// installed keeps the folders that hold both programs, each installation once.
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

// executable returns the program that path leads to.
func executable(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fs.ErrInvalid // an empty or relative entry of PATH depends on where we stand
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

// probe asks the server program in dir for its version, as the user that is
// to run it, which shows that this user may.
func probe(ctx context.Context, acct account, dir string) (binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := command(ctx, acct, "/", filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("PostgreSQL in %s cannot be run by the user %s: %w", dir, acct.name, err)
	}
	match := versionLine.FindStringSubmatch(string(out))
	if match == nil {
		return binaries{}, fmt.Errorf("the version of PostgreSQL in %s is not understood: %q", dir, strings.TrimSpace(string(out)))
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return binaries{}, fmt.Errorf("the version of PostgreSQL in %s is not understood: %w", dir, err)
	}
	return binaries{dir: dir, version: match[1], major: major}, nil
}

// find returns the first installation in dirs that can serve: of the major
// version of the existing cluster or, if that is 0, any that is supported.
// The error wraps ErrNoBinaries when nothing at all is installed.
func find(ctx context.Context, acct account, dirs []string, major int) (binaries, error) {
	var unfit []error
	for _, dir := range installed(dirs) {
		bin, err := probe(ctx, acct, dir)
		if err == nil {
			err = bin.fits(major)
		}
		if err == nil {
			return bin, nil
		}
		unfit = append(unfit, err)
	}
	if err := ctx.Err(); err != nil {
		return binaries{}, err
	}
	return binaries{}, noneFits(unfit, major)
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

func noneFits(unfit []error, major int) error {
	if major != 0 {
		return &versionError{Major: major, Unfit: unfit}
	}
	if len(unfit) == 0 {
		return ErrNoBinaries
	}
	return fmt.Errorf("no PostgreSQL here can be used (%s): install PostgreSQL %d or later, or set DATABASE_URL",
		joined(unfit), minMajor)
}

// versionError reports that a cluster exists and that the one major version
// which can run it is not installed.
type versionError struct {
	Major int
	Unfit []error
}

func (e *versionError) Error() string {
	found := "no PostgreSQL is installed"
	if len(e.Unfit) > 0 {
		found = joined(e.Unfit)
	}
	return fmt.Sprintf("the existing database was made by PostgreSQL %[1]d and needs that major version to run (%[2]s): "+
		"install it (for example `apt-get install postgresql-%[1]d` or `brew install postgresql@%[1]d`)", e.Major, found)
}

func joined(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// clusterMajor returns the major version that made the cluster, 0 when there
// is no cluster.
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
