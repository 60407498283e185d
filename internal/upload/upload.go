// SPDX-License-Identifier: AGPL-3.0-or-later

// Package upload bounds how the bodies of requests arrive: it ends those that come
// too slowly, and reads on for a while where a request was answered before all of its
// body had come, since a connection that is closed meanwhile loses the answer.
package upload

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// ErrTooSlow is the error of reading a body that arrives too slowly.
var ErrTooSlow = errors.New("the body arrives too slowly")

const (
	defaultGrace = 10 * time.Second
	// maxWait bounds how long a body is waited for in all.
	maxWait = 5 * time.Minute
	// maxDrain bounds how long the rest of a body is read that nobody wants.
	maxDrain = 30 * time.Second
	// maxContinue is maxDrain for callers that were to wait for 100 Continue, few of
	// which send the body after another answer.
	maxContinue = 2 * time.Second
)

// Options are the bounds of bodies.
type Options struct {
	MinRate  int64         // bytes per second, on average; 0: no bound
	Grace    time.Duration // that a body may take beside; 0: 10 s
	MaxDrain int64         // bytes that are read after the answer at most
}

// Handler returns a handler that bounds the bodies that next reads.
func Handler(next http.Handler, opts Options) http.Handler {
	if opts.Grace == 0 {
		opts.Grace = defaultGrace
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, conn: http.NewResponseController(w), opts: opts}
		// Without it, the server itself reads 256 KB before it sends the answer, and
		// then closes the connection. Writers without a connection have no such mode.
		_ = b.conn.EnableFullDuplex()
		if r.ContentLength > opts.MaxDrain {
			w.Header().Set("Connection", "close") // as it will be, unless next reads all
		}
		bounded := r.WithContext(r.Context()) // the server looks at the body of its own
		bounded.Body = b
		next.ServeHTTP(w, bounded)
		if b.err == nil {
			b.drain(r.Header.Get("Expect") != "")
		}
		// The server closes the body too, but in full duplex too late: it would then
		// read the next request while it listens for the end of the connection.
		_ = b.Close()
	})
}

// body is the body of a request, read by one goroutine at a time.
type body struct {
	io.ReadCloser
	conn    *http.ResponseController
	opts    Options
	arrived int64
	waited  time.Duration // for bytes
	err     error         // with which it ended
}

// Read implements io.Reader. Only time spent here counts as the body's.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	start := time.Now()
	if b.opts.MinRate > 0 {
		allowed := b.opts.Grace + time.Duration(float64(b.arrived)/float64(b.opts.MinRate)*float64(time.Second))
		_ = b.conn.SetReadDeadline(start.Add(min(allowed, maxWait) - b.waited)) // fails without a connection
	}
	n, err := b.ReadCloser.Read(p)
	b.arrived += int64(n)
	b.waited += time.Since(start)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrTooSlow
	}
	if b.err = err; err == io.EOF {
		// The server listens for the end of the connection from now on, and would
		// take the deadline for it.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// drain sends what is written of the answer and reads the rest of the body.
func (b *body) drain(expectsContinue bool) {
	limit := maxDrain
	if expectsContinue && b.arrived == 0 {
		limit = maxContinue
	}
	if b.conn.Flush() != nil || b.conn.SetReadDeadline(time.Now().Add(limit)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, b.ReadCloser, b.opts.MaxDrain) // the answer was sent
}
