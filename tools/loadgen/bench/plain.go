// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// plain is a net/http server without the service's code: the baseline for the cost of an
// answer.
type plain struct {
	url    string
	server *http.Server
}

// servePlain answers every request with handler.
func servePlain(handler http.HandlerFunc) (*plain, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &plain{url: "http://" + listener.Addr().String(), server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return p, nil
}

func (p *plain) Close() error { return p.server.Close() }

// fixed answers with a body of this many bytes.
func fixed(bytes int64) http.HandlerFunc {
	body := make([]byte, bytes)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.FormatInt(bytes, 10))
		_, _ = w.Write(body) // fails if the caller has disconnected
	}
}

// streamed answers with this many bytes in chunks, without holding them in memory.
func streamed(bytes int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 32<<10)
		for left := bytes; left > 0; left -= int64(len(piece)) {
			if _, err := w.Write(piece[:min(left, int64(len(piece)))]); err != nil {
				return
			}
		}
	}
}

// unchanged answers with 304.
func unchanged(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }

// plainRate is rate for a plain handler.
func plainRate(ctx context.Context, handler http.HandlerFunc, connections int, spell time.Duration, q request, status int) (float64, error) {
	p, err := servePlain(handler)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	return rate(ctx, p.url, connections, spell, q, status)
}

// plainTime returns the median time of an answer of a plain handler.
func plainTime(ctx context.Context, handler http.HandlerFunc, spell time.Duration, q request) (time.Duration, error) {
	p, err := servePlain(handler)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	t, err := times(ctx, p.url, 50, spell, func(int) request { return q })
	return t.median, err
}

// read sends one request and returns the size of the answer and its time.
func read(ctx context.Context, base string, q request) (int64, time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := dial(ctx, base)
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	got, err := c.ask(q.raw(), io.Discard)
	return got.bytes, time.Since(started), err
}
