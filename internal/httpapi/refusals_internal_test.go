// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/stats"
)

// TestRefusedBodies answers clients whose large bodies are refused later and later, and
// nobody else: not other clients, not small bodies, and not what is accepted. Time is that
// of the test.
func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		admit := admitBodies(Options{MaxBodyBytes: 1 << 20})(1 << 20)
		took := func(client int64, length int64, cause error) time.Duration {
			request := httptest.NewRequest("POST", "/", strings.NewReader(""))
			request.ContentLength = length
			request = request.WithContext(context.WithValue(t.Context(), callerKey{}, stats.Client{ID: client}))
			begun := time.Now()
			if err := admit(func(echo.Context) error { return cause })(echo.New().NewContext(request, httptest.NewRecorder())); err != cause {
				t.Errorf("error %v", err)
			}
			return time.Since(begun)
		}
		refused := stats.Invalid("data", "is wrong")
		for i := range refusalBurst {
			if got := took(1, mediumBody+1, refused); got != 0 {
				t.Errorf("refusal %d is %s late", i, got)
			}
		}
		for _, length := range []int64{mediumBody + 1, largeBody + 1, 2 << 20, -1} {
			if got := took(1, length, refused); got != refusalDelay {
				t.Errorf("a refusal of %d bytes beyond the burst is %s late", length, got)
			}
			took(1, length, refused) // was saved up meanwhile
		}
		for what, got := range map[string]time.Duration{
			"another client": took(2, mediumBody+1, refused), "a small body": took(1, mediumBody, refused), "what is accepted": took(1, mediumBody+1, nil),
			"what is not the client's fault": took(1, mediumBody+1, errOverloaded),
		} {
			if got != 0 {
				t.Errorf("%s is answered %s late", what, got)
			}
		}
		ctx, disconnect := context.WithCancel(t.Context())
		request := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat(" ", mediumBody+1)))
		request = request.WithContext(context.WithValue(ctx, callerKey{}, stats.Client{ID: 1}))
		disconnect()
		begun := time.Now()
		_ = admit(func(echo.Context) error { return refused })(echo.New().NewContext(request, httptest.NewRecorder()))
		if late := time.Since(begun); late != 0 {
			t.Errorf("a caller that is gone is waited for, %s", late)
		}
	})
}
