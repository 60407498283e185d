// SPDX-License-Identifier: AGPL-3.0-or-later

// Package webheaders tells browsers how little they may do with answers, and refuses
// requests for hosts that are not this service.
package webheaders

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	// closed is the policy of answers that are no pages: they load nothing and are in no
	// frame. Pages set one of their own.
	closed = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// hsts keeps browsers on https for half a year.
	hsts = "max-age=15552000"
)

// Handler sets what all answers have in common. Whether a request came over https is
// taken from X-Forwarded-Proto where a proxy is trusted. No header allows other origins
// anything (CORS).
func Handler(next http.Handler, trustProxy bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", closed)
		if r.TLS != nil || trustProxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			header.Set("Strict-Transport-Security", hsts)
		}
		next.ServeHTTP(w, r)
	})
}

// Hosts passes requests on whose Host is one of hosts or that of instance, a URL that may
// be empty, and has others refused. A host that begins with a dot stands for all below
// it. Without hosts, all requests are passed on.
func Hosts(next, refuse http.Handler, hosts []string, instance string) http.Handler {
	if len(hosts) == 0 {
		return next
	}
	hosts = slices.Clone(hosts)
	if own, err := url.Parse(instance); err == nil && own.Host != "" {
		hosts = append(hosts, strings.ToLower(own.Hostname()))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isTrusted(hostname(r.Host), hosts) {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isTrusted(host string, hosts []string) bool {
	return slices.ContainsFunc(hosts, func(trusted string) bool {
		return host == trusted || strings.HasPrefix(trusted, ".") && strings.HasSuffix(host, trusted)
	})
}

// hostname returns a Host header in lower case without port, brackets and final dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
