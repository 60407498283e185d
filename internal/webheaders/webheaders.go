// SPDX-License-Identifier: AGPL-3.0-or-later

// Package webheaders sets the security headers of all answers, and refuses requests for
// untrusted hosts.
package webheaders

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	// strictPolicy is for answers that are not pages: they load nothing and are in no
	// frame. Pages set their own policy.
	strictPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// hsts keeps browsers on https for half a year.
	hsts = "max-age=15552000"
)

// Handler sets the headers of all answers. With trustProxy, X-Forwarded-Proto shows
// whether a request came over https. No header allows other origins anything (CORS).
func Handler(next http.Handler, trustProxy bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", strictPolicy)
		if r.TLS != nil || trustProxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			header.Set("Strict-Transport-Security", hsts)
		}
		next.ServeHTTP(w, r)
	})
}

// Hosts passes requests to next if their Host is one of hosts, or the host of instance, a
// URL that may be empty. It passes others to refuse. A host that begins with a dot stands
// for all its subdomains. Without hosts, all requests go to next.
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
