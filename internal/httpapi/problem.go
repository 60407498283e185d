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

// statusClientGone is only logged: the caller has disconnected.
const statusClientGone = 499

// retryAfterOutage is the Retry-After in seconds while the database is unavailable. A
// failover takes some ten seconds, and waiting callers should not add much.
const retryAfterOutage = 2

// problem is an error as the caller gets it.
type problem struct {
	status     int
	message    string
	fields     map[string]string
	retryAfter int // seconds; 0: no Retry-After
}

var (
	errNoKey      = errors.New("no key")
	errWrongKey   = errors.New("wrong key")
	errInactive   = errors.New("inactive client")
	errOverloaded = errors.New("too many large bodies at once")
)

// tooManyError reports that the caller exceeds its rate.
type tooManyError struct{ seconds int }

func (e *tooManyError) Error() string { return "too many requests" }

// notJSONError reports a body that is not declared as plain JSON.
type notJSONError struct{ message string }

func (e *notJSONError) Error() string { return e.message }

// panicError is a panic of a handler; the stack is only logged.
type panicError struct {
	cause error
	stack string
}

func (e *panicError) Error() string { return "panic: " + e.cause.Error() }

// problemOf translates any error of a handler. Unknown errors become a 500 without
// internals; the log has the cause.
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
		return problem{status: statusClientGone, message: "The caller has disconnected."}
	}
	return problem{
		status:  http.StatusInternalServerError,
		message: "The service failed to answer. Try again; if the error persists, tell the operator: the log has the cause.",
	}
}

// requestProblem translates errors about the request itself: the key, the body, the
// mask.
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
		text := "The service is receiving as many large batches as it can hold; try again."
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

// domainProblem translates errors about the requested stats.
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
		return problem{status: http.StatusNotFound, message: "There is no such stat."}, true
	case errors.Is(err, stats.ErrForbidden):
		return problem{status: http.StatusForbidden, message: "This needs the token of an admin."}, true
	case errors.Is(err, stats.ErrBusy):
		text := "The service is busy with other requests, such as long lists that are read slowly; try again."
		return problem{status: http.StatusServiceUnavailable, message: text, retryAfter: retryAfterOutage}, true
	case errors.Is(err, stats.ErrUnavailable):
		text := "The database is not available at the moment; try again."
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

// echoProblem translates errors of the router and of generated wrappers. Their messages
// name the parameter and its value, and no internals.
func echoProblem(err *echo.HTTPError) problem {
	switch err.Code {
	case http.StatusNotFound:
		return problem{status: err.Code, message: "There is nothing at this address."}
	case http.StatusMethodNotAllowed:
		return problem{status: err.Code, message: "This address does not support this method."}
	case http.StatusBadRequest:
		return problem{status: err.Code, message: fmt.Sprint(err.Message)}
	}
	return problem{status: err.Code, message: http.StatusText(err.Code)}
}

// asReceived allows invalid UTF-8 and duplicate names: errors may quote input.
var asReceived = json.JoinOptions(json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// handleError turns errors into answers and records them for the log. Nothing else
// does.
func (s *Server) handleError(err error, c echo.Context) {
	p := problemOf(err)
	requestInfoOf(c.Request().Context()).failure = &requestFailure{level: levelOf(p.status), message: p.message, status: p.status, cause: err}
	if c.Response().Committed {
		return
	}
	if p.status == statusClientGone {
		// A caller that closed only its sending side must not take an empty answer for
		// success.
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
		s.log.Error("an error answer could not be encoded", "error", err)
		return
	}
	if err := answer.Send(c.Response(), p.status, body); err != nil {
		s.log.Debug("an error answer could not be sent", "error", err)
	}
}

// sendPage answers with an HTML page if the caller accepts one, and reports whether it
// did.
func (s *Server) sendPage(c echo.Context, status int, cause error) bool {
	if s.pages == nil {
		return false
	}
	sent, err := s.pages.Problem(c, status, cause)
	if err != nil {
		s.log.Error("an error page could not be sent", "error", err)
	}
	return sent && (err == nil || c.Response().Committed)
}

// causeOf returns the attributes of an error that are logged but not sent to the
// caller.
func causeOf(err error) []slog.Attr {
	attrs := []slog.Attr{slog.Any("cause", err)}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", panicked.stack))
	}
	return attrs
}

// levelOf returns the log level: Info unless the service is at fault.
func levelOf(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}
