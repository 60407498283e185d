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
	// refusalDelay is how late answers come that refuse large bodies of a client, beyond
	// refusalBurst of them at once and one in each such time.
	refusalDelay = 2 * time.Second
	refusalBurst = 10
)

// refusals slows down clients that send large bodies in vain: reading them would keep
// the processors busy, since refusing them takes next to nothing.
type refusals struct {
	delay time.Duration

	mu      sync.Mutex
	clients map[int64]*rate.Limiter // which are as few as there are clients
}

func newRefusals(delay time.Duration) *refusals {
	if delay == 0 {
		delay = refusalDelay
	}
	return &refusals{delay: delay, clients: map[int64]*rate.Limiter{}}
}

// slowDown delays the answer to a large body that was refused, until the caller leaves.
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
