package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/publicapi"
)

const (
	headerTimeout = 10 * time.Second
	// bodyTimeout is generous: a batch may come over a slow line.
	bodyTimeout = 5 * time.Minute
	idleTimeout = 2 * time.Minute
	// answerTimeout bounds, from the header of the request on, answers that have
	// no limit of their own. Those of the API have, and lists a longer one.
	answerTimeout = bodyTimeout + 5*time.Minute
	// drainTimeout is how long requests may go on after a signal to stop.
	drainTimeout = 20 * time.Second
	// foldPause is how long changes of the stats wait to be added to the rollups.
	foldPause = 5 * time.Second
)

// adminName is the client that ADMIN_TOKEN belongs to.
const adminName = "admin"

func (p *program) serve() *cli.Command {
	return &cli.Command{
		Name:     "serve",
		Category: categoryService,
		Usage:    "Serve the API and the public pages until a signal to stop.",
		Description: "Listens on HOST and PORT (127.0.0.1:5000). Without a configured database\n" +
			"the service runs a private PostgreSQL in DATA_DIR (./var). With ADMIN_TOKEN\n" +
			"it creates an admin client with that token if there is none.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return unlessStopped(ctx, p.runServer(ctx, settings))
		}),
	}
}

// runServer serves until ctx ends.
func (p *program) runServer(ctx context.Context, settings config.Config) (err error) {
	log, logFile, err := p.serviceLogger(settings)
	if err != nil {
		return err
	}
	defer logFile.Close()
	hangups, stopHangups := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHangups()
	logging.ReopenOnHangup(hangups, log, logFile)
	listener, err := listen(settings)
	if err != nil {
		return err
	}
	defer listener.Close()
	store, db, err := p.openStore(ctx, settings, log, toServe)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	defer store.Close()
	if err := prepare(ctx, store, settings, log); err != nil {
		return err
	}
	log.Info("the service listens", "url", address(listener, settings)+"/")
	return p.serveOn(ctx, listener, store, settings, log, db.died())
}

// stopError tells that something did not end as it should.
type stopError struct{ cause error }

func (e *stopError) Error() string { return e.cause.Error() }
func (e *stopError) Unwrap() error { return e.cause }

// stopping marks err, if there is one, as a *stopError.
func stopping(err error) error {
	if err == nil {
		return nil
	}
	return &stopError{cause: err}
}

// unlessStopped forgets that a start was cut short by the signal to stop, which
// shows in errors of many kinds: it ended as it was told to.
func unlessStopped(ctx context.Context, err error) error {
	if _, unclean := errors.AsType[*stopError](err); ctx.Err() != nil && !unclean {
		return nil
	}
	return err
}

// address is the URL of the service, without slash at the end, for somebody on
// this machine.
func address(listener net.Listener, settings config.Config) string {
	return localURL(listener.Addr().String(), settings)
}

func localURL(address string, settings config.Config) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("localhost", port)
	}
	return "http://" + address + settings.ScriptName
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
func (p *program) serveOn(ctx context.Context, listener net.Listener, store *postgres.Store, settings config.Config, log *slog.Logger, died <-chan struct{}) error {
	options, err := p.serverOptions(store, settings, log)
	if err != nil {
		return err
	}
	api, handler := httpapi.New(options)
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logging.Named(log, logging.HTTP).Handler(), slog.LevelWarn),
	}
	defer inBackground(ctx, api.Run, func(ctx context.Context) { foldRollups(ctx, store, log) })()

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

// inBackground runs what a service does beside answering. stop ends it, and not
// ctx: requests that are under way then still need it.
func inBackground(ctx context.Context, work ...func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	for _, run := range work {
		group.Go(func() { run(ctx) })
	}
	return func() { cancel(); group.Wait() }
}

// foldRollups adds changes to the rollups every few seconds until ctx ends.
func foldRollups(ctx context.Context, store *postgres.Store, log *slog.Logger) {
	pause := time.NewTicker(foldPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		if err := store.Fold(ctx); err != nil && ctx.Err() == nil {
			log.Warn("changes could not be added to the rollups, which is tried again", "error", err.Error())
		}
	}
}

// drain lets requests end that are under way.
func drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return stopping(errors.Join(fmt.Errorf("some requests were cut off: %w", err), server.Close()))
	}
	return nil
}

func (p *program) serverOptions(store *postgres.Store, settings config.Config, log *slog.Logger) (httpapi.Options, error) {
	cached := httpapi.NewCache(p.Now)
	figures := disclosure.New(disclosure.Options{
		Store:      store,
		Cache:      cached,
		Now:        p.Now,
		Location:   settings.Location(),
		MinClients: settings.PublicMinClients,
	})
	pages, err := dashboard.NewPages(dashboard.PageOptions{
		Figures:            figures,
		Cache:              cached,
		Now:                p.Now,
		APIRoot:            httpapi.Root,
		InstanceURL:        settings.InstanceURL,
		MOSPURL:            settings.MOSPURL,
		AdminEmail:         settings.AdminEmail,
		AdminURL:           settings.AdminURL,
		Active:             settings.ActivePages,
		EmbedOrigins:       settings.EmbedOrigins,
		CoordinateDecimals: settings.PublicCoordinateDecimals,
	})
	if err != nil {
		return httpapi.Options{}, err
	}
	return httpapi.Options{
		Store:            store,
		Cache:            cached,
		Public:           publicapi.New(publicapi.Options{Figures: figures, Cache: cached, APIRoot: httpapi.Root}),
		Pages:            pages,
		Now:              p.Now,
		Location:         settings.Location(),
		Log:              logging.Named(log, logging.HTTP),
		Prefix:           settings.ScriptName,
		TrustProxy:       settings.FixProxy,
		MaxBodyBytes:     settings.MaxBodyBytes,
		RateLimit:        settings.RateLimit,
		RegistrationOpen: settings.ClientRegistrationOpen,
	}, nil
}
