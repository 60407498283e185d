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
	// stopTimeout bounds the clean end of the private database.
	stopTimeout = 30 * time.Second
	// usersFile in DATA_DIR is locked by all processes that use the private
	// database, so that the one that started it does not stop it under another.
	usersFile = "postgres.users"
	// usersTimeout is how long the end of other users is waited for.
	usersTimeout = 30 * time.Second
	usersPause   = 20 * time.Millisecond
	// shareTimeout is how long a process that starts or stops the private database
	// is waited for, as long as a start may take, shareSilence how long without a
	// word.
	shareTimeout = 2 * time.Minute
	shareSilence = 10 * time.Second
)

// database is the database of a command: the configured one, or a private one
// that is started for the command or shared with a running service.
type database struct {
	url    string
	server *localpg.Server // nil unless this process started it
	own    bool            // private, started here or by a running service
	users  *flock.Flock    // held until close; nil where nobody else can find the database
	log    *slog.Logger
}

// purpose is what a command opens the database for.
type purpose int

const (
	// toWork is on a database that exists, with the key that exists.
	toWork purpose = iota
	// toSeal is toWork that seals tokens, for which a database without clients may
	// get a key.
	toSeal
	// toInitialize makes the private database and its key where they are missing.
	toInitialize
	// toRestore is toInitialize that makes no key, since a backup comes with clients.
	toRestore
	// toServe is toInitialize for the one process that runs the service.
	toServe
)

// mayCreate reports whether a private database and its key may be made. If every
// command made them, one that lacks the settings of the service would work on a
// database of its own.
func (u purpose) mayCreate() bool { return u >= toInitialize }

// settingsError is about settings that cannot be used together with what is there.
type settingsError struct{ message string }

func (e *settingsError) Error() string { return e.message }

// openDatabase finds the database. The service does not share a private one with
// another process.
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

// noDatabase says where a database was looked for, and with which settings.
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

// folder is DATA_DIR, whole, for messages.
func folder(settings config.Config) string {
	if whole, err := filepath.Abs(settings.DataDir); err == nil {
		return whole
	}
	return settings.DataDir
}

// fetchProgress shows how far PostgreSQL is fetched. Unlike other work, that ends
// at once when it is interrupted.
func (p *program) fetchProgress(work string) (show func(done, total int64), end func()) {
	return newScreen(p.Stderr).progress(context.Background(), work)
}

// start runs the private database.
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

// share uses the private database of the process that runs it, or runs it where
// none does. It waits, up to limit, for one that is starting or stopping it.
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

// notReady is the end of waiting for a process that holds the private database.
func notReady(held *localpg.HeldError, limit time.Duration) error {
	holder := "another process"
	if held.PID != 0 {
		holder = fmt.Sprintf("process %d", held.PID)
	}
	return fmt.Errorf("the private database in %s accepts no connections after %s, although %s holds it: "+
		"see postgres.log there, stop that process if it hangs, and run the command again", held.Dir, limit, holder)
}

// attach uses the private database of the process that runs beside this command.
// The error is localpg.ErrNotRunning when it is not ready.
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

// joinUsers takes the shared lock of those who use the private database in the
// folder. It waits while the database is being stopped.
func joinUsers(ctx context.Context, dir string) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	users := flock.New(filepath.Join(dir, usersFile), flock.SetPermissions(0o600), flock.SetFlag(os.O_CREATE|os.O_RDONLY))
	if _, err := users.TryRLockContext(ctx, usersPause); err != nil {
		return nil, fmt.Errorf("lock %s: %w", users.Path(), err)
	}
	return users, nil
}

// awaitOthers waits, within usersTimeout, until no other process uses the
// private database, and keeps further ones from it.
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

// close ends the private database if this process started it, as soon as nobody
// else uses it.
func (d *database) close(ctx context.Context) error {
	if d.users != nil {
		defer func() { _ = d.users.Unlock() }() // the end of the process does so too
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

// died is closed when the private database ends by itself; nil otherwise.
func (d *database) died() <-chan struct{} {
	if d.server == nil {
		return nil
	}
	return d.server.Done()
}

// openStore opens the database and brings a private one up to date. The caller
// closes the store, then the database.
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
	if use == toServe { // commands look at the primary: what operators ask is about now
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

// openMigrated opens the store. The private database has no operator who would
// migrate it.
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
