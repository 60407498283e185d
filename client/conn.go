// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// errStalled is the cause of a request that ended because it made no progress.
var errStalled = errors.New("it did not answer in time")

// conn sends requests with the key. It cancels stalled requests and follows no
// redirects.
type conn struct {
	http      *http.Client
	base      *url.URL // of the API
	key       string
	userAgent string
	timeout   time.Duration
}

// prepare copies the caller's HTTP client, or creates one.
func (c *conn) prepare(base *url.URL) {
	c.base = base
	own := http.Client{}
	if c.http != nil {
		own = *c.http
	}
	if own.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DialContext = dial
		own.Transport = transport
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &own
}

// Do sends a request. Its errors are *Error or the error of the request's context.
func (c *conn) Do(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	timer := time.AfterFunc(c.timeout, func() { cancel(errStalled) })
	sending := &progress{timer: timer, timeout: c.timeout}
	request = sending.watch(request.WithContext(ctx))
	request.Header.Set("User-Agent", c.userAgent)
	if c.key != "" && request.URL.Scheme == c.base.Scheme && request.URL.Host == c.base.Host {
		request.Header.Set(apiKeyHeader, c.key)
	}
	response, err := c.http.Do(request)
	sending.stop()
	body := &watchedBody{timeout: c.timeout, ctx: ctx, cancel: cancel, timer: timer}
	if err != nil {
		defer cancel(nil)
		return nil, body.explain(err)
	}
	body.ReadCloser = response.Body
	response.Body = body
	return response, nil
}

// watchedBody is the body of an answer, which fails if it stalls. The time between two
// calls of Read does not count.
type watchedBody struct {
	io.ReadCloser
	timeout time.Duration
	ctx     context.Context // of the request
	cancel  context.CancelCauseFunc
	timer   *time.Timer // ends ctx
}

// Read implements io.Reader; its errors are the same as for conn.Do, and io.EOF.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

// Close ends the request, however much of its answer has been read.
func (b *watchedBody) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// explain returns the error of the context, the timeout or the connection, whichever
// ended the request.
func (b *watchedBody) explain(err error) error {
	if errors.Is(context.Cause(b.ctx), errStalled) {
		return &Error{Err: errStalled}
	}
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the URL may contain a password
	}
	return &Error{Err: err}
}

// sendBuffer is the size of the socket's send buffer. It bounds the data that is still
// in transit after the last write, which must arrive within the timeout even on a slow
// connection.
const sendBuffer = 128 << 10

// dial connects as http.DefaultTransport does, with a small buffer.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it, slow connections need longer timeouts
	}
	return conn, err
}

// progress resets a timer while a request is being sent.
type progress struct {
	timeout time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil: the request has been answered
}

// watch returns the request with a body that resets the timer when it is read.
func (p *progress) watch(request *http.Request) *http.Request {
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	request.Body = &sentBody{request.Body, p}
	if again := request.GetBody; again != nil {
		request.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &sentBody{body, p}, err
		}
	}
	return request
}

// moved resets the timer.
func (p *progress) moved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Reset(p.timeout)
	}
}

// stop stops the timer for good: if the answer comes early, the rest of the request
// must not restart it.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.timer = nil
}

// sentBody is the body of a request.
type sentBody struct {
	io.ReadCloser
	progress *progress
}

func (b *sentBody) Read(part []byte) (int, error) {
	b.progress.moved()
	return b.ReadCloser.Read(part)
}
