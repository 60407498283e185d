// SPDX-License-Identifier: AGPL-3.0-or-later

// Package client talks to a MONARC Stats Service: it lists, posts and deletes stats and
// reads the results that the service computes from them.
//
//	stats, err := client.New("https://stats.example.org/dashboard", key)
//	for stat, err := range stats.All(ctx, client.Query{Type: client.TypeThreat}) {
//		threats, err := client.Decode[data.Threats](stat)
//	}
//
// Temporary failures are retried where that is safe. Error answers are *Error values,
// to be checked as in errors.Is(err, client.ErrNotFound).
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	generated "github.com/monarc-project/stats-service/gen/client"
)

const (
	// DefaultTimeout is how long a request may make no progress before it fails.
	DefaultTimeout = time.Minute

	// batchBytes bounds the size of a batch.
	batchBytes = 4 << 20

	apiRoot      = "/api/v1"
	apiKeyHeader = "X-API-KEY"
)

// Client talks to one service with one key. It is safe for concurrent use.
type Client struct {
	api   *generated.ClientWithResponses
	conn  *conn
	retry Retry

	batchSize int
}

// New returns a client of the service at server that sends key with each
// request. An empty key sends none, which is enough for Processors.
//
// The server is its base URL as it is deployed, with or without a path prefix, trailing
// or repeated slashes and /api/v1 at the end. Redirects are never followed: that would
// lose the filters in the body of a GET and send the key to another server.
//
// The error is about the URL or the key; nothing is sent yet.
func New(server, key string, opts ...Option) (*Client, error) {
	base, err := baseURL(server)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(key, isUnprintable) {
		return nil, errors.New("the API key is invalid: use printable ASCII characters without spaces")
	}
	c := &Client{
		conn:      &conn{key: key, userAgent: "monarc-stats-client", timeout: DefaultTimeout},
		batchSize: 500,
	}
	for _, apply := range opts {
		apply(c)
	}
	c.conn.prepare(base)
	c.retry = c.retry.withDefaults()
	c.api, err = generated.NewClientWithResponses(base.String(), generated.WithHTTPClient(c.conn))
	return c, err
}

// API returns the generated client, which has a method for each operation of the
// OpenAPI document. Its requests carry the key and do not follow redirects. They are
// not retried, and the caller must check their answers, for example with ReadError.
func (c *Client) API() *generated.ClientWithResponses { return c.api }

// Do sends a custom request like the requests of the methods: it adds the key if the
// host is the service's, follows no redirects, and fails if the request stalls. It does
// not retry. Its errors, including those of reading the answer, are *Error or the error
// of the request's context.
func (c *Client) Do(request *http.Request) (*http.Response, error) { return c.conn.Do(request) }

// Close closes idle connections. The client can still be used.
func (c *Client) Close() { c.conn.http.CloseIdleConnections() }

// Option configures a Client.
type Option func(*Client)

// WithHTTPClient sends requests through a copy of h, for its Transport and Jar. Its
// CheckRedirect is ignored: redirects are never followed.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { c.conn.http = h }
}

// WithTimeout bounds how long a request may make no progress: while it is sent, until
// its answer begins, and while the answer is read. Only its context bounds the whole
// request.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) { c.conn.timeout = d }
}

// WithRetry sets how often and when requests are retried.
func WithRetry(r Retry) Option {
	return func(c *Client) { c.retry = r }
}

// WithUserAgent sets the User-Agent, which identifies the calling program.
func WithUserAgent(name string) Option {
	return func(c *Client) { c.conn.userAgent = name }
}

// WithBatchSize sets how many stats Post and All transfer per request; the default is
// 500.
func WithBatchSize(stats int) Option {
	return func(c *Client) { c.batchSize = max(1, stats) }
}

func isUnprintable(r rune) bool { return r <= ' ' || r > '~' }

// baseURL returns the address of the API below server.
func baseURL(server string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil {
		return nil, errors.New("the URL of the stats service is invalid; use one such as https://stats.example.org/dashboard")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the URL of the stats service is invalid: %q; use one such as https://stats.example.org/dashboard", u.Redacted())
	}
	prefix := strings.TrimSuffix(path.Clean("/"+u.Path), apiRoot)
	u.Path, u.RawPath = path.Join("/", prefix, apiRoot), ""
	return u, nil
}

// repeat calls call until it succeeds or must not be repeated. safe reports whether an
// error allows a repetition; nil allows all. The error starts with what.
func (c *Client) repeat(ctx context.Context, what string, safe func(*Error) bool, call func() error) error {
	attempts := func(e *Error) int {
		if safe != nil && !safe(e) {
			return 1
		}
		return c.retry.Attempts
	}
	if err := c.retry.Do(ctx, attempts, call); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
