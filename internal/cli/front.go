// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/connlimit"
	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/listen"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/upload"
	"github.com/monarc-project/stats-service/internal/webheaders"
)

// front serves requests from before the database is available until the process ends.
type front struct {
	health  *health.Checker
	metrics *metrics.Metrics
	handler atomic.Pointer[http.Handler]
	sockets *sockets
	servers []*http.Server // the first one is shut down last
	prefix  string
	drain   drainTimes
	log     *slog.Logger
	start   func() // begins to accept connections; may be called again
	failed  chan error
	open    connections
}

// drainTimes bound the shutdown of the process.
type drainTimes struct {
	delay   time.Duration // in which new requests are still served, while /readyz fails
	timeout time.Duration // for requests in flight after that
}

// newFront listens. It accepts no connection before start.
func (p *program) newFront(settings config.Config, log *slog.Logger) (*front, error) {
	log = logging.Named(log, logging.HTTP)
	opened, err := p.openSockets(settings, log)
	if err != nil {
		return nil, err
	}
	f := &front{
		health:  health.New(health.Options{Now: p.Now, Log: log, Prefix: settings.ScriptName}),
		metrics: metrics.New(stats.Types()),
		sockets: opened,
		prefix:  settings.ScriptName,
		drain:   drainTimes{delay: settings.DrainDelay, timeout: settings.DrainTimeout},
		log:     log,
		failed:  make(chan error, opened.count()),
	}
	f.metrics.Collect(metrics.Readiness{Health: f.health})
	refuse := f.metrics.CountRefused(metrics.Unavailable, f.health.Refuse)
	f.answer(refuse)
	f.addServers(settings)
	return f, nil
}

// addServers makes the servers of the sockets, and start, which begins to serve.
func (f *front) addServers(settings config.Config) {
	bodies := upload.Options{MinRate: settings.MinBodyRate, MaxDrain: settings.MaxBodyBytes}
	access := metrics.Access{Token: string(settings.MetricsToken), From: settings.MetricsAllow}
	limits := connlimit.New(connectionLimits(settings), func() { f.metrics.Refused(metrics.Connections) })
	refuse := f.metrics.CountRefused(metrics.Host, refuseHost)
	trusted := webheaders.Hosts(f.metrics.Beside(http.HandlerFunc(f.serveHTTP), access, settings.ScriptName),
		refuse, settings.TrustedHosts, settings.InstanceURL)
	requests := f.newServer(f.health.Handler(trusted)) // health checks may use any host name
	admin := f.newServer(f.health.Handler(f.metrics.Admin(access)))
	redirects := f.newServer(f.health.Handler(webheaders.Hosts(f.sockets.redirect, refuse, settings.TrustedHosts, settings.InstanceURL)))
	for _, server := range []*http.Server{requests, redirects} {
		server.Handler = webheaders.Handler(upload.Handler(server.Handler, bodies), settings.FixProxy)
		server.ConnState = func(conn net.Conn, state http.ConnState) {
			f.open.note(conn, state)
			limits.Track(conn, state)
		}
	}
	f.servers = []*http.Server{admin, redirects, requests}
	f.start = sync.OnceFunc(func() {
		f.serve(requests, f.sockets.requests)
		f.serve(redirects, f.sockets.redirected)
		f.serve(admin, f.sockets.metrics)
	})
}

// refuseHost answers a request for another host than this service.
func refuseHost(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"message":"This service does not answer to this host; the operator names others in TRUSTED_HOSTS."}`)
}

// connectionLimits returns the limits of the settings. Behind a proxy, all connections
// come from one address.
func connectionLimits(settings config.Config) connlimit.Limits {
	limits := connlimit.Limits{Total: settings.MaxConnections, PerAddress: settings.MaxConnectionsPerAddress}
	if settings.FixProxy {
		limits.PerAddress = 0
	}
	return limits
}

func (f *front) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
		ConnState:         f.open.note,
	}
}

func (f *front) serve(server *http.Server, sockets []listen.Socket) {
	for _, socket := range sockets {
		go func() { f.failed <- server.Serve(f.sockets.secured(socket)) }()
	}
}

// urls returns the URLs of the service on this machine, without a slash at the end.
func (f *front) urls() []string {
	urls := make([]string, len(f.sockets.requests))
	for i, socket := range f.sockets.requests {
		address := listen.Address{Network: socket.Addr().Network(), Address: socket.Addr().String(), Scheme: socket.Scheme}
		urls[i] = localURL(address, f.prefix)
	}
	return urls
}

func (f *front) logAddresses(log *slog.Logger) {
	for _, socket := range f.sockets.metrics {
		log.Info("metrics and profiles are served", "address", socket.Addr().String())
	}
	for i, url := range f.urls() {
		if !f.sockets.requests[i].IsUnix() {
			url += "/"
		}
		log.Info("the service listens", "url", url)
	}
}

// serveHTTP has callers close their connections while the process shuts down: closing
// an idle one here could race with the next request.
func (f *front) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if f.health.Draining() {
		w.Header().Set("Connection", "close")
	}
	(*f.handler.Load()).ServeHTTP(w, r)
}

// answer makes handler serve all further requests.
func (f *front) answer(handler http.Handler) { f.handler.Store(&handler) }

// admit makes the handler serve all further requests, with its database.
func (f *front) admit(handler http.Handler, store *postgres.Store) {
	f.answer(handler)
	f.health.Serve(store)
	f.start()
	notify(f.log, ready)
}

// run serves until ctx ends or the private database dies, and then finishes the
// requests in flight.
func (f *front) run(ctx context.Context, died <-chan struct{}) error {
	select {
	case err := <-f.failed:
		return fmt.Errorf("serve: %w", err)
	case <-died:
		f.close()
		return errors.New("the private database has ended by itself; its log in DATA_DIR says why")
	case <-ctx.Done():
	}
	f.log.Info("the service stops")
	f.health.Drain()
	notify(f.log, stops)
	select {
	case err := <-f.failed:
		return stopping(fmt.Errorf("serve: %w", err))
	case <-time.After(f.drain.delay):
	}
	f.sockets.close()
	for range f.sockets.count() {
		<-f.failed // a server that still accepts could miss a connection at shutdown
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.drain.timeout)
	defer cancel()
	f.open.awaitIdle(limited)
	for _, server := range slices.Backward(f.servers) {
		if err := server.Shutdown(limited); err != nil {
			f.close()
			return stopping(fmt.Errorf("some requests were cut off: %w", err))
		}
	}
	return nil
}

// close closes everything at once.
func (f *front) close() {
	for _, server := range f.servers {
		_ = server.Close() // so does the end of the process
	}
	f.sockets.close() // the servers do not own them before start
}
