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

// errTimedOut is the cancellation cause of a request whose deadline has passed.
var errTimedOut = errors.New("the request timed out")

// deadline cancels the context of a request that takes too long. It is paused while the
// service waits for the caller, which has limits of its own. A nil *deadline never
// expires.
type deadline struct {
	timer   *time.Timer
	timeout time.Duration
	left    time.Duration // when the timer was last started
	started time.Time     // when the timer was last started
}

type deadlineKey struct{}

func deadlineOf(ctx context.Context) *deadline {
	d, _ := ctx.Value(deadlineKey{}).(*deadline)
	return d
}

// limitTime limits a request to timeout until its answer begins, and each row of a list
// to another timeout: a database may stop answering at any moment.
func limitTime(timeout time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx, cancel := context.WithCancelCause(c.Request().Context())
			defer cancel(nil)
			timer := time.AfterFunc(timeout, func() { cancel(errTimedOut) })
			defer timer.Stop()
			d := &deadline{timer: timer, timeout: timeout, left: timeout, started: time.Now()}
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
		d.left -= time.Since(d.started)
	}
}

// resume continues with the time that was left.
func (d *deadline) resume() {
	if d != nil {
		d.started = time.Now()
		d.timer.Reset(d.left)
	}
}

// renew starts the full timeout again.
func (d *deadline) renew() {
	if d != nil {
		d.left = d.timeout
		d.resume()
	}
}
