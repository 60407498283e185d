package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/postgres"
)

const (
	headerTimeout = 10 * time.Second
	// bodyTimeout is generous: a batch may come over a slow line.
	bodyTimeout = 5 * time.Minute
	idleTimeout = 2 * time.Minute
	// drainTimeout is how long requests may go on after a signal to stop.
	drainTimeout = 20 * time.Second
)

// adminName is the client that ADMIN_TOKEN belongs to.
const adminName = "admin"

func (p *program) serve() *cli.Command {
	return &cli.Command{
		Name:     "serve",
		Category: categoryService,
		Usage:    "Serve the API and the public pages until a signal to stop.",
		Description: "Listens on HOST and PORT (127.0.0.1:5000). Without a configured database the service runs\n" +
			"a private PostgreSQL in DATA_DIR. With ADMIN_TOKEN an admin client with that token is made sure of.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return p.runServer(ctx, settings)
		}),
	}
}

// runServer serves until ctx ends.
func (p *program) runServer(ctx context.Context, settings config.Config) (err error) {
	log := p.logger(settings)
	listener, err := listen(settings)
	if err != nil {
		return err
	}
	defer listener.Close()
	store, db, err := p.openStore(ctx, settings, log, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	defer store.Close()
	if err := prepare(ctx, store, settings, log); err != nil {
		return err
	}
	log.Info("the service listens", "url", "http://"+listener.Addr().String()+settings.ScriptName+"/")
	return p.serveOn(ctx, listener, store, settings, db.died())
}

func listen(settings config.Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", settings.Listen())
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (HOST and PORT choose another address): %w", settings.Listen(), err)
	}
	return listener, nil
}

// prepare checks the schema and makes sure of the admin.
func prepare(ctx context.Context, store *postgres.Store, settings config.Config, log *slog.Logger) error {
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	if settings.AdminToken == "" {
		return nil
	}
	created, err := store.EnsureAdmin(ctx, string(settings.AdminToken), adminName)
	if err != nil {
		return fmt.Errorf("make sure of the admin client of ADMIN_TOKEN: %w", err)
	}
	if created {
		log.Info("an admin client with ADMIN_TOKEN was created", "name", adminName)
	}
	return nil
}

// serveOn answers requests until ctx ends or the database dies.
func (p *program) serveOn(ctx context.Context, listener net.Listener, store *postgres.Store, settings config.Config, died <-chan struct{}) error {
	log := p.logger(settings)
	api, handler := httpapi.New(p.serverOptions(store, settings, log))
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	gathered := make(chan struct{})
	go func() { defer close(gathered); api.Run(background) }()
	defer func() { stopBackground(); <-gathered }()

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-died:
		server.Close()
		return errors.New("the private database has ended by itself; its log in DATA_DIR says why")
	case <-ctx.Done():
		log.Info("the service stops")
		return drain(server)
	}
}

// drain lets requests end that are under way.
func drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("some requests were cut off: %w", err), server.Close())
	}
	return nil
}

func (p *program) serverOptions(store *postgres.Store, settings config.Config, log *slog.Logger) httpapi.Options {
	return httpapi.Options{
		Store: store,
		Public: dashboard.NewPublic(dashboard.Options{
			Store:    store,
			Now:      p.Now,
			Location: settings.Location(),
			APIRoot:  httpapi.Root,
		}),
		Now:              p.Now,
		Location:         settings.Location(),
		Log:              log,
		Prefix:           settings.ScriptName,
		TrustProxy:       settings.FixProxy,
		MaxBodyBytes:     settings.MaxBodyBytes,
		RateLimit:        settings.RateLimit,
		RegistrationOpen: settings.ClientRegistrationOpen,
	}
}
