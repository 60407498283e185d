// SPDX-License-Identifier: AGPL-3.0-or-later

// Package httpapi serves API v1: it maps requests to the domain, asks the store
// and maps results and errors to the answers that openapi/openapi.yaml describes.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/upload"
	"github.com/monarc-project/stats-service/internal/webheaders"
	"github.com/monarc-project/stats-service/internal/wrongkeys"
)

// Root is the path of API v1 below the prefix of the service.
const Root = "/api/v1"

// NewCache returns a cache for the answers of a server and what they are computed from.
// It takes at most 32 MB. If the notification of a change gets lost, entries are stale
// for at most a minute.
func NewCache(now func() time.Time) *cache.Cache {
	return cache.New(cache.Options{MaxBytes: 32 << 20, MaxAge: time.Minute, Now: now})
}

// Options are what the server needs.
type Options struct {
	Store    *postgres.Store
	Cache    *cache.Cache           // shared with the public routes and the pages, see NewCache; nil: one of its own
	Figures  *disclosure.Control    // the public figures, for comparisons
	Public   public.ServerInterface // the routes beside the API
	Pages    Pages                  // the pages for people; nil: none
	Now      func() time.Time
	Location *time.Location // decides which day "today" is
	Log      *slog.Logger
	Metrics  *metrics.Metrics // nil: nothing is counted

	Prefix           string        // path prefix such as "/x", without trailing slash; may be empty
	TrustProxy       bool          // honour X-Forwarded-Prefix, -For, -Proto and -Host
	MaxBodyBytes     int64         // largest accepted body
	MinBodyRate      int64         // minimum bytes per second at which a body arrives; 0: no limit
	RateLimit        float64       // requests per second and caller; 0: no limit
	WrongKeys        int           // wrong keys that an address may send before it must wait; 0: no limit
	LogAddresses     bool          // logs the addresses of callers
	RequestTimeout   time.Duration // until the answer of a request begins; 0: 25 s
	RegistrationOpen bool          // clients may be created without an admin token

	BodyGrace      time.Duration // added to the time that MinBodyRate allows; 0: 10 s
	AcquireTimeout time.Duration // that a large body waits for others, and a list for those of its client; 0: 10 s
	RefusalDelay   time.Duration // delays the answers to many refused large bodies; 0: 2 s
}

// Pages are pages for people, which bring their own routes.
type Pages interface {
	// Register adds the routes. identify finds the client of a token from a form; it
	// returns the same errors as for a request with a key.
	Register(e *echo.Echo, identify func(c echo.Context, token string) (stats.Client, error))
	// Problem answers a failed request with a page if a person is to read it.
	Problem(c echo.Context, status int, cause error) (sent bool, err error)
}

// Server answers API v1.
type Server struct {
	store            *postgres.Store
	figures          *disclosure.Control
	now              func() time.Time
	location         *time.Location
	log              *slog.Logger
	loggers          loggers
	registrationOpen bool
	cache            *cache.Cache
	tokens           *cache.Cache
	seen             *lastSeenRecorder
	keys             *audit.Keys
	metrics          *metrics.Metrics
	pages            Pages
	rateLimit        *rateLimit
	wrongKeys        *wrongkeys.Limiter
	logAddresses     bool
	decoders         *decoders
	lists            *listLimits
	requests         *clientShares
}

var _ server.StrictServerInterface = (*Server)(nil)

