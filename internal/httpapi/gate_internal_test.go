package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// TestGate lets in what there is room for: twice the largest body.
func TestGate(t *testing.T) {
	t.Parallel()
	const largest = 10 << 20
	crowd := newGate(largest, time.Millisecond, nil)
	within := func(size int64, then func() error) error {
		request := httptest.NewRequest("POST", "/", strings.NewReader(""))
		request.ContentLength = size
		c := echo.New().NewContext(request, httptest.NewRecorder())
		return crowd.admit(func(echo.Context) error { return then() })(c)
	}
	inside := errors.New("inside")
	arrive := func() error { return inside }
	for range 2 { // the second time, all room has been given back
		err := within(largest, func() error {
			return within(-1, func() error { // of unknown length
				for size, want := range map[int64]error{
					largest:       errCrowded,
					largeBody:     errCrowded,
					-1:            errCrowded,
					largeBody - 1: inside,
					largest + 1:   inside, // to be refused there
				} {
					if got := within(size, arrive); !errors.Is(got, want) {
						t.Errorf("%d bytes: %v, want %v", size, got, want)
					}
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestGateAndHangUp gives up with the caller, who is no case for an error of
// the service.
func TestGateAndHangUp(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	full := newGate(largeBody, time.Hour, nil)
	if err := full.enter(t.Context(), bodiesAtOnce*weight(largeBody)); err != nil {
		t.Fatal(err)
	}
	if err := full.enter(ctx, largeBody); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestCrowded asks the caller to come back.
func TestCrowded(t *testing.T) {
	t.Parallel()
	if p := problemOf(errCrowded); p.status != http.StatusServiceUnavailable || p.retryAfter == 0 || p.message == "" {
		t.Errorf("problem %+v", p)
	}
}
