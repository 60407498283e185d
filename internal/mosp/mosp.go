// Package mosp asks a MOSP platform, where security objects are shared, about
// the objects that it has published.
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

// Client asks one platform. It is safe for concurrent use.
type Client struct {
	base      string
	userAgent string
	timeout   time.Duration
	maxBody   int64
	http      *http.Client
}

// Option changes how a Client asks.
type Option func(*Client)

// WithTimeout limits how long a question may take in all, 10 seconds unless
// told otherwise.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithMaxBody limits the size of an answer, in bytes, 16 MiB unless told
// otherwise.
func WithMaxBody(bytes int64) Option { return func(c *Client) { c.maxBody = bytes } }

// WithUserAgent says who asks, as name/version.
func WithUserAgent(agent string) Option { return func(c *Client) { c.userAgent = agent } }

// WithTransport replaces http.DefaultTransport.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = transport }
}

// New returns a client of the platform at a base URL such as
// https://objects.monarc.lu, with or without a slash at the end. A URL that is
// none is reported when it is used.
func New(baseURL string, opts ...Option) *Client {
	c := &Client{
		base:    strings.TrimRight(baseURL, "/"),
		timeout: defaultTimeout,
		maxBody: defaultMaxBody,
		http:    &http.Client{CheckRedirect: limitRedirects},
	}
	for _, opt := range opts {
		opt(c)
	}
	return c
}

var errRedirects = errors.New("too many redirects")

func limitRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	return nil
}

// Object asks for the object with a UUID. That it is not published is no error.
// An error is one line that names the platform's host and what can be done; it
// wraps the cause, also [context.Canceled] when ctx has ended.
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

// mediaType describes an answer that could not be read, where its sender says
// that it is not meant to be JSON.
func mediaType(response *http.Response) string {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind == "application/json" {
		return ""
	}
	return " (it says to be " + kind + ")"
}
