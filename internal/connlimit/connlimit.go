// SPDX-License-Identifier: AGPL-3.0-or-later

// Package connlimit bounds how many connections servers hold, in total and from each
// network address.
package connlimit

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/monarc-project/stats-service/internal/origin"
)

// Limits are the most connections at a time; 0: no limit.
type Limits struct {
	Total      int
	PerAddress int // of an IPv4 address or an IPv6 /64
}

// Limiter counts the connections of servers, whose ConnState calls its Track. It is safe
// for concurrent use.
type Limiter struct {
	limits Limits
	closed func()

	mu      sync.Mutex
	conns   map[net.Conn]*tracked
	idle    *list.List // of *tracked, the longest idle first
	origins map[netip.Prefix]int
}

type tracked struct {
	conn   net.Conn
	origin netip.Prefix
	idle   *list.Element // nil while it has a request
}

// New returns a limiter. It calls closed for each connection that it closes; closed must
// not call Track.
func New(limits Limits, closed func()) *Limiter {
	return &Limiter{limits: limits, closed: closed, conns: map[net.Conn]*tracked{}, idle: list.New(), origins: map[netip.Prefix]int{}}
}

// Track follows the state of a connection. It closes a new connection beyond the limit
// of its address. Beyond the total limit, it closes the connection that has been idle
// for the longest time or, if none is idle, the new one.
func (l *Limiter) Track(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		l.add(conn)
	case http.StateIdle:
		if one, found := l.conns[conn]; found && one.idle == nil {
			one.idle = l.idle.PushBack(one)
		}
	case http.StateActive:
		if one, found := l.conns[conn]; found {
			l.busy(one)
		}
	case http.StateClosed, http.StateHijacked:
		if one, found := l.conns[conn]; found {
			l.remove(one)
		}
	}
}

func (l *Limiter) add(conn net.Conn) {
	from := origin.OfConn(conn)
	if from.IsValid() && l.limits.PerAddress > 0 && l.origins[from] >= l.limits.PerAddress {
		l.close(conn)
		return
	}
	if l.limits.Total > 0 && len(l.conns) >= l.limits.Total && !l.evict() {
		l.close(conn)
		return
	}
	one := &tracked{conn: conn, origin: from}
	one.idle = l.idle.PushBack(one)
	l.conns[conn] = one
	l.origins[from]++
}

// evict closes the connection that has been idle for the longest time, if there is one.
func (l *Limiter) evict() bool {
	longest := l.idle.Front()
	if longest == nil {
		return false
	}
	one := longest.Value.(*tracked)
	l.remove(one)
	l.close(one.conn)
	return true
}

// close ends a connection: its server then fails to read from it.
func (l *Limiter) close(conn net.Conn) {
	l.closed()
	_ = conn.Close()
}

func (l *Limiter) remove(one *tracked) {
	l.busy(one)
	delete(l.conns, one.conn)
	if l.origins[one.origin]--; l.origins[one.origin] == 0 {
		delete(l.origins, one.origin)
	}
}

func (l *Limiter) busy(one *tracked) {
	if one.idle != nil {
		l.idle.Remove(one.idle)
		one.idle = nil
	}
}
