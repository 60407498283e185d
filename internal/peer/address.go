// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// errNoServer reports that no peer is configured.
var errNoServer = errors.New("no peer is named: set REMOTE_STATS_SERVER to its address, such as https://stats.example.org")

// normalize returns the canonical form of the address of a peer, under which the
// peer is stored: lower case, no default port, single slashes, none at the end,
// without /api/v1.
func normalize(server string) (string, error) {
	if strings.TrimSpace(server) == "" {
		return "", errNoServer
	}
	u, err := url.Parse(strings.TrimSpace(server))
	if err != nil {
		return "", errors.New("the address of the peer is invalid: use one such as https://stats.example.org")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	plain := u.User == nil && u.RawQuery == "" && u.Fragment == ""
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || !plain {
		return "", fmt.Errorf("the address of the peer is %q: accepted is one such as https://stats.example.org, "+
			"without user name, query and fragment", u.Redacted())
	}
	prefix := strings.TrimSuffix(path.Clean("/"+u.Path), "/api/v1")
	return u.Scheme + "://" + hostOf(u) + strings.TrimSuffix(prefix, "/"), nil
}

// hostOf returns the host without the default port of the scheme.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
