// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/publicapi"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/tracing"
)

const (
	headerTimeout = 10 * time.Second
	// maxHeaderBytes is several times what callers send; the server adds 4 KB.
	maxHeaderBytes = 32 << 10
	// maxStreams bounds the concurrent requests of an HTTP/2 connection.
	maxStreams = 32
	// bodyTimeout is generous: a batch may come over a slow connection.
	bodyTimeout = 5 * time.Minute
	idleTimeout = 2 * time.Minute
	// answerTimeout bounds responses without a limit of their own, from the header of
	// the request on. The API has its own limits, longer ones for lists.
	answerTimeout = bodyTimeout + 5*time.Minute
	// acceptDelay is how long connections wait, without being accepted, for a
	// database that is being opened. Usually their requests can be served then.
	acceptDelay = 10 * time.Second
	// openingTimeout bounds an attempt to open a database that may have stalled;
	// openingPause and maxOpeningPause bound the pause before the next one.
	openingTimeout  = 30 * time.Second
	openingPause    = 250 * time.Millisecond
	maxOpeningPause = 5 * time.Second
	// tracesTimeout bounds the sending of the last traces.
	tracesTimeout = 5 * time.Second
	// mergeInterval is how often rollup deltas are merged, however few there are.
	mergeInterval = 5 * time.Second
	// releasePause is the interval at which memory that is no longer needed is returned.
	releasePause = 10 * time.Minute
)

// adminName is the name of the client with ADMIN_TOKEN.
const adminName = "admin"

func (p *program) serve() *cli.Command {
	return &cli.Command{
		Name:     "serve",
		Category: categoryService,
		Usage:    "Serve the API and the public pages until a signal to stop.",
		Description: "Listens on HOST and PORT (127.0.0.1:5000), on the addresses of LISTEN, or on\n" +
			"sockets of systemd. Without a configured database the service runs a private\n" +
			"PostgreSQL in DATA_DIR (./var); while one that is configured cannot be reached,\n" +
			"requests are answered 503. With ADMIN_TOKEN it creates an admin client with that\n" +
			"token if there is none.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return unlessStopped(ctx, p.runServer(asService(ctx), settings))
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
	stopTraces, err := p.startTraces(ctx, log)
	if err != nil {
		return err
	}
	defer stopTraces()
	front, err := p.newFront(settings, log)
	if err != nil {
		return err
	}
	defer front.close()
	store, db, err := p.awaitStore(ctx, settings, log, front)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	defer store.Close()
	front.logAddresses(log)
	return p.serveOn(ctx, front, store, settings, log, db.died())
}

// startTraces starts tracing if the environment asks for it. stop sends the rest.
func (p *program) startTraces(ctx context.Context, log *slog.Logger) (stop func(), err error) {
	if !tracing.Wanted(p.Environ) {
		return func() {}, nil
	}
	end, err := tracing.Start(ctx, logging.Named(log, logging.HTTP))
	if err != nil {
		return nil, err
	}
	return func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
		defer cancel()
		if err := end(limited); err != nil {
			log.Warn("the last traces could not be sent", "error", err.Error())
		}
	}, nil
}

