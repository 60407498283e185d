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
	"github.com/monarc-project/stats-service/internal/secret"
)

const (
	// keyFile holds the generated secret key where none is configured.
	keyFile = "secret.key"
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

// openDatabase finds the database. exclusive refuses to share a private one with
// another process.
func (p *program) openDatabase(ctx context.Context, settings config.Config, log *slog.Logger, exclusive bool) (*database, error) {
	if url, configured := settings.Database(); configured {
		return &database{url: url}, nil
	}
	options := localpg.Options{Dir: settings.DataDir, Log: logging.Named(log, logging.Database), Fetch: true}
	if exclusive {
		return start(ctx, options)
	}
	return share(ctx, options, shareTimeout)
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
	told := time.AfterFunc(shareSilence, func() {
		options.Log.Warn("waiting for another process that starts or stops the private database", "limit", limit.String())
	})
	defer told.Stop()
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
func (p *program) openStore(ctx context.Context, settings config.Config, log *slog.Logger, exclusive bool) (*postgres.Store, *database, error) {
	db, err := p.openDatabase(ctx, settings, log, exclusive)
	if err != nil {
		return nil, nil, err
	}
	box, err := secretBox(settings)
	if err != nil {
		return nil, nil, errors.Join(err, db.close(ctx))
	}
	options := postgres.Options{
		URL: db.url, Secret: box, Now: p.Now, Log: logging.Named(log, logging.Database), MaxConns: int32(settings.DBPoolSize),
	}
	if exclusive { // commands look at the primary: what operators ask is about now
		options.ReadURLs, options.MaxLag = settings.ReadURLs(), settings.DatabaseReadMaxLag
	}
	store, err := openMigrated(ctx, db, options)
	if err != nil {
		return nil, nil, errors.Join(err, db.close(ctx))
	}
	return store, db, nil
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

// secretBox returns what seals tokens, with the configured key or one that is
// generated once and kept in DATA_DIR.
func secretBox(settings config.Config) (*secret.Box, error) {
	if settings.SecretKey != "" {
		return secret.New(string(settings.SecretKey)), nil
	}
	key, err := keptKey(settings.DataDir)
	if err != nil {
		return nil, fmt.Errorf("no SECRET_KEY is set and none could be kept in DATA_DIR: %w", err)
	}
	return secret.New(key), nil
}

// keptKey returns the key in the folder, both of which are made when missing.
// The folder has the mode that a private database in it would need.
func keptKey(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	return secret.LoadOrCreateKey(filepath.Join(dir, keyFile))
}
