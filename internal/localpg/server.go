// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	createTimeout  = 2 * time.Minute  // for a new cluster on a slow disk
	startTimeout   = 2 * time.Minute  // replaying the log after a crash takes time
	prepareTimeout = 30 * time.Second // for the role and the database
	orphanTimeout  = 10 * time.Second // for the children of a killed server to end
	orphanPause    = 100 * time.Millisecond
	stopTimeout    = 30 * time.Second // limit for a fast shutdown
	pollInterval   = 20 * time.Millisecond
)

// Server is a running PostgreSQL that belongs to this process.
type Server struct {
	opts     Options
	place    layout
	acct     account
	lock     *flock.Flock
	log      *slog.Logger
	bin      *binaries // for a new cluster; nil when there was one
	instance *instance

	stopOnce sync.Once
	stopErr  error
}

// Start runs the PostgreSQL server of the folder o.Dir, which it creates at first use.
// It returns once the server accepts connections and has the database named Database.
// It takes over a server that a killed process of this service left behind.
//
// ctx bounds only the start. Typed errors are *HeldError, *UnreachableError,
// ErrNoBinaries and ErrNoDatabase; the text of every other error says what to do.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Existing {
		if err := requireTraces(o.Dir); err != nil {
			return nil, err
		}
	}
	bin, err := chooseForNew(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := makeFolder(o.Dir); err != nil {
		return nil, fmt.Errorf("create the database folder: %w", err)
	}
	place, err := newLayout(o.Dir)
	if err != nil {
		return nil, err
	}
	acct, err := chooseAccount(place.home())
	if err != nil {
		return nil, err
	}
	lock, err := hold(place, acct)
	if err != nil {
		return nil, err
	}
	if o.Existing && !isThere(place.cluster()) {
		_ = lock.Unlock()
		return nil, fmt.Errorf("%s: %w", place.dir, ErrNoDatabase)
	}
	s := &Server{opts: o, place: place, acct: acct, lock: lock, log: o.logger(), bin: bin}
	if err := s.start(ctx); err != nil {
		_ = lock.Unlock()
		return nil, err
	}
	return s, nil
}

// chooseForNew returns the binaries for a new cluster, nil if there is a cluster
// already. It runs before everything else, so that nothing is left behind if there are
// none.
func chooseForNew(ctx context.Context, o Options) (*binaries, error) {
	if o.Existing {
		return nil, nil
	}
	place, err := newLayout(o.Dir)
	if err != nil {
		return nil, err
	}
	acct, err := chooseAccount(place.home())
	if err != nil {
		return nil, err
	}
	if exists, err := clusterExists(place); err != nil || exists {
		return nil, err
	}
	bin, err := choose(ctx, o, place, acct)
	return &bin, err
}

func (s *Server) start(ctx context.Context) error {
	if err := s.prepareHome(); err != nil {
		return err
	}
	running, err := s.takeOver(ctx)
	if err != nil {
		return err
	}
	if !running {
		if err := s.launch(ctx); err != nil {
			return err
		}
	}
	if err := prepareDatabase(ctx, s.instance.socketDir); err != nil {
		s.abandon()
		return err
	}
	return nil
}

// prepareHome creates the home of the server for its account.
func (s *Server) prepareHome() error {
	home, acct := s.place.home(), s.acct
	if owner, _, err := homeOwner(home); err == nil && owner == 0 && acct.switched {
		// Copied or restored by root, or an earlier start was interrupted before the
		// chown.
		if err := giveTo(acct, home); err != nil {
			return fmt.Errorf("give the database folder to the user %s: %w", acct.name, err)
		}
	}
	if err := makePrivate(home, acct); err != nil {
		return fmt.Errorf("prepare the database folder: %w", err)
	}
	return nil
}

// takeOver uses the server that still runs on the cluster, if there is one and it is
// not shutting down.
func (s *Server) takeOver(ctx context.Context) (bool, error) {
	pm, ok, err := runningPostmaster(s.place.cluster())
	if !ok {
		return false, err
	}
	s.instance = watch(pm, s.place)
	err = s.instance.waitReady(ctx)
	var exited *exitedError
	switch {
	case err == nil:
		s.log.Info("took over the running database", "dir", s.place.dir, "pid", pm.pid)
		return true, nil
	case errors.As(err, &exited):
		return false, nil
	default:
		return false, fmt.Errorf("take over the PostgreSQL that runs in %s as process %d: %w", s.place.dir, pm.pid, err)
	}
}