// awaitStore opens and prepares the database. While that takes long, or fails with a
// transient error, requests are answered with 503.
func (p *program) awaitStore(ctx context.Context, settings config.Config, log *slog.Logger, front *front) (*postgres.Store, *database, error) {
	defer time.AfterFunc(acceptDelay, front.start).Stop()
	for pause := openingPause; ; pause = min(2*pause, maxOpeningPause) {
		store, db, err := p.openPrepared(ctx, settings, log)
		if err == nil || ctx.Err() != nil || !mayPass(err, settings) {
			return store, db, err
		}
		front.health.Wait(err)
		front.start()
		notifyWaiting(log, err, pause+2*openingTimeout)
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// mayPass reports whether opening the database may succeed later. Not so for a private
// one, which depends on this process alone, nor with a wrong password or missing tables,
// which the operator should see at once.
func mayPass(err error, settings config.Config) bool {
	_, configured := settings.Database()
	if errors.Is(err, postgres.ErrRefused) || errors.Is(err, postgres.ErrNotMigrated) {
		return false
	}
	return configured && (errors.Is(err, stats.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded))
}

// openPrepared opens the store and checks that the service can work with it. The start
// of a private database has no timeout.
func (p *program) openPrepared(ctx context.Context, settings config.Config, log *slog.Logger) (*postgres.Store, *database, error) {
	if _, configured := settings.Database(); configured {
		limited, cancel := context.WithTimeout(ctx, openingTimeout)
		defer cancel()
		ctx = limited
	}
	store, db, err := p.openStore(ctx, settings, log, toServe)
	if err != nil {
		return nil, nil, err
	}
	if err := prepare(ctx, store, settings, log); err != nil {
		store.Close()
		return nil, nil, errors.Join(err, db.close(ctx))
	}
	return store, db, nil
}

// stopError reports that something did not shut down properly.
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

// unlessStopped drops the error of a start that a signal ended. Such errors are of many
// kinds.
func unlessStopped(ctx context.Context, err error) error {
	if _, unclean := errors.AsType[*stopError](err); ctx.Err() != nil && !unclean {
		return nil
	}
	return err
}

// prepare checks the schema, and creates the admin client if there is none.
func prepare(ctx context.Context, store *postgres.Store, settings config.Config, log *slog.Logger) error {
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	if settings.AdminToken == "" {
		return nil
	}
	created, err := store.EnsureAdmin(ctx, string(settings.AdminToken), adminName)
	if err != nil {
		return fmt.Errorf("create the admin client of ADMIN_TOKEN: %w", err)
	}
	if created {
		log.Info("an admin client with ADMIN_TOKEN was created", "name", adminName)
	}
	return nil
}

// serveOn serves requests until ctx ends or the database dies.
func (p *program) serveOn(ctx context.Context, front *front, store *postgres.Store, settings config.Config, log *slog.Logger, died <-chan struct{}) error {
	options, err := p.serverOptions(store, settings, log)
	if err != nil {
		return err
	}
	options.Metrics = front.metrics
	api, handler := httpapi.New(options)
	front.metrics.Collect(metrics.Sources{Store: store, ReadURLs: settings.ReadURLs(), Health: front.health, Caches: api.Caches()})
	defer inBackground(ctx, api.Run,
		func(ctx context.Context) { store.KeepMerging(ctx, mergeInterval) },
		func(ctx context.Context) { releaseMemory(ctx, p.Ticks(releasePause), api.Trim) },
		func(ctx context.Context) { feedWatchdog(ctx, log) })()
	if tracing.Wanted(p.Environ) {
		handler = tracing.Handler(handler)
	}
	front.admit(handler, store)
	return front.run(ctx, died)
}

// inBackground starts the background work of the service. It runs until stop, not until
// ctx ends: requests in flight still need it.
func inBackground(ctx context.Context, work ...func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	for _, run := range work {
		group.Go(func() { run(ctx) })
	}
	return func() { cancel(); group.Wait() }
}

// releaseMemory trims the caches at every tick until ctx ends, and returns what is free to
// the system. The runtime alone keeps much of it: a service at rest hardly collects garbage.
func releaseMemory(ctx context.Context, ticks <-chan time.Time, trim func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		trim()
		debug.FreeOSMemory()
	}
}

func (p *program) serverOptions(store *postgres.Store, settings config.Config, log *slog.Logger) (httpapi.Options, error) {
	cached := httpapi.NewCache(p.Now)
	figures := disclosure.New(disclosure.Options{
		Store:       store.SumStore,
		Cache:       cached,
		Now:         p.Now,
		Location:    settings.Location(),
		MinClients:  settings.PublicMinClients,
		MinAnalyses: settings.PublicMinAnalyses,
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
		Licence:            settings.PublicLicence,
		EmbedOrigins:       settings.EmbedOrigins,
		MinAnalyses:        settings.PublicMinAnalyses,
		CoordinateDecimals: settings.PublicCoordinateDecimals,
	})
	if err != nil {
		return httpapi.Options{}, err
	}
	return httpapi.Options{
		Store:            store,
		Cache:            cached,
		Figures:          figures,
		Public:           publicapi.New(publicapi.Options{Figures: figures, Cache: cached, APIRoot: httpapi.Root}),
		Pages:            pages,
		Now:              p.Now,
		Location:         settings.Location(),
		Log:              logging.Named(log, logging.HTTP),
		Prefix:           settings.ScriptName,
		TrustProxy:       settings.FixProxy,
		MaxBodyBytes:     settings.MaxBodyBytes,
		WrongKeys:        settings.WrongKeys,
		LogAddresses:     settings.LogAddresses,
		MinBodyRate:      settings.MinBodyRate,
		RequestTimeout:   settings.RequestTimeout,
		RateLimit:        settings.RateLimit,
		RegistrationOpen: settings.ClientRegistrationOpen,
	}, nil
}
