// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"errors"
	"fmt"
	"testing"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/upload"
)

// TestEveryRefusalIsCounted checks the reason of every error that refuses a request, and that every reason
// is given, except those of the servers in front of this package.
func TestEveryRefusalIsCounted(t *testing.T) {
	t.Parallel()
	given := map[metrics.Reason]bool{metrics.Host: true, metrics.Connections: true}
	for _, tt := range []struct {
		cause error
		want  metrics.Reason // "": not refused
	}{
		{errNoKey, metrics.NoKey},
		{errWrongKey, metrics.WrongKey},
		{errInactive, metrics.WrongKey},
		{&wrongKeysError{seconds: 1}, metrics.WrongKey},
		{&tooManyError{seconds: 1}, metrics.RateLimit},
		{&bodyTooLargeError{limit: 1}, metrics.TooLarge},
		{upload.ErrTooSlow, metrics.TooSlow},
		{errOverloaded, metrics.Overloaded},
		{stats.ErrBusy, metrics.Overloaded},
		{stats.ErrUnavailable, metrics.Unavailable},
		{errTimedOut, metrics.Unavailable},
		{stats.ErrNotFound, ""},
		{stats.Invalid("data", "is wrong"), ""},
		{errors.New("a fault"), ""},
	} {
		got, refused := refusal(fmt.Errorf("post: %w", tt.cause))
		if got != tt.want || refused != (tt.want != "") {
			t.Errorf("%v: reason %q (%t), want %q", tt.cause, got, refused, tt.want)
		}
		given[got] = true
	}
	for _, reason := range metrics.Reasons() {
		if !given[reason] {
			t.Errorf("no error has the reason %s", reason)
		}
	}
}
