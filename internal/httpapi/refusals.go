// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

const (
	// refusalDelay delays answers that refuse large bodies of a client. Each client has
	// refusalBurst of them without a delay, and one more in each refusalDelay.
	refusalDelay = 2 * time.Second
	refusalBurst = 10
)

// refusals slows down clients whose large bodies are refused: refusing is so cheap that
// reading such bodies could keep all processors busy.
type refusals struct {
	delay time.Duration

	mu      sync.Mutex
	clients map[int64]*rate.Limiter // by client id; never deleted, as there are few clients
}

func newRefusals(delay time.Duration) *refusals {
	if delay == 0 {
		delay = refusalDelay
	}
	return &refusals{delay: delay, clients: map[int64]*rate.Limiter{}}
}

// slowDown delays the answer to a large body that was refused, unless the caller
// disconnects.
func (r *refusals) slowDown(c echo.Context, cause error) {
	request := c.Request()
	if cause == nil || request.ContentLength >= 0 && request.ContentLength <= mediumBody || problemOf(cause).status/100 != http.StatusBadRequest/100 {
		return
	}
	client, _ := caller(request.Context())
	if r.allow(client.ID) {
		return
	}
	select {
	case <-time.After(r.delay):
	case <-request.Context().Done():
	}
}

func (r *refusals) allow(client int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter, found := r.clients[client]
	if !found {
		limiter = rate.NewLimiter(rate.Every(r.delay), refusalBurst)
		r.clients[client] = limiter
	}
	return limiter.Allow()
}
