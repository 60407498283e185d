package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

const (
	// DefaultTimeout bounds a request of a client that New made, from the
	// connection to the last byte of the answer. WithHTTPClient sets another.
	DefaultTimeout = time.Minute

	apiRoot = "/api/v1"
)

// New returns a client of the service at server that sends key with each
// request. An empty key sends none, which is enough for the list of processors.
//
// The server is its base URL as it is deployed, with or without a path prefix,
// trailing or repeated slashes and /api/v1 at the end. Unless WithHTTPClient
// says otherwise, requests end after DefaultTimeout and redirects are answers
// as any other: to follow one would lose the filters in the body of a GET and
// hand the key to wherever it leads.
//
// The error says what is wrong with the URL or the key; nothing is sent yet.
func New(server, key string, opts ...ClientOption) (*ClientWithResponses, error) {
	base, err := baseURL(server)
	if err != nil {
		return nil, err
	}
	defaults := []ClientOption{WithHTTPClient(defaultHTTPClient())}
	if key != "" {
		defaults = append(defaults, WithAPIKey(key))
	}
	return NewClientWithResponses(base, append(defaults, opts...)...)
}

func defaultHTTPClient() *http.Client {
	return &http.Client{
		Timeout:       DefaultTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// baseURL returns the address of the API below server.
func baseURL(server string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil {
		return "", errors.New("the URL of the stats service is not understood; it looks like https://stats.example.org/dashboard")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the URL of the stats service is %q; accepted is one such as https://stats.example.org/dashboard", u.Redacted())
	}
	prefix := strings.TrimSuffix(path.Clean("/"+u.Path), apiRoot)
	u.Path, u.RawPath = path.Join("/", prefix, apiRoot), ""
	return u.String(), nil
}
