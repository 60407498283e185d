// SPDX-License-Identifier: AGPL-3.0-or-later

// Package conntrack tracks network connections to a server, to close stalled ones.
package conntrack

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DialFunc makes a connection.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// drainTimeout bounds how long the driver reads from a connection that it is closing.
// By default it takes 15 seconds, during which the connection keeps its place in the
// pool.
const drainTimeout = time.Second

// Conns tracks the network connections to a server. A server that hangs keeps them open
// without answering, so a query would wait forever. It is safe for concurrent use.
type Conns struct {
	first time.Duration

	mu  sync.Mutex
	all map[*conn]bool
}

// conn is a connection that records since when it has been waiting for the server.
type conn struct {
	net.Conn
	of           *Conns
	waitingSince atomic.Int64 // Unix nanoseconds; 0: not waiting
	answered     atomic.Bool  // at least one byte was read

	mu       sync.Mutex
	deadline time.Time // set by the driver
}

// New returns Conns without connections. On each connection, the server must answer for
// the first time within first. That bounds requests to cancel a query, for which the
// driver opens a new connection and waits 15 seconds.
func New(first time.Duration) *Conns { return &Conns{first: first, all: map[*conn]bool{}} }

// Tracking returns a dialer that tracks its connections.
func (c *Conns) Tracking(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := dialled.SetReadDeadline(time.Now().Add(c.first)); err != nil {
			_ = dialled.Close()
			return nil, err
		}
		tracked := &conn{Conn: dialled, of: c}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all[tracked] = true
		return tracked, nil
	}
}

// CloseStalled closes the connections that have been waiting since before a time. Their
// readers get an error. A connection that is not being read, because its answer is
// passed on to a slow caller, is not waiting.
func (c *Conns) CloseStalled(before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.all {
		if since := one.waitingSince.Load(); since != 0 && since < before.UnixNano() {
			_ = one.Conn.Close() // the reader closes it again
		}
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.waitingSince.Store(time.Now().UnixNano())
	defer c.waitingSince.Store(0)
	n, err := c.Conn.Read(p)
	if n > 0 && !c.answered.Swap(true) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.Conn.SetReadDeadline(c.deadline) // fails where the connection is closed
	}
	return n, err
}

// SetDeadline implements net.Conn. The driver sets a past deadline to interrupt a
// query, clears it again, and sets a future one when it closes the connection.
func (c *conn) SetDeadline(t time.Time) error {
	if last := time.Now().Add(drainTimeout); t.After(last) {
		t = last
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
