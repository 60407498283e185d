// SPDX-License-Identifier: AGPL-3.0-or-later

// Package mosp looks up objects on a MOSP platform, where organisations share security
// objects.
package mosp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 16 << 20
	maxRedirects   = 5
)

// Client looks up objects on one platform. It is safe for concurrent use.
type Client struct {
	base         string
	userAgent    string
	timeout      time.Duration
	maxBody      int64
	allowPrivate bool
	http         *http.Client
}

// Option configures a Client.
type Option func(*Client)

// WithTimeout bounds the total time of a lookup. The default is 10 seconds.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithMaxBody bounds the size of an answer in bytes. The default is 16 MiB.
func WithMaxBody(bytes int64) Option { return func(c *Client) { c.maxBody = bytes } }

// WithUserAgent sets the User-Agent, as name/version.
func WithUserAgent(agent string) Option { return func(c *Client) { c.userAgent = agent } }

// WithPrivateAddresses sets whether the platform's host name may resolve to a private
// address.
func WithPrivateAddresses(allowed bool) Option { return func(c *Client) { c.allowPrivate = allowed } }

// WithTransport replaces the transport, including its refusal of private addresses.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = transport }
}

// New returns a client of the platform at a base URL such as https://objects.monarc.lu,
// with or without a trailing slash. Object reports an invalid URL.
func New(baseURL string, opts ...Option) *Client {
	c := &Client{
		base:    strings.TrimRight(baseURL, "/"),
		timeout: defaultTimeout,
		maxBody: defaultMaxBody,
		http:    &http.Client{CheckRedirect: checkRedirect},
	}
	for _, opt := range opts {
		opt(c)
	}
	if c.http.Transport == nil {
		c.http.Transport = c.transport()
	}
	return c
}

var (
	errRedirects = errors.New("too many redirects")
	errElsewhere = errors.New("it redirects to another host, or from https to http")
)

// checkRedirect allows redirects within the platform only.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	if next.URL.Hostname() != first.Hostname() || next.URL.Scheme != "https" && first.Scheme != next.URL.Scheme {
		return errElsewhere
	}
	if len(via) > maxRedirects {
		return errRedirects
	}
	return nil
}

// transport returns the transport of requests. It respects the settings of
// http.DefaultTransport, above all proxies.
func (c *Client) transport() http.RoundTripper {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	if c.allowPrivate {
		return base
	}
	return newTransport(base, c.timeout)
}

// Object looks up the object with a UUID. An unpublished object is not an error. Errors
// are one line that names the platform's host and what to do. They wrap the cause,
// including [context.Canceled].
func (c *Client) Object(ctx context.Context, id uuid.UUID) (Answer, error) {
	endpoint, err := c.endpoint(id)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout{c.timeout})
	defer cancel()
	answer, err := c.ask(ctx, endpoint)
	if err != nil {
		return Answer{}, fmt.Errorf("ask MOSP at %s about object %s: %w", endpoint.Host, id, err)
	}
	return answer, nil
}

func (c *Client) endpoint(id uuid.UUID) (*url.URL, error) {
	u, err := url.Parse(c.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address of the MOSP platform is not a URL with http or https and a host: correct MOSP_URL")
	}
	u = u.JoinPath("api/v2/object/")
	u.RawQuery = url.Values{"uuid": {id.String()}}.Encode()
	return u, nil
}

func (c *Client) ask(ctx context.Context, endpoint *url.URL) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), http.NoBody)
	if err != nil {
		return Answer{}, fmt.Errorf("%w; correct MOSP_URL", err)
	}
	request.Header.Set("Accept", "application/json")
	if c.userAgent != "" {
		request.Header.Set("User-Agent", c.userAgent)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, explainFailure(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return Answer{}, explainStatus(response.StatusCode)
	}
	body, err := c.read(ctx, response.Body)
	if err != nil {
		return Answer{}, err
	}
	answer, err := parse(body)
	if err != nil {
		return Answer{}, fmt.Errorf("%w%s; check that MOSP_URL is the address of a MOSP platform", err, mediaType(response))
	}
	return answer, nil
}

func (c *Client) read(ctx context.Context, from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, c.maxBody+1))
	if err != nil {
		return nil, explainBreak(ctx, err)
	}
	if int64(len(body)) > c.maxBody {
		return nil, fmt.Errorf("the answer is larger than %d bytes; check that MOSP_URL is the address of a MOSP platform", c.maxBody)
	}
	return body, nil
}

// mediaType describes an unreadable answer if it is declared as something other than
// JSON.
func mediaType(response *http.Response) string {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind == "application/json" {
		return ""
	}
	return " (it is declared as " + kind + ")"
}
