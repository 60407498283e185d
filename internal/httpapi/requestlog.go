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

// loggers has a logger for each part of the API.
type loggers struct {
	client, stats, processed, other *slog.Logger
}

func newLoggers(log *slog.Logger) loggers {
	return loggers{
		client:    logging.Named(log, logging.APIClient),
		stats:     logging.Named(log, logging.APIStats),
		processed: logging.Named(log, logging.APIProcessed),
		other:     logging.Named(log, logging.HTTP),
	}
}

// of returns the logger of a route.
func (l loggers) of(route string) *slog.Logger {
	switch {
	case strings.HasPrefix(route, Root+"/client"):
		return l.client
	case strings.HasPrefix(route, Root+"/stats/processed"):
		return l.processed
	case strings.HasPrefix(route, Root+"/stats"):
		return l.stats
	}
	return l.other
}

// requestIDForm matches acceptable request ids of callers: they go into logs and
// headers.
var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,100}$`)

type requestInfoKey struct{}

// requestInfo collects what the log says about a request. Only the goroutine that
// handles the request uses it.
type requestInfo struct {
	id      string          // in all log lines of the request
	failure *requestFailure // nil: none so far
}

// requestInfoOf returns the requestInfo of a context, or an empty one.
func requestInfoOf(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(requestInfoKey{}).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

func (info *requestInfo) idAttr() slog.Attr { return slog.String("request_id", info.id) }

// requestFailure is the error of a request for the log.
type requestFailure struct {
	level   slog.Level
	message string
	status  int // 0: the status that was sent
	cause   error
}

// observe gives every request an id, reads its content negotiation, and logs it once it
// is answered.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.now()
		r := c.Request()
		info := &requestInfo{id: r.Header.Get(echo.HeaderXRequestID)}
		if !requestIDForm.MatchString(info.id) {
			info.id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, info.id)
		ctx := answer.WithNegotiation(context.WithValue(r.Context(), requestInfoKey{}, info), r.Header)
		c.SetRequest(r.WithContext(ctx))
		complete := false // still false if a panic cuts the answer off
		defer func() { s.logRequest(c, start, complete) }()
		if err := next(c); err != nil {
			c.Error(err)
		}
		complete = true
		return nil
	}
}

// logRequest writes one line, with the cause if the request failed. It never contains a
// token or any part of a body.
func (s *Server) logRequest(c echo.Context, start time.Time, complete bool) {
	r := c.Request()
	ctx := r.Context()
	failed := requestInfoOf(ctx).failure
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
	attrs = append(attrs, requestInfoOf(ctx).idAttr())
	if trace := tracing.ID(ctx); trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace))
	}
	if !complete {
		attrs = append(attrs, slog.Bool("cut_off", true))
	}
	if failed != nil {
		attrs = append(attrs, causeOf(failed.cause)...)
	}
	s.logLine(ctx, s.loggers.of(c.Path()), level, message, attrs...)
}

// logLine writes a log line with the server's clock and the calling function as its
// source.
func (s *Server) logLine(ctx context.Context, log *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
	if !log.Enabled(ctx, level) {
		return
	}
	var callers [1]uintptr
	runtime.Callers(2, callers[:]) // without Callers and this function
	record := slog.NewRecord(s.now(), level, message, callers[0])
	record.AddAttrs(attrs...)
	_ = log.Handler().Handle(ctx, record) // as the logger itself does
}

// methodName keeps invented methods out of the log.
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
