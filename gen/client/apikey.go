package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

const apiKeyHeader = "X-API-KEY"

// WithAPIKey sends key, the token of a client, with each request. The error of
// the option, which never shows the key, is about a key that no header can
// carry: an empty one, or one with spaces or other than printable ASCII
// characters.
func WithAPIKey(key string) ClientOption {
	return func(c *Client) error {
		if key == "" || strings.ContainsFunc(key, isUnprintable) {
			return errors.New("the API key cannot be used: accepted are printable ASCII characters without spaces")
		}
		return WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set(apiKeyHeader, key)
			return nil
		})(c)
	}
}

func isUnprintable(r rune) bool { return r <= ' ' || r > '~' }
