// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/time/rate"

	"github.com/monarc-project/stats-service/internal/origin"
	"github.com/monarc-project/stats-service/internal/stats"
)

// idleLimiter is how long a limiter is kept after its last request.
const idleLimiter = 3 * time.Minute

// rateLimit gives each client with a valid key a rate per second and bursts of twice as
// many, independent of others behind the same address. Requests without one share the
// limit of their address (for IPv6, of the /64). A nil *rateLimit allows everything.
type rateLimit struct {
	store middleware.RateLimiterStore
	wait  *tooManyError
	keyed map[string]bool // routes whose requests authenticate counts
}

func newRateLimit(perSecond float64, keyed map[string]bool) *rateLimit {
	if perSecond <= 0 {
		return nil
	}
	return &rateLimit{
		keyed: keyed,
		store: middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
			Rate:      rate.Limit(perSecond),
			Burst:     int(math.Max(1, math.Ceil(2*perSecond))),
			ExpiresIn: idleLimiter,
		}),
		wait: &tooManyError{seconds: int(math.Max(1, math.Ceil(1/perSecond)))},
	}
}

// middleware counts requests whose key is not looked up; authenticate counts the others.
func (l *rateLimit) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	if l == nil {
		return next
	}
	return func(c echo.Context) error {
		if l.keyed[routeOf(c.Request().Method, c.Path())] && c.Request().Header.Get(keyHeader) != "" {
			return next(c)
		}
		if err := l.ofAddress(c); err != nil {
			return err
		}
		return next(c)
	}
}

// ofAddress returns a *tooManyError if the address is above its limit.
func (l *rateLimit) ofAddress(c echo.Context) error {
	return l.count("address " + origin.OfText(c.RealIP()).String())
}

// ofClient returns a *tooManyError if the client is above its limit.
func (l *rateLimit) ofClient(client stats.Client) error {
	return l.count("client " + strconv.FormatInt(client.ID, 10))
}

func (l *rateLimit) count(caller string) error {
	if l == nil {
		return nil
	}
	allowed, err := l.store.Allow(caller)
	if err != nil {
		return fmt.Errorf("limit the rate of requests: %w", err)
	}
	if !allowed {
		return l.wait
	}
	return nil
}

// wrongKeysError reports that the caller has sent too many wrong keys.
type wrongKeysError struct{ seconds int }

func (e *wrongKeysError) Error() string { return "too many wrong keys" }
func (e *wrongKeysError) Unwrap() error { return errWrongKey }

// refuseKey returns the error for a wrong key, after a delay that grows with the number
// of wrong keys.
func (s *Server) refuseKey(c echo.Context, token string) error {
	if err := s.rateLimit.ofAddress(c); err != nil {
		return err
	}
	delay, blocked := s.wrongKeys.Failed(origin.OfText(c.RealIP()), token)
	if blocked {
		s.keys.Blocked(c.RealIP())
		return &wrongKeysError{seconds: int(math.Ceil(delay.Seconds()))}
	}
	s.keys.Unknown(c.RealIP())
	if delay == 0 {
		return errWrongKey
	}
	select {
	case <-time.After(delay):
		return errWrongKey
	case <-c.Request().Context().Done():
		return c.Request().Context().Err()
	}
}
