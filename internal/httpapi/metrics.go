// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/tracing"
	"github.com/monarc-project/stats-service/internal/upload"
)

// countInFlight counts running requests by class, once their route is known.
func (s *Server) countInFlight(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		defer s.metrics.InFlight(classOf(c.Request().Method, c.Path()))()
		return next(c)
	}
}

// classOf returns the class of the requests of a route.
func classOf(method, route string) metrics.Class {
	switch {
	case strings.HasPrefix(route, Root+"/stats/processed"), strings.HasPrefix(route, "/stats"):
		return metrics.Process
	case strings.HasPrefix(route, Root+"/stats") && method == http.MethodGet:
		return metrics.List
	case strings.HasPrefix(route, Root+"/stats"):
		return metrics.Write
	}
	return metrics.Other
}

// countAnswer counts an answered request, with the reason if it was refused.
func (s *Server) countAnswer(c echo.Context, status int, took time.Duration) {
	tracing.NameRoute(c.Request().Context(), methodName(c.Request()), c.Path())
	s.metrics.Request(methodName(c.Request()), c.Path(), status, took)
	failed := requestInfoOf(c.Request().Context()).failure
	if failed == nil {
		return
	}
	if reason, refused := refusal(failed.cause); refused {
		s.metrics.Refused(reason)
	}
}

// refusal returns the reason why a request was refused before processing, if it was.
func refusal(err error) (metrics.Reason, bool) {
	if _, tooMany := errors.AsType[*tooManyError](err); tooMany {
		return metrics.RateLimit, true
	}
	if _, tooLarge := errors.AsType[*bodyTooLargeError](err); tooLarge {
		return metrics.TooLarge, true
	}
	for cause, reason := range map[error]metrics.Reason{
		errNoKey: metrics.NoKey, errWrongKey: metrics.WrongKey, errInactive: metrics.WrongKey,
		errOverloaded: metrics.Overloaded, stats.ErrBusy: metrics.Overloaded, stats.ErrUnavailable: metrics.Unavailable,
		errTimedOut: metrics.Unavailable, upload.ErrTooSlow: metrics.TooSlow,
	} {
		if errors.Is(err, cause) {
			return reason, true
		}
	}
	return "", false
}

// countStored counts the results of a batch.
func (s *Server) countStored(results []stats.Result) {
	for _, result := range results {
		if result.Status == stats.Stored {
			s.metrics.Stored(result.Stat.Type)
		} else {
			s.metrics.Duplicate(result.Stat.Type)
		}
	}
}
