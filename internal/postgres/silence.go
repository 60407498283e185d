package postgres

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// lines are the network connections to a server. A server that hangs keeps them
// open and answers nothing, and a question that was sent waits without end. It is
// safe for concurrent use.
type lines struct {
	mu  sync.Mutex
	all map[*line]bool
}

// line is a connection that tells since when it waits to hear from the server.
type line struct {
	net.Conn
	of    *lines
	waits atomic.Int64 // Unix nanoseconds; 0: it does not wait
}

func newLines() *lines { return &lines{all: map[*line]bool{}} }

// noting returns a dialer whose connections are noted.
func (l *lines) noting(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		noted := &line{Conn: conn, of: l}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all[noted] = true
		return noted, nil
	}
}

// hangUp ends the connections that have waited since before a moment. Whoever
// reads from one gets an error. One that is not read, because the answer is passed
// on to a slow caller, does not wait.
func (l *lines) hangUp(before time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.all {
		if since := one.waits.Load(); since != 0 && since < before.UnixNano() {
			_ = one.Conn.Close() // the reader closes it again
		}
	}
}

// Read implements net.Conn.
func (l *line) Read(p []byte) (int, error) {
	l.waits.Store(time.Now().UnixNano())
	defer l.waits.Store(0)
	return l.Conn.Read(p)
}

// Close implements net.Conn.
func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.all, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}
