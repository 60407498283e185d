package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/listen"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// front takes requests from before the database is there until the process ends.
type front struct {
	health  *health.Checker
	handler atomic.Pointer[http.Handler]
	server  *http.Server
	sockets []listen.Socket
	prefix  string
	drain   drainTimes
	log     *slog.Logger
	start   func() // accepts connections from now on; may be called again
	failed  chan error
}

// drainTimes are how long the end of a process may take.
type drainTimes struct {
	delay   time.Duration // for which new requests are still taken, while /readyz says to send none
	timeout time.Duration // for requests that are under way then
}

// newFront listens, and accepts no connection before it is started.
func (p *program) newFront(settings config.Config, log *slog.Logger) (*front, error) {
	sockets, err := openSockets(settings)
	if err != nil {
		return nil, err
	}
	log = logging.Named(log, logging.HTTP)
	f := &front{
		health:  health.New(health.Options{Now: p.Now, Log: log, Prefix: settings.ScriptName}),
		sockets: sockets,
		prefix:  settings.ScriptName,
		drain:   drainTimes{delay: settings.DrainDelay, timeout: settings.DrainTimeout},
		log:     log,
		failed:  make(chan error, len(sockets)),
	}
	f.answer(http.HandlerFunc(f.health.Refuse))
	f.server = &http.Server{
		Handler:           f.health.Handler(http.HandlerFunc(f.serveHTTP)),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	f.start = sync.OnceFunc(func() {
		for _, socket := range sockets {
			go func() { f.failed <- f.server.Serve(socket) }()
		}
	})
	return f, nil
}

// openSockets returns those of systemd or, without any, opens those of the settings.
func openSockets(settings config.Config) ([]listen.Socket, error) {
	sockets, err := listen.Activated()
	if err != nil || len(sockets) > 0 {
		return sockets, err
	}
	sockets, err = listen.Open(settings.Listen())
	if err != nil {
		return nil, fmt.Errorf("%w (LISTEN, or HOST and PORT, choose another address)", err)
	}
	return sockets, nil
}

// urls are those of the service, without slash at the end, for somebody on this
// machine.
func (f *front) urls() []string {
	urls := make([]string, len(f.sockets))
	for i, socket := range f.sockets {
		address := listen.Address{Network: socket.Addr().Network(), Address: socket.Addr().String(), Scheme: socket.Scheme}
		urls[i] = localURL(address, f.prefix)
	}
	return urls
}

func (f *front) logAddresses(log *slog.Logger) {
	for i, url := range f.urls() {
		if !f.sockets[i].IsUnix() {
			url += "/"
		}
		log.Info("the service listens", "url", url)
	}
}

// serveHTTP asks callers to come back on another connection while the process
// ends: closing one that is idle could cross with their next request.
func (f *front) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if f.health.Draining() {
		w.Header().Set("Connection", "close")
	}
	(*f.handler.Load()).ServeHTTP(w, r)
}

// answer has requests answered by handler from now on.
func (f *front) answer(handler http.Handler) { f.handler.Store(&handler) }

// open serves with the handler and its database.
func (f *front) open(handler http.Handler, store *postgres.Store) {
	f.answer(handler)
	f.health.Serve(store)
	f.start()
	notify(f.log, ready)
}

// run serves until ctx ends or the private database dies, and lets requests end
// that are under way.
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
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.drain.timeout)
	defer cancel()
	if err := f.server.Shutdown(limited); err != nil {
		return stopping(errors.Join(fmt.Errorf("some requests were cut off: %w", err), f.server.Close()))
	}
	return nil
}

// close ends everything at once.
func (f *front) close() {
	_ = f.server.Close()
	listen.Close(f.sockets) // the server does not know them before its start
}
