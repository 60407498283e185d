package httpapi

import (
	"math"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/time/rate"
)

// idleLimiter is how long an allowance is remembered after its last request.
const idleLimiter = 3 * time.Minute

// limitRate lets a caller make perSecond requests, and as many more at once.
// A caller is its network address: a key proves nothing before it was looked up.
func limitRate(perSecond float64) echo.MiddlewareFunc {
	burst := int(math.Max(1, math.Ceil(2*perSecond)))
	wait := &tooManyError{seconds: int(math.Max(1, math.Ceil(1/perSecond)))}
	return middleware.RateLimiterWithConfig(middleware.RateLimiterConfig{
		Store: middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
			Rate:      rate.Limit(perSecond),
			Burst:     burst,
			ExpiresIn: idleLimiter,
		}),
		IdentifierExtractor: func(c echo.Context) (string, error) { return c.RealIP(), nil },
		DenyHandler:         func(echo.Context, string, error) error { return wait },
	})
}
