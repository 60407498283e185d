package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

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
)

// database is the database of a command: the configured one, or a private one
// that is started for the command or shared with a running service.
type database struct {
	url    string
	server *localpg.Server // nil unless this process started it
	own    bool            // private, started here or by a running service
}

// openDatabase finds the database. exclusive refuses to share a private one with
// another process.
func (p *program) openDatabase(ctx context.Context, settings config.Config, log *slog.Logger, exclusive bool) (*database, error) {
	if url, configured := settings.Database(); configured {
		return &database{url: url}, nil
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: settings.DataDir, Log: logging.Named(log, logging.Database), Fetch: true})
	var held *localpg.HeldError
	if errors.As(err, &held) && !exclusive {
		return attach(settings.DataDir)
	}
	if errors.Is(err, localpg.ErrNoBinaries) {
		return nil, fmt.Errorf("%w, or set DATABASE_URL to a database on PostgreSQL 12 or later", err)
	}
	if err != nil {
		return nil, err
	}
	return &database{url: server.URL(), server: server, own: true}, nil
}

// attach uses the private database of the service that runs beside this command.
func attach(dir string) (*database, error) {
	url, err := localpg.Attach(dir)
	if err != nil {
		return nil, err
	}
	return &database{url: url, own: true}, nil
}

// close ends the private database if this process started it.
func (d *database) close(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
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
	options := postgres.Options{URL: db.url, Secret: box, Now: p.Now, Log: logging.Named(log, logging.Database)}
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
