// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/tracing"
)

const (
	// stopTimeout bounds the clean shutdown of the private database.
	stopTimeout = 30 * time.Second
	// usersFile in DATA_DIR is locked by every process that uses the private database:
	// the one that started it must not stop it while others use it.
	usersFile = "postgres.users"
	// usersTimeout bounds the wait for other users to end.
	usersTimeout = 30 * time.Second
	usersPause   = 20 * time.Millisecond
	// shareTimeout bounds the wait for a process that starts or stops the private
	// database; a start may take that long. After shareSilence, the wait is logged.
	shareTimeout = 2 * time.Minute
	shareSilence = 10 * time.Second
)

// database is the database of a command: the configured one, or a private one, which
// is started for the command or shared with a running service.
type database struct {
	url    string
	server *localpg.Server // nil unless this process started it
	own    bool            // private, started here or by a running service
	users  *flock.Flock    // held until close; nil if no other process can use the database
	log    *slog.Logger
}

// purpose says what a command needs the database for.
type purpose int

const (
	// toWork needs an existing database and an existing key.
	toWork purpose = iota
	// toSeal is like toWork, but seals tokens: a database without clients may get a key.
	toSeal
	// toInitialize creates the private database and its key if they are missing.
	toInitialize
	// toRestore is like toInitialize, but creates no key: a backup has clients already.
	toRestore
	// toServe is like toInitialize, for the one process that runs the service.
	toServe
)

// mayCreate reports whether a private database and its key may be created. Otherwise, a
// command without the settings of the service would work on a database of its own.
func (u purpose) mayCreate() bool { return u >= toInitialize }

// settingsError reports settings that do not fit the existing database, key or files.
type settingsError struct{ message string }

func (e *settingsError) Error() string { return e.message }

// openDatabase finds the database. Only commands share a private one with another
// process; the service does not.
func (p *program) openDatabase(ctx context.Context, settings config.Config, log *slog.Logger, use purpose) (*database, error) {
	if url, configured := settings.Database(); configured {
		return &database{url: url}, nil
	}
	if settings.IsWeakKey() && use.mayCreate() && use != toRestore {
		if there, err := localpg.Exists(settings.DataDir); err == nil && !there {
			return nil, errWeakKey
		}
	}
	options := localpg.Options{
		Dir: settings.DataDir, Existing: !use.mayCreate(), Log: logging.Named(log, logging.Database),
		Mirror: settings.PostgresMirror, Progress: p.fetchProgress,
	}
	if use == toServe {
		return start(ctx, options)
	}
	db, err := share(ctx, options, shareTimeout)
	if errors.Is(err, localpg.ErrNoDatabase) {
		return nil, noDatabase(settings)
	}
	return db, err
}

// noDatabase returns an error with the places and the settings that were tried.
func noDatabase(settings config.Config) error {
	read := "no settings file was read (STATS_CONFIG names none, and " + config.DefaultFile + " does not exist)"
	if settings.File != "" {
		read = "the settings file is " + settings.File
	}
	return &settingsError{fmt.Sprintf("no database was found: neither DATABASE_URL nor DB_HOSTNAME is set, "+
		"and there is no private database in %s (DATA_DIR); %s. Run this with the settings of the service: "+
		"STATS_CONFIG names their file, DATA_DIR the folder. `stats-service db_init` makes a new private database",
		folder(settings), read)}
}

// folder returns DATA_DIR as an absolute path, for messages.
func folder(settings config.Config) string {
	if whole, err := filepath.Abs(settings.DataDir); err == nil {
		return whole
	}
	return settings.DataDir
}

// fetchProgress shows the progress of downloading PostgreSQL. Unlike other work, an
// interruption ends it at once.
func (p *program) fetchProgress(work string) (show func(done, total int64), end func()) {
	return newTerminal(p.Stderr).progress(context.Background(), work)
}

// start starts the private database.
func start(ctx context.Context, options localpg.Options) (*database, error) {
	server, err := localpg.Start(ctx, options)
	if errors.Is(err, localpg.ErrNoBinaries) {
		return nil, fmt.Errorf("%w, or set DATABASE_URL to a database on PostgreSQL 12 or later", err)
	}
	if err != nil {
		return nil, err
	}
	users, err := joinUsers(ctx, options.Dir)
	if err != nil {
		return nil, errors.Join(err, server.Stop(context.WithoutCancel(ctx)))
	}
	return &database{url: server.URL(), server: server, own: true, users: users, log: options.Log}, nil
}

