// SPDX-License-Identifier: AGPL-3.0-or-later

// Package client talks to a MONARC Stats Service: it lists, posts and deletes
// stats and asks for what the service computes from them.
//
//	stats, err := client.New("https://stats.example.org/dashboard", key)
//	for stat, err := range stats.All(ctx, client.Query{Type: client.TypeThreat}) {
//		threats, err := client.Decode[data.Threats](stat)
//	}
//
// Requests that fail for now are repeated where that is safe. The service's
// refusals are *Error values: errors.Is(err, client.ErrNotFound) tells which.
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
	// DefaultTimeout is how long nothing may move before a request is given up.
	DefaultTimeout = time.Minute

	// batchBytes bounds what is sent at once.
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
// The server is its base URL as it is deployed, with or without a path prefix,
// trailing or repeated slashes and /api/v1 at the end. Redirects are never
// followed: that would lose the filters in the body of a GET and hand the key to
// wherever they lead.
//
// The error says what is wrong with the URL or the key; nothing is sent yet.
func New(server, key string, opts ...Option) (*Client, error) {
	base, err := baseURL(server)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(key, isUnprintable) {
		return nil, errors.New("the API key cannot be used: accepted are printable ASCII characters without spaces")
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
// OpenAPI document. Its requests carry the key and do not follow redirects, but
// are not repeated, and what ReadError tells of an answer is up to the caller.
func (c *Client) API() *generated.ClientWithResponses { return c.api }

// Do sends a request of the caller's own as those of the methods are sent: the
// key goes along to the host of the service, redirects are not followed, and a
// stalled request is given up. It is not repeated. Its errors, also those of
// reading the answer, are *Error or those of the request's context.
func (c *Client) Do(request *http.Request) (*http.Response, error) { return c.conn.Do(request) }

// Close closes the connections that are idle. The client can still be used.
func (c *Client) Close() { c.conn.http.CloseIdleConnections() }

// Option changes how a Client works.
type Option func(*Client)

// WithHTTPClient sends requests through a copy of h, for its Transport and Jar.
// Redirects are not followed, whatever its CheckRedirect says.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { c.conn.http = h }
}

// WithTimeout bounds how long nothing may move: while a request is sent, until
// its answer begins, and while the answer is read. A request as a whole may take
// longer; its context bounds that.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) { c.conn.timeout = d }
}

// WithRetry sets how often and when requests are repeated.
func WithRetry(r Retry) Option {
	return func(c *Client) { c.retry = r }
}

// WithUserAgent names the program that calls in the log of the service.
func WithUserAgent(name string) Option {
	return func(c *Client) { c.conn.userAgent = name }
}

// WithBatchSize sets how many stats Post sends and All asks for at once; 500
// without it.
func WithBatchSize(stats int) Option {
	return func(c *Client) { c.batchSize = max(1, stats) }
}

func isUnprintable(r rune) bool { return r <= ' ' || r > '~' }

// baseURL returns the address of the API below server.
func baseURL(server string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil {
		return nil, errors.New("the URL of the stats service is not understood; it looks like https://stats.example.org/dashboard")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the URL of the stats service is %q; accepted is one such as https://stats.example.org/dashboard", u.Redacted())
	}
	prefix := strings.TrimSuffix(path.Clean("/"+u.Path), apiRoot)
	u.Path, u.RawPath = path.Join("/", prefix, apiRoot), ""
	return u, nil
}

// repeat makes a request until it succeeds or must not be repeated; what was
// asked for stands before the error.
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
