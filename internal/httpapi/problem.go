// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/upload"
)

// statusClientGone is logged, and never seen, when the caller has disconnected.
const statusClientGone = 499

// retryAfterOutage is how many seconds a caller is asked to wait for the database. A
// failover takes some ten, which callers should not make much longer.
const retryAfterOutage = 2

// problem is an error as the caller gets it.
type problem struct {
	status     int
	message    string
	fields     map[string]string
	retryAfter int // seconds; 0: no word about it
}

var (
	errNoKey      = errors.New("no key")
	errWrongKey   = errors.New("wrong key")
	errInactive   = errors.New("inactive client")
	errOverloaded = errors.New("too many large bodies at once")
)

// tooManyError asks the caller to wait.
type tooManyError struct{ seconds int }

func (e *tooManyError) Error() string { return "too many requests" }

// notJSONError is about a body whose type the service does not read.
type notJSONError struct{ message string }

func (e *notJSONError) Error() string { return e.message }

// panicError is a panic of a handler; the stack is for the log alone.
type panicError struct {
	cause error
	stack string
}

func (e *panicError) Error() string { return "panic: " + e.cause.Error() }

// problemOf translates any error of a handler. What is not known becomes a 500
// that says nothing of the inside; the log has the cause.
func problemOf(err error) problem {
	if p, ok := requestProblem(err); ok {
		return p
	}
	if p, ok := domainProblem(err); ok {
		return p
	}
	var fromEcho *echo.HTTPError
	if errors.As(err, &fromEcho) {
		return echoProblem(fromEcho)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, answer.ErrDisconnected) {
		return problem{status: statusClientGone, message: "The request was given up."}
	}
	return problem{
		status:  http.StatusInternalServerError,
		message: "The service could not do this. Try again; if it stays, tell the operator, whose log has the cause.",
	}
}

// requestProblem is about what arrived: the key, the body, the mask.
func requestProblem(err error) (problem, bool) {
	var (
		tooLarge  *bodyTooLargeError
		tooLong   stats.TooManyItemsError
		notJSON   *notJSONError
		mask      *fieldmask.ParseError
		tooMany   *tooManyError
		wrongKeys *wrongKeysError
	)
	switch {
	case errors.Is(err, errNoKey):
		return problem{status: http.StatusUnauthorized, message: "Authentication is needed: send your token in the X-API-KEY header."}, true
	case errors.As(err, &wrongKeys):
		text := "Too many wrong tokens came from this address or began like this one; wait and try again."
		return problem{status: http.StatusTooManyRequests, message: text, retryAfter: wrongKeys.seconds}, true
	case errors.Is(err, errWrongKey):
		return problem{status: http.StatusForbidden, message: "The token in the X-API-KEY header is not known here."}, true
	case errors.Is(err, errInactive):
		return problem{status: http.StatusForbidden, message: "This client is inactive; the operator of the service can activate it."}, true
	case errors.As(err, &tooLarge):
		return problem{status: http.StatusRequestEntityTooLarge, message: tooLarge.Error()}, true
	case errors.As(err, &tooLong):
		return problem{status: http.StatusRequestEntityTooLarge, message: tooLong.Error()}, true
	case errors.As(err, &notJSON):
		return problem{status: http.StatusUnsupportedMediaType, message: notJSON.message}, true
	case errors.Is(err, errOverloaded):
		text := "The service is taking in as many large batches as it can hold; try again."
		return problem{status: http.StatusServiceUnavailable, message: text, retryAfter: retryAfterOutage}, true
	case errors.Is(err, upload.ErrTooSlow):
		return problem{status: http.StatusRequestTimeout, message: "The body of the request arrived too slowly; send it again."}, true
	case errors.Is(err, errTimedOut):
		text := "The service could not answer in time; try again."
		return problem{status: http.StatusServiceUnavailable, message: text, retryAfter: retryAfterOutage}, true
	case errors.As(err, &mask):
		return invalid(stats.Invalid(maskHeader, "%s", mask.Error())), true
	case errors.As(err, &tooMany):
		return problem{status: http.StatusTooManyRequests, message: "Too many requests; wait and try again.", retryAfter: tooMany.seconds}, true
	}
	return problem{}, false
}

