// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"
)

// defaultRequestTimeout is shorter than the 30 s for which front offices wait.
const defaultRequestTimeout = 25 * time.Second

// errTimedOut is the cause of a request's context that its deadline ended.
var errTimedOut = errors.New("the request timed out")

// deadline ends the context of a request that takes too long. It is paused while the
// service waits for the caller, which has limits of its own. A nil *deadline never
// ends.
type deadline struct {
	timer   *time.Timer
	timeout time.Duration
	left    time.Duration
	running time.Time // since when
}

type deadlineKey struct{}

func deadlineOf(ctx context.Context) *deadline {
	d, _ := ctx.Value(deadlineKey{}).(*deadline)
	return d
}

// limitTime gives a request timeout until its answer begins, and timeout again for each
// row of a list: a database may stop answering at any moment.
func limitTime(timeout time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx, cancel := context.WithCancelCause(c.Request().Context())
			defer cancel(nil)
			timer := time.AfterFunc(timeout, func() { cancel(errTimedOut) })
			defer timer.Stop()
			d := &deadline{timer: timer, timeout: timeout, left: timeout, running: time.Now()}
			c.SetRequest(c.Request().WithContext(context.WithValue(ctx, deadlineKey{}, d)))
			err := next(c)
			if err != nil && timedOut(ctx) {
				return fmt.Errorf("%w after %s: %w", errTimedOut, timeout, err)
			}
			return err
		}
	}
}

func timedOut(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTimedOut) }

// pause stops the clock until resume or renew.
func (d *deadline) pause() {
	if d != nil && d.timer.Stop() {
		d.left -= time.Since(d.running)
	}
}

// resume continues with the time that was left.
func (d *deadline) resume() {
	if d != nil {
		d.running = time.Now()
		d.timer.Reset(d.left)
	}
}

// renew starts the whole time again.
func (d *deadline) renew() {
	if d != nil {
		d.left = d.timeout
		d.resume()
	}
}