// launch starts a new server, on a new cluster if there is none yet.
func (s *Server) launch(ctx context.Context) error {
	bin, err := s.selectBinaries(ctx)
	if err != nil {
		return err
	}
	if err := s.checkReach(ctx, bin, s.place.home()); err != nil {
		return err
	}
	cutOff := isThere(pidFile(s.place.cluster()))
	if err := s.ensureCluster(ctx, bin); err != nil {
		return err
	}
	socketDir := s.place.socketDir()
	if err := makePrivate(socketDir, s.acct); err != nil {
		return fmt.Errorf("prepare the folder of the database socket: %w", err)
	}
	if err := s.checkReach(ctx, bin, socketDir); err != nil {
		return err
	}
	if err := s.launchReady(ctx, bin, socketDir, cutOff); err != nil {
		return err
	}
	s.log.Info("started the database", "dir", s.place.dir, "version", bin.version, "pid", s.instance.pid)
	return nil
}

// launchReady starts the server and waits until it accepts connections. After a killed
// server it retries for a while: PostgreSQL does not start until the last child of its
// predecessor has released the shared memory.
func (s *Server) launchReady(ctx context.Context, bin binaries, socketDir string, cutOff bool) (err error) {
	giveUp := time.Now().Add(orphanTimeout)
	for {
		s.instance, err = launch(s.place, s.acct, bin, socketDir, s.opts)
		if err != nil {
			return err
		}
		err = s.instance.waitReady(ctx)
		if err == nil {
			return nil
		}
		var exited *exitedError
		if !cutOff || !errors.As(err, &exited) || time.Now().After(giveUp) {
			s.abandon()
			return fmt.Errorf("start PostgreSQL %s in %s: %w", bin.version, s.place.dir, err)
		}
		time.Sleep(orphanPause)
	}
}

func (s *Server) ensureCluster(ctx context.Context, bin binaries) error {
	exists, err := clusterExists(s.place)
	if err != nil {
		return err
	}
	if exists {
		return clearStale("/proc", s.place.cluster(), s.place.socketDir())
	}
	s.log.Info("creating the database", "dir", s.place.dir, "version", bin.version)
	return initCluster(ctx, s.place, s.acct, bin, s.opts.NoSync)
}

// checkReach ensures that the server's account can reach dir. Because of access control
// lists, permissions alone do not decide, so it tries if they seem insufficient.
func (s *Server) checkReach(ctx context.Context, bin binaries, dir string) error {
	if !s.acct.switched {
		return nil
	}
	closed := closedFolder(s.acct, dir)
	if closed == "" {
		return nil
	}
	if command(ctx, s.acct, dir, bin.path("postgres"), "--version").Run() == nil {
		return nil
	}
	return &UnreachableError{Dir: dir, Folder: closed, User: s.acct.name}
}

// selectBinaries returns the binaries chosen for a new cluster, or chooses binaries for
// the existing one.
func (s *Server) selectBinaries(ctx context.Context) (binaries, error) {
	if s.bin != nil {
		return *s.bin, nil
	}
	return choose(ctx, s.opts, s.place, s.acct)
}

// URL returns the address of the database named Database.
func (s *Server) URL() string { return s.URLFor(Database) }

// URLFor returns the address of a database on this server, which need not exist. Its
// role may create databases.
func (s *Server) URLFor(database string) string {
	return socketURL(s.instance.socketDir, role, database)
}

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.instance.done }

// Stop closes all connections, shuts the server down and unlocks the folder. A clean
// shutdown takes a moment: if ctx is already cancelled, the server is stopped
// immediately, has to recover at its next start, and Stop returns an error. Further
// calls return the first result.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = s.instance.stop(ctx)
		s.instance.removeSocketDir(s.place)
		if err := s.lock.Unlock(); err != nil && s.stopErr == nil {
			s.stopErr = fmt.Errorf("unlock the database folder: %w", err)
		}
		s.log.Info("stopped the database", "dir", s.place.dir)
	})
	return s.stopErr
}

// abandon stops a server whose start failed.
func (s *Server) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.instance.stop(ctx); err != nil {
		s.log.Warn("stopping the database failed", "error", err)
	}
	s.instance.removeSocketDir(s.place)
}

// Attach returns the address of the database of a server that another process of this
// service runs in dir, for commands that run at the same time. The server still belongs
// to that process, which may stop it. The error is ErrNotRunning if no server accepts
// connections to the database, perhaps because it is being started, created or stopped.
func Attach(ctx context.Context, dir string) (string, error) {
	place, err := newLayout(dir)
	if err != nil {
		return "", err
	}
	pm, ok, err := runningPostmaster(place.cluster())
	if err != nil {
		return "", err
	}
	if !ok || !pm.ready || pm.socketDir == "" {
		return "", fmt.Errorf("%w in %s", ErrNotRunning, place.dir)
	}
	address := socketURL(pm.socketDir, role, Database)
	conn, err := dial(ctx, address)
	if err != nil {
		return "", fmt.Errorf("%w in %s: %w", ErrNotRunning, place.dir, err)
	}
	return address, conn.Close(ctx)
}

func socketURL(socketDir, user, database string) string {
	host := strings.ReplaceAll(url.QueryEscape(socketDir), "+", "%20") // psql does not decode a plus as a space
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d", user, url.PathEscape(database), host, port)
}
