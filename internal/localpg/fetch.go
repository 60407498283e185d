//go:build unix

package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	fetchTimeout = 5 * time.Minute // 25 MB
	fetchMajor   = 16              // for a new cluster
)

// fetchable maps major versions to the releases that can be fetched.
var fetchable = map[int]embeddedpostgres.PostgresVersion{
	12: embeddedpostgres.V12,
	13: embeddedpostgres.V13,
	14: embeddedpostgres.V14,
	15: embeddedpostgres.V15,
	16: embeddedpostgres.V16,
	17: embeddedpostgres.V17,
	18: embeddedpostgres.V18,
}

// fetch downloads the binaries of a major version (0: any) into the folder,
// where later starts find them.
func (s *Server) fetch(ctx context.Context, major int) (binaries, error) {
	if major == 0 {
		major = fetchMajor
	}
	version, ok := fetchable[major]
	if !ok {
		return binaries{}, fmt.Errorf("no binaries of PostgreSQL %d are on offer", major)
	}
	s.log.Warn("no suitable PostgreSQL is installed; fetching one", "version", string(version))
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	target := s.place.binaries(major)
	if err := s.download(ctx, major, target); err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	return probe(ctx, s.acct, filepath.Join(target, "bin"))
}

// download puts the binaries of a major version into the folder target.
//
// The library that knows where to get them takes no context. When ours ends
// first, the library goes on for nobody, and what it leaves is removed when it
// is done, or before the next attempt.
func (s *Server) download(ctx context.Context, major int, target string) error {
	work, err := s.workFolder()
	if err != nil {
		return err
	}
	outcome := make(chan error, 1)
	go func() {
		defer os.RemoveAll(work)
		outcome <- s.unpack(work, major, target)
	}()
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// workFolder makes an empty folder for one attempt, after removing those of
// earlier ones.
func (s *Server) workFolder() (string, error) {
	const pattern = "fetch-*"
	left, err := filepath.Glob(filepath.Join(s.place.dir, pattern))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(s.place.dir, pattern)
}

// unpack downloads an archive, unpacks it in the folder work, and moves the
// result to target.
//
// The library offers that only as the first step of a start. What follows
// cannot succeed, and must not (it would listen on TCP): the cluster it is
// given is an empty shell. So whether it worked is read from the disk.
func (s *Server) unpack(work string, major int, target string) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // its way to report a full disk
			err = fmt.Errorf("unpack the archive: %v", cause)
		}
	}()
	unpacked, shell := filepath.Join(work, "unpacked"), filepath.Join(work, "shell")
	if err := writeShell(shell, major); err != nil {
		return err
	}
	config := embeddedpostgres.DefaultConfig().Version(fetchable[major]).Port(0).Logger(io.Discard).
		CachePath(filepath.Join(work, "cache")).RuntimePath(filepath.Join(work, "runtime")).
		BinariesPath(unpacked).DataPath(shell)
	if s.opts.fetchURL != "" {
		config = config.BinaryRepositoryURL(s.opts.fetchURL)
	}
	startErr := embeddedpostgres.NewDatabase(config).Start()
	if len(installed([]string{filepath.Join(unpacked, "bin")})) == 0 {
		return startErr
	}
	return s.moveBinaries(unpacked, target)
}

// moveBinaries replaces target, which was of no use, and lets the server's
// user run what is in it whatever our umask is.
func (s *Server) moveBinaries(unpacked, target string) error {
	if s.acct.switched {
		if err := giveTo(s.acct, unpacked); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return os.Rename(unpacked, target)
}

// writeShell makes a folder that passes for a cluster, so that the library
// does not create one, but that no server starts on.
func writeShell(dir string, major int) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte(strconv.Itoa(major)+"\n"), 0o600)
}