// New returns the server and the handler of all its routes.
func New(opts Options) (*Server, http.Handler) {
	if opts.RequestTimeout == 0 {
		opts.RequestTimeout = defaultRequestTimeout
	}
	if opts.AcquireTimeout == 0 {
		opts.AcquireTimeout = acquireTimeout
	}
	if opts.Cache == nil {
		opts.Cache = NewCache(opts.Now)
	}
	s := &Server{
		store:            opts.Store,
		figures:          opts.Figures.ForClients(),
		now:              opts.Now,
		location:         opts.Location,
		log:              opts.Log,
		loggers:          newLoggers(opts.Log),
		registrationOpen: opts.RegistrationOpen,
		pages:            opts.Pages,
		metrics:          opts.Metrics,
		logAddresses:     opts.LogAddresses,
		cache:            opts.Cache,
		tokens:           newTokenCache(opts.Now),
		seen:             newLastSeenRecorder(opts.Store.ClientStore, opts.Now, opts.Log),
		keys:             audit.NewKeys(opts.Store, opts.Now, opts.Log),
		decoders:         newDecoders(processors()),
		lists:            newListLimits(opts.Store.ListsAtOnce(), opts.AcquireTimeout),
		requests:         newClientShares(max(leastRequests, opts.Store.ListsAtOnce()/2)),
	}
	if opts.WrongKeys > 0 {
		s.wrongKeys = wrongkeys.New(opts.WrongKeys, opts.Now)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Binder = binder{maxBytes: opts.MaxBodyBytes, decoders: s.decoders}
	e.HTTPErrorHandler = s.handleError
	e.IPExtractor = echo.ExtractIPDirect()
	if opts.TrustProxy {
		e.IPExtractor = echo.ExtractIPFromXFFHeader()
	}
	own := sync.OnceValue(func() map[string]bool { return firstSegments(e.Routes()) })
	e.Pre(s.observe, advertiseHead, privateCaching, normalizer{opts.Prefix, opts.TrustProxy, own}.middleware)
	e.Use(s.countInFlight, limitTime(opts.RequestTimeout), middleware.RecoverWithConfig(middleware.RecoverConfig{DisableStackAll: true, LogErrorFunc: recovered}))
	keyed := map[string]bool{}
	s.rateLimit = newRateLimit(opts.RateLimit, keyed)
	e.Use(s.rateLimit.middleware)
	routes := apiRoutes{Echo: e, authenticate: s.authenticate, admit: admitBodies(opts), maxBodyBytes: opts.MaxBodyBytes, keyed: keyed}
	server.RegisterHandlersWithBaseURL(routes, server.NewStrictHandler(s, []server.StrictMiddlewareFunc{releaseSlot, s.shareRequests}), Root)
	public.RegisterHandlers(e, opts.Public)
	registerDocuments(e)
	registerRetired(e)
	if opts.Pages != nil {
		opts.Pages.Register(e, s.identify)
	}
	bounded := upload.Handler(headAsGet(e), upload.Options{MinRate: opts.MinBodyRate, Grace: opts.BodyGrace, MaxDrain: opts.MaxBodyBytes})
	return s, webheaders.Handler(bounded, opts.TrustProxy)
}

// Caches returns the caches of the server by name, for metrics.
func (s *Server) Caches() map[string]metrics.Cache {
	return map[string]metrics.Cache{"answers": s.cache, "tokens": s.tokens}
}

// Trim removes the expired values of the caches.
func (s *Server) Trim() {
	s.cache.Trim()
	s.tokens.Trim()
}

// Run follows the changes of the database and records when clients were last seen,
// until ctx ends; it then records once more. Without Run nothing is cached.
func (s *Server) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.listen(ctx) })
	group.Go(func() { s.seen.run(ctx) })
	group.Go(func() { s.keys.Run(ctx) })
	group.Wait()
}

// today returns midnight UTC of the current day in the configured time zone.
func (s *Server) today() time.Time { return stats.Today(s.now(), s.location) }

// recovered turns a panic into an error that is answered and logged like any other.
func recovered(_ echo.Context, err error, stack []byte) error {
	return &panicError{cause: err, stack: string(stack)}
}

// privateCaching keeps answers to requests with a token out of shared caches. A private
// cache must revalidate them each time.
func privateCaching(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Header.Get(keyHeader) == "" {
			return next(c)
		}
		header := c.Response().Header()
		c.Response().Before(func() {
			policy := answer.CacheNever
			if header.Get("ETag") != "" {
				policy = answer.CachePrivate
			}
			header.Set("Cache-Control", string(policy))
		})
		return next(c)
	}
}
