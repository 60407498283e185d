// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

const largest = 10 << 20

// arrive returns a body of a client of which so many bytes have arrived. A negative
// length is not known.
func (a *admission) arrive(ctx context.Context, client, length, arrived int64) (*weighedBody, error) {
	body := &weighedBody{ctx: ctx, admission: a, client: client, largest: a.class.largest, covered: a.class.above, timeout: a.timeout}
	if length >= 0 {
		body.largest = length
	}
	for body.covered < arrived {
		if err := body.grow(); err != nil {
			return body, err
		}
	}
	return body, nil
}

// TestAdmissionFitsMemory lets in what there is memory for: twice the largest body.
func TestAdmissionFitsMemory(t *testing.T) {
	t.Parallel()
	a := newAdmission(largeBodies(largest), time.Millisecond, nil)
	for range 2 { // the second time, everything has been released
		first, err := a.arrive(t.Context(), 1, largest, largest)
		if err != nil {
			t.Fatal(err)
		}
		second, err := a.arrive(t.Context(), 2, -1, largest) // of unknown length
		if err != nil {
			t.Fatal(err)
		}
		if third, err := a.arrive(t.Context(), 3, largeBody+1, largeBody+1); !errors.Is(err, errOverloaded) {
			t.Errorf("a third body: %v", err)
		} else {
			third.release()
		}
		first.release() // now the second one is the oldest, and leaves room
		third, err := a.arrive(t.Context(), 3, largest, largest)
		if err != nil {
			t.Errorf("after the first has ended: %v", err)
		}
		second.release()
		third.release()
	}
	if a.weight != 0 || len(a.bodies) != 0 || len(a.clients.shares) != 0 {
		t.Errorf("left over: weight %d, %d bodies, %d clients", a.weight, len(a.bodies), len(a.clients.shares))
	}
}

// TestAdmissionOfOldest lets bodies end that have used up the memory together.
func TestAdmissionOfOldest(t *testing.T) {
	t.Parallel()
	a := newAdmission(largeBodies(largest), time.Millisecond, nil)
	var bodies []*weighedBody
	for client := range int64(20) {
		body, _ := a.arrive(t.Context(), client, largest, largest/2)
		bodies = append(bodies, body)
	}
	for i, body := range bodies {
		body.timeout = time.Hour // nobody waits: the oldest has the memory reserved
		if body.weight == 0 {
			body.release()
			continue
		}
		for body.covered < largest {
			if err := body.grow(); err != nil {
				t.Fatalf("body %d: %v", i, err)
			}
		}
		body.release()
	}
}

// TestAdmissionShare gives one client half of the memory at most, whatever it says
// about the length of its bodies.
func TestAdmissionShare(t *testing.T) {
	t.Parallel()
	a := newAdmission(largeBodies(largest), time.Millisecond, nil)
	slow, err := a.arrive(t.Context(), 1, -1, largeBody+1)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.release()
	if _, err := a.arrive(t.Context(), 1, -1, largeBody+1); !errors.Is(err, errOverloaded) {
		t.Errorf("a second body of the client: %v", err)
	}
	other, err := a.arrive(t.Context(), 2, largest, largest)
	if err != nil {
		t.Errorf("a body of another client: %v", err)
	}
	other.release()
}

// TestAdmissionCountsWhoWaits shows in the metrics a body that waits for room.
func TestAdmissionCountsWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		counted := metrics.New(stats.Types())
		a := newAdmission(largeBodies(largest), time.Minute, counted)
		wantWaiting := func(n int) {
			t.Helper()
			recorder := httptest.NewRecorder()
			counted.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
			if want := fmt.Sprintf("\nstats_service_http_requests_waiting{class=\"write\"} %d\n", n); !strings.Contains(recorder.Body.String(), want) {
				t.Errorf("the metrics lack %s", want)
			}
		}
		first, err := a.arrive(t.Context(), 1, largest, largest)
		if err != nil {
			t.Fatal(err)
		}
		second, err := a.arrive(t.Context(), 2, largest, largest)
		if err != nil {
			t.Fatal(err)
		}
		defer second.release()
		go func() {
			third, err := a.arrive(t.Context(), 3, largest, largest)
			if err != nil {
				t.Error(err)
			}
			third.release()
		}()
		synctest.Wait()
		wantWaiting(1)
		first.release()
		synctest.Wait()
		wantWaiting(0)
	})
}

// TestAdmissionBeforeReading refuses a body of a known length before anything of it is
// read, and leaves small ones and those that are too large alone.
func TestAdmissionBeforeReading(t *testing.T) {
	t.Parallel()
	a := newAdmission(largeBodies(largest), time.Millisecond, nil)
	full, err := a.arrive(t.Context(), 1, largest, largest)
	if err != nil {
		t.Fatal(err)
	}
	defer full.release()
	inside := errors.New("inside")
	for size, want := range map[int64]error{
		largest:       errOverloaded,
		largeBody + 1: errOverloaded,
		largeBody:     inside,
		largest + 1:   inside, // to be refused there
		-1:            inside, // as long as it is small
	} {
		request := httptest.NewRequest("POST", "/", strings.NewReader(""))
		request.ContentLength = size
		request = request.WithContext(context.WithValue(t.Context(), callerKey{}, stats.Client{ID: 1}))
		c := echo.New().NewContext(request, httptest.NewRecorder())
		if got := a.admit(largest, func(echo.Context) error { return inside })(c); !errors.Is(got, want) {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
}

// TestAdmissionAndDisconnect gives up with the caller, who is no case for an error of
// the service.
func TestAdmissionAndDisconnect(t *testing.T) {
	t.Parallel()
	a := newAdmission(largeBodies(largest), time.Hour, nil)
	full, err := a.arrive(t.Context(), 1, largest, largest)
	if err != nil {
		t.Fatal(err)
	}
	defer full.release()
	ctx, disconnect := context.WithCancel(t.Context())
	disconnect()
	if _, err := a.arrive(ctx, 1, largest, largest); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestOverloadedCallersAreToldToRetry asks the caller to come back.
func TestOverloadedCallersAreToldToRetry(t *testing.T) {
	t.Parallel()
	if p := problemOf(errOverloaded); p.status != http.StatusServiceUnavailable || p.retryAfter == 0 || p.message == "" {
		t.Errorf("problem %+v", p)
	}
}

// TestAdmissionOfMediumBodies lets one client hold its share, and others go on.
func TestAdmissionOfMediumBodies(t *testing.T) {
	t.Parallel()
	a := newAdmission(mediumBodies, time.Millisecond, nil)
	for range mediumShare {
		body, err := a.arrive(t.Context(), 1, -1, largeBody)
		if err != nil {
			t.Fatal(err)
		}
		defer body.release()
	}
	if _, err := a.arrive(t.Context(), 1, -1, mediumBody+1); !errors.Is(err, errOverloaded) {
		t.Errorf("a body beyond the share of the client: %v", err)
	}
	other, err := a.arrive(t.Context(), 2, largeBody, largeBody)
	if err != nil {
		t.Errorf("a body of another client: %v", err)
	}
	other.release()
}