// share attaches to the private database if another process runs it, and starts it
// otherwise. It waits, up to limit, for a process that is starting or stopping it.
func share(ctx context.Context, options localpg.Options, limit time.Duration) (*database, error) {
	stalled := time.NewTimer(shareSilence)
	defer stalled.Stop()
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		db, err := start(ctx, options)
		held, isHeld := errors.AsType[*localpg.HeldError](err)
		if !isHeld {
			return db, err
		}
		db, err = attach(ctx, options.Dir)
		if !errors.Is(err, localpg.ErrNotRunning) {
			return db, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over.C:
			return nil, notReady(held, limit)
		case <-stalled.C:
			options.Log.Warn("waiting for another process that starts or stops the private database", "limit", limit.String())
		case <-time.After(usersPause):
		}
	}
}

// notReady returns the error of a process that holds the private database for too long.
func notReady(held *localpg.HeldError, limit time.Duration) error {
	holder := "another process"
	if held.PID != 0 {
		holder = fmt.Sprintf("process %d", held.PID)
	}
	return fmt.Errorf("the private database in %s accepts no connections after %s, although %s holds it: "+
		"see postgres.log there, stop that process if it hangs, and run the command again", held.Dir, limit, holder)
}

// attach attaches to the private database of another process. The error is
// localpg.ErrNotRunning if it is not ready.
func attach(ctx context.Context, dir string) (*database, error) {
	users, err := joinUsers(ctx, dir)
	if err != nil {
		return nil, err
	}
	url, err := localpg.Attach(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, users.Unlock())
	}
	return &database{url: url, own: true, users: users}, nil
}

// joinUsers takes the lock that users of the private database in the folder share. It
// waits while the database is being stopped.
func joinUsers(ctx context.Context, dir string) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	users := flock.New(filepath.Join(dir, usersFile), flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY))
	if _, err := users.TryRLockContext(ctx, usersPause); err != nil {
		return nil, fmt.Errorf("lock %s: %w", users.Path(), err)
	}
	return users, nil
}

// awaitOthers waits, up to usersTimeout, until no other process uses the private
// database, and locks out further ones.
func (d *database) awaitOthers(ctx context.Context) {
	if d.users == nil {
		return
	}
	if alone, err := d.users.TryLock(); alone || err != nil {
		return
	}
	d.log.Info("waiting for commands that still use the private database", "limit", usersTimeout.String())
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	if _, err := d.users.TryLockContext(ctx, usersPause); err != nil {
		d.log.Warn("the private database is stopped although commands still use it", "cause", err.Error())
	}
}

// close stops the private database if this process started it, as soon as no other
// process uses it.
func (d *database) close(ctx context.Context) error {
	if d.users != nil {
		defer func() { _ = d.users.Unlock() }() // so does the end of the process
	}
	if d.server == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	d.awaitOthers(ctx)
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return stopping(d.server.Stop(ctx))
}

// died returns a channel that is closed when the private database ends unexpectedly, or
// nil if this process did not start it.
func (d *database) died() <-chan struct{} {
	if d.server == nil {
		return nil
	}
	return d.server.Done()
}

// openStore opens the database, and migrates a private one. The caller closes the
// store, then the database.
func (p *program) openStore(ctx context.Context, settings config.Config, log *slog.Logger, use purpose) (*postgres.Store, *database, error) {
	db, err := p.openDatabase(ctx, settings, log, use)
	if err != nil {
		return nil, nil, err
	}
	store, err := p.openStoreOn(ctx, db, settings, log, use)
	if err != nil {
		return nil, nil, errors.Join(err, db.close(ctx))
	}
	return store, db, nil
}

func (p *program) openStoreOn(ctx context.Context, db *database, settings config.Config, log *slog.Logger, use purpose) (*postgres.Store, error) {
	box, isKept, err := secretBox(settings, use.mayCreate())
	if err != nil {
		return nil, err
	}
	options := postgres.Options{
		URL: db.url, Secret: box, Now: p.Now, Log: logging.Named(log, logging.Database), MaxConns: int32(settings.DBPoolSize),
	}
	if use == toServe { // commands read from the primary: operators want current data
		options.ListenURL = string(settings.DatabaseListenURL)
		options.ReadURLs, options.MaxLag = settings.ReadURLs(), settings.DatabaseReadMaxLag
		options.Trace = tracing.Wanted(p.Environ)
	}
	store, err := openMigrated(ctx, db, options)
	if err != nil {
		return nil, err
	}
	if use == toSeal && !isKept {
		return p.openWithNewKey(ctx, store, settings, options)
	}
	if err := checkKey(ctx, store, settings, log); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// openMigrated opens the store. It migrates a private database, which has no operator.
func openMigrated(ctx context.Context, db *database, options postgres.Options) (*postgres.Store, error) {
	store, err := postgres.Open(ctx, options)
	if err != nil || !db.own {
		return store, err
	}
	if _, err := store.Migrate(ctx); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}
