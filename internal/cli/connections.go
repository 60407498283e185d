// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// newConnTimeout bounds the wait for the first request of a new connection.
const newConnTimeout = 5 * time.Second

// connections tracks the connections of all servers. A server of net/http that shuts
// down closes a connection whose first request has just arrived, without a response. So
// it must not be shut down before those requests are answered.
type connections struct {
	mu   sync.Mutex
	busy map[net.Conn]bool // new, or with a request
	idle chan struct{}     // closed when none is busy; nil while nobody waits
}

// note records the state of a connection.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy == nil {
		c.busy = map[net.Conn]bool{}
	}
	if state == http.StateNew || state == http.StateActive {
		c.busy[conn] = true
		return
	}
	delete(c.busy, conn)
	if len(c.busy) == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// awaitIdle waits until no connection is new or has a request, or for newConnTimeout.
func (c *connections) awaitIdle(ctx context.Context) {
	c.mu.Lock()
	idle := make(chan struct{})
	if len(c.busy) == 0 {
		close(idle)
	} else {
		c.idle = idle
	}
	c.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-time.After(newConnTimeout):
	}
}
