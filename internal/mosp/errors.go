// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// errTimeout is the cause of a request that exceeded the client's own limit.
type errTimeout struct{ limit time.Duration }

// Error implements error.
func (e errTimeout) Error() string { return fmt.Sprintf("no answer within %s", e.limit) }

// Is reports whether target is [context.DeadlineExceeded].
func (e errTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// explainFailure returns the error for a request without an answer.
func explainFailure(ctx context.Context, err error) error {
	if ended := explainEnd(ctx); ended != nil {
		return ended
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the URL, which may contain a password
	}
	if errors.Is(err, errPrivate) {
		return fmt.Errorf("%w; set MOSP_ALLOW_PRIVATE if that is intended", err)
	}
	if errors.Is(err, errRedirects) || errors.Is(err, errElsewhere) {
		return fmt.Errorf("%w; set MOSP_URL to the final address", err)
	}
	return fmt.Errorf("it cannot be reached: %w; check MOSP_URL, the network and the proxy", err)
}

// explainBreak returns the error for an answer that was cut off.
func explainBreak(ctx context.Context, err error) error {
	if ended := explainEnd(ctx); ended != nil {
		return ended
	}
	return fmt.Errorf("the answer was cut off: %w; try again", err)
}

// explainEnd returns the error for an ended ctx, or nil if ctx has not ended.
func explainEnd(ctx context.Context) error {
	cause := context.Cause(ctx)
	if cause == nil {
		return nil
	}
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w; try again later, or check MOSP_URL", cause)
	}
	return fmt.Errorf("interrupted: %w", cause)
}

// explainStatus returns the error for a status other than 200.
func explainStatus(status int) error {
	advice := "check that MOSP_URL is the address of a MOSP platform"
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		advice = "the platform has a problem, try again later"
	}
	name := strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
	return fmt.Errorf("it answered %s; %s", name, advice)
}
