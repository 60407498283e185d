// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/tracing"
)

// areas are the loggers of the parts of the API.
type areas struct {
	client, stats, processed, other *slog.Logger
}

func newAreas(log *slog.Logger) areas {
	return areas{
		client:    logging.Named(log, logging.APIClient),
		stats:     logging.Named(log, logging.APIStats),
		processed: logging.Named(log, logging.APIProcessed),
		other:     logging.Named(log, logging.HTTP),
	}
}

// of returns the logger of a route.
func (a areas) of(route string) *slog.Logger {
	switch {
	case strings.HasPrefix(route, Root+"/client"):
		return a.client
	case strings.HasPrefix(route, Root+"/stats/processed"):
		return a.processed
	case strings.HasPrefix(route, Root+"/stats"):
		return a.stats
	}
	return a.other
}

// requestIDForm is what an id of a request may look like that is taken over: it
// goes into logs and into headers.
var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,100}$`)

type visitKey struct{}

// visit is what is found out about a request while it is answered, by the one
// goroutine that does so.
type visit struct {
	id      string   // by which the lines of the request are found
	failure *failure // nil: none so far
}

// visitOf returns the visit of a request, or one of nobody.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

func (v *visit) idAttr() slog.Attr { return slog.String("request_id", v.id) }

// failure is an error as its line tells it.
type failure struct {
	level   slog.Level
	message string
	status  int // 0: what was sent
	cause   error
}

// observe gives every request an id, reads the form in which it wants its answer,
// and logs it when it was answered.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.now()
		r := c.Request()
		v := &visit{id: r.Header.Get(echo.HeaderXRequestID)}
		if !requestIDForm.MatchString(v.id) {
			v.id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, v.id)
		ctx := answer.WithNegotiation(context.WithValue(r.Context(), visitKey{}, v), r.Header)
		c.SetRequest(r.WithContext(ctx))
		whole := false // stays so when the answer is cut off by a panic
		defer func() { s.logRequest(c, start, whole) }()
		if err := next(c); err != nil {
			c.Error(err)
		}
		whole = true
		return nil
	}
}

// logRequest writes one line, with the cause where the request failed. It never
// has a token or something of a body.
func (s *Server) logRequest(c echo.Context, start time.Time, whole bool) {
	r := c.Request()
	ctx := r.Context()
	failed := visitOf(ctx).failure
	level, message, status := slog.LevelInfo, "request", c.Response().Status
	if failed != nil {
		level, message = failed.level, failed.message
	}
	if failed != nil && failed.status != 0 {
		status = failed.status
	}
	took := s.now().Sub(start)
	s.countAnswer(c, status, took)
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", methodName(r)),
		slog.String("route", c.Path()),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.Int64("bytes", c.Response().Size),
	)
	if client, known := caller(ctx); known {
		attrs = append(attrs, slog.String("client", client.Name))
	}
	if s.logAddresses {
		attrs = append(attrs, slog.String("address", c.RealIP()))
	}
	attrs = append(attrs, visitOf(ctx).idAttr())
	if trace := tracing.ID(ctx); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace))
	}
	if !whole {
		attrs = append(attrs, slog.Bool("cut_off", true))
	}
	if failed != nil {
		attrs = append(attrs, causeOf(failed.cause)...)
	}
	s.logVisit(ctx, s.areas.of(c.Path()), level, message, attrs...)
}

// logVisit writes a line about the request by the clock of the server, in the name
// of the function that calls it.
func (s *Server) logVisit(ctx context.Context, log *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
	if !log.Enabled(ctx, level) {
		return
	}
	var callers [1]uintptr
	runtime.Callers(2, callers[:]) // without Callers and this function
	record := slog.NewRecord(s.now(), level, message, callers[0])
	record.AddAttrs(attrs...)
	_ = log.Handler().Handle(ctx, record) // as the logger itself does
}

// methodName keeps what callers make up out of the log.
func methodName(r *http.Request) string {
	if isHead(r.Context()) {
		return http.MethodHead
	}
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete,
		http.MethodPut, http.MethodOptions:
		return r.Method
	}
	return "other"
}
