// SPDX-License-Identifier: AGPL-3.0-or-later

// Package upload limits slow request bodies. If a request is answered before its whole
// body has arrived, it reads on for a while: closing the connection at once could lose
// the answer.
package upload

import (
	"context"
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
	// maxWait bounds the total time spent waiting for a body.
	maxWait = 5 * time.Minute
	// maxDrain bounds how long the rest of an unused body is read.
	maxDrain = 30 * time.Second
	// maxContinue is maxDrain for requests with Expect: 100-continue: few callers still
	// send the body after another answer.
	maxContinue = 2 * time.Second
)

// Options are the limits for bodies.
type Options struct {
	MinRate  int64         // bytes per second, on average; 0: no limit
	Grace    time.Duration // added to the time that MinRate allows; 0: 10 s
	MaxDrain int64         // maximum number of bytes read after the answer
}

// limitedKey is the context key that marks requests whose body has limits.
type limitedKey struct{}

// Handler returns a handler that limits the bodies that next reads, unless another Handler
// around it does so already.
func Handler(next http.Handler, opts Options) http.Handler {
	if opts.Grace == 0 {
		opts.Grace = defaultGrace
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || r.Context().Value(limitedKey{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		b := &body{ReadCloser: r.Body, conn: http.NewResponseController(w), opts: opts}
		// Without it, the server itself reads 256 KB before it sends the answer, and
		// then closes the connection. Writers without a connection have no such mode.
		_ = b.conn.EnableFullDuplex()
		if r.ContentLength > opts.MaxDrain {
			w.Header().Set("Connection", "close") // the connection will be closed, unless next reads the whole body
		}
		// A copy, since the server inspects the body of its own request.
		bounded := r.WithContext(context.WithValue(r.Context(), limitedKey{}, true))
		bounded.Body = b
		next.ServeHTTP(w, bounded)
		if b.err == nil {
			b.drain(r.Header.Get("Expect") != "")
		}
		// The server closes the body too, but too late in full-duplex mode: it would
		// then read the next request while it already watches for the end of the
		// connection.
		_ = b.Close()
	})
}

// body is the body of a request, read by one goroutine at a time.
type body struct {
	io.ReadCloser
	conn    *http.ResponseController
	opts    Options
	arrived int64
	waited  time.Duration // total time spent in Read
	err     error         // the final error
}

// Read implements io.Reader. Only the time spent in it counts.
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
		// From now on the server watches for the end of the connection, and would
		// mistake the deadline for it.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// drain flushes the answer and reads the rest of the body.
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
