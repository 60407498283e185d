// Package httpapi serves API v1: it maps requests to the domain, asks the store
// and maps results and errors to the answers that openapi/openapi.yaml describes.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Root is the path of API v1 below the prefix of the service.
const Root = "/api/v1"

// Options are what the server needs.
type Options struct {
	Store    *postgres.Store
	Public   public.StrictServerInterface // the routes beside the API
	Now      func() time.Time
	Location *time.Location // decides which day "today" is
	Log      *slog.Logger

	Prefix           string  // path prefix such as "/x", without trailing slash; may be empty
	TrustProxy       bool    // honour X-Forwarded-Prefix, -For, -Proto and -Host
	MaxBodyBytes     int64   // largest body that is read
	RateLimit        float64 // requests per second and caller; 0: no limit
	RegistrationOpen bool    // clients may be created without the token of an admin
}

// Server answers API v1.
type Server struct {
	store            *postgres.Store
	now              func() time.Time
	location         *time.Location
	log              *slog.Logger
	registrationOpen bool
	seen             *seen
}

var _ server.StrictServerInterface = (*Server)(nil)

// New returns the server and the handler of all its routes.
func New(opts Options) (*Server, http.Handler) {
	s := &Server{
		store:            opts.Store,
		now:              opts.Now,
		location:         opts.Location,
		log:              opts.Log,
		registrationOpen: opts.RegistrationOpen,
		seen:             newSeen(opts.Store, opts.Now, opts.Log),
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Binder = binder{maxBytes: opts.MaxBodyBytes}
	e.HTTPErrorHandler = s.handleError
	e.IPExtractor = echo.ExtractIPDirect()
	if opts.TrustProxy {
		e.IPExtractor = echo.ExtractIPFromXFFHeader()
	}
	e.Pre(securityHeaders, tidyPath(opts.Prefix, opts.TrustProxy))
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisableStackAll: true, LogErrorFunc: recovered}))
	if opts.RateLimit > 0 {
		e.Use(limitRate(opts.RateLimit))
	}
	routes := apiRoutes{Echo: e, authenticate: s.authenticate}
	server.RegisterHandlersWithBaseURL(routes, server.NewStrictHandler(s, nil), Root)
	public.RegisterHandlers(e, public.NewStrictHandler(opts.Public, nil))
	registerDocuments(e)
	return s, e
}

// Run writes what is gathered about clients until ctx ends, and once more then.
func (s *Server) Run(ctx context.Context) { s.seen.run(ctx) }

// today returns midnight UTC of the current day in the configured time zone.
func (s *Server) today() time.Time { return stats.Today(s.now(), s.location) }

// recovered turns a panic into an error that is answered and logged as any other.
func recovered(_ echo.Context, err error, stack []byte) error {
	return &panicError{cause: err, stack: string(stack)}
}

// securityHeaders keeps answers from being taken for anything but what they are.
func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		return next(c)
	}
}
