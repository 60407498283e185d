package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/logging"
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

type requestIDKey struct{}

// requestID returns the id of the request, by which its log lines are found.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// observe gives every request an id, reads on which terms it wants its answer,
// and logs it when it was answered.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.now()
		r := c.Request()
		id := r.Header.Get(echo.HeaderXRequestID)
		if !requestIDForm.MatchString(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		ctx := answer.WithTerms(context.WithValue(r.Context(), requestIDKey{}, id), r.Header)
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

// failureKey is where handleError leaves what it answered for logRequest.
const failureKey = "failure"

// failure is an error and what the caller was told of it.
type failure struct {
	problem problem
	cause   error
}

// logRequest writes one line, with the cause where the request failed. It never
// has a token or something of a body.
func (s *Server) logRequest(c echo.Context, start time.Time, whole bool) {
	r := c.Request()
	ctx := r.Context()
	level, message, status := slog.LevelInfo, "request", c.Response().Status
	failed, isFailure := c.Get(failureKey).(failure)
	if isFailure {
		status = failed.problem.status
		level, message = levelOf(status), failed.problem.message
	}
	log := s.areas.of(c.Path())
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("method", methodName(r.Method)),
		slog.String("route", c.Path()),
		slog.Int("status", status),
		slog.Duration("duration", s.now().Sub(start)),
		slog.Int64("bytes", c.Response().Size),
	)
	if client, known := caller(ctx); known {
		attrs = append(attrs, slog.String("client", client.Name))
	}
	attrs = append(attrs, slog.String("request_id", requestID(ctx)))
	if !whole {
		attrs = append(attrs, slog.Bool("cut_off", true))
	}
	if isFailure {
		attrs = append(attrs, causeOf(failed.cause)...)
	}
	log.LogAttrs(ctx, level, message, attrs...)
}

// methodName keeps what callers make up out of the log.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete,
		http.MethodHead, http.MethodPut, http.MethodOptions:
		return method
	}
	return "other"
}