// domainProblem is about what was asked for.
func domainProblem(err error) (problem, bool) {
	var (
		bad      *stats.InvalidError
		param    *processor.ParamError
		conflict *stats.ConflictError
		gone     *goneError
	)
	switch {
	case errors.As(err, &bad):
		return invalid(bad), true
	case errors.As(err, &param):
		return invalid(stats.Invalid(paramField(param), "%s", param.Reason)), true
	case errors.As(err, &conflict):
		fields := map[string]string{conflict.Field: conflict.Message}
		return problem{status: http.StatusConflict, message: conflict.Message, fields: fields}, true
	case errors.As(err, &gone):
		return problem{status: http.StatusGone, message: gone.message}, true
	case errors.Is(err, stats.ErrNotFound):
		return problem{status: http.StatusNotFound, message: "There is no such stats."}, true
	case errors.Is(err, stats.ErrForbidden):
		return problem{status: http.StatusForbidden, message: "This needs the token of an admin."}, true
	case errors.Is(err, stats.ErrBusy):
		text := "The service is busy with other requests, such as long lists that are read slowly; try again."
		return problem{status: http.StatusServiceUnavailable, message: text, retryAfter: retryAfterOutage}, true
	case errors.Is(err, stats.ErrUnavailable):
		text := "The database cannot be used at the moment; try again."
		return problem{status: http.StatusServiceUnavailable, message: text, retryAfter: retryAfterOutage}, true
	}
	return problem{}, false
}

func paramField(err *processor.ParamError) string {
	if err.Name == "" {
		return "processor_params"
	}
	return "processor_params." + err.Name
}

func invalid(err *stats.InvalidError) problem {
	return problem{status: http.StatusBadRequest, message: err.Message, fields: err.Fields}
}

// echoProblem is about what the router or a generated wrapper refused. Their
// messages name the parameter and its value, and nothing of the inside.
func echoProblem(err *echo.HTTPError) problem {
	switch err.Code {
	case http.StatusNotFound:
		return problem{status: err.Code, message: "There is nothing at this address."}
	case http.StatusMethodNotAllowed:
		return problem{status: err.Code, message: "This address does not answer to this method."}
	case http.StatusBadRequest:
		return problem{status: err.Code, message: fmt.Sprint(err.Message)}
	}
	return problem{status: err.Code, message: http.StatusText(err.Code)}
}

// asReceived: errors may quote what was sent, which need not be UTF-8.
var asReceived = json.JoinOptions(json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// handleError is the one place where errors become answers and are logged.
func (s *Server) handleError(err error, c echo.Context) {
	p := problemOf(err)
	visitOf(c.Request().Context()).failure = &failure{level: levelOf(p.status), message: p.message, status: p.status, cause: err}
	if c.Response().Committed {
		return
	}
	if p.status == statusClientGone {
		// Who has closed only its own side must not take an empty answer for success.
		p.status = http.StatusServiceUnavailable
	}
	header := c.Response().Header()
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	header.Del("Link")
	allowHead(header)
	if s.sendPage(c, p.status, err) {
		return
	}
	body, err := json.Marshal(api.Error{Message: p.message, Errors: p.fields}, asReceived)
	if err != nil {
		s.log.Error("encode error answer", "error", err)
		return
	}
	if err := answer.Send(c.Response(), p.status, body); err != nil {
		s.log.Debug("send error answer", "error", err)
	}
}

// sendPage answers with a page, and reports whether one was wanted.
func (s *Server) sendPage(c echo.Context, status int, cause error) bool {
	if s.pages == nil {
		return false
	}
	sent, err := s.pages.Problem(c, status, cause)
	if err != nil {
		s.log.Error("send error page", "error", err)
	}
	return sent && (err == nil || c.Response().Committed)
}

// causeOf is what the log tells of an error and the caller is not told.
func causeOf(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("cause", err)}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", panicked.stack))
	}
	return attrs
}

// levelOf is that of any request unless the service is at fault.
func levelOf(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}
