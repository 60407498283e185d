// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/stats"
)

// normalizer rewrites paths to one form: it merges repeated slashes, drops a trailing
// slash, and removes the prefix (a proxy may have done so already). It rewrites query
// parameters to one form as well.
type normalizer struct {
	configured string // prefix of the settings
	trustProxy bool
	own        func() map[string]bool // first segments of the routes
}

func (p normalizer) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		base, path := p.split(singleSlashes(r.URL.Path), r.Header.Get("X-Forwarded-Prefix"))
		if header := c.Response().Header(); p.trustProxy {
			c.Response().Before(func() { header.Add("Vary", "X-Forwarded-Prefix") }) // links begin with it
		}
		r.URL.Path = path
		r.URL.RawPath = "" // the router prefers it to Path
		r.URL.RawQuery = plainQuery(r.URL.RawQuery)
		c.SetRequest(r.WithContext(prefix.With(r.Context(), base)))
		if err := checkQuery(r.Method, r.URL.RawQuery); err != nil {
			return err
		}
		for _, name := range []string{maskHeader, keyHeader} {
			if given := r.Header.Values(name); len(given) > 1 {
				return stats.Invalid(name, "is given %d times; give it once", len(given))
			}
		}
		return next(c)
	}
}

// split returns the prefix that the caller sees, and the path below it as the routes
// define it. It removes a forwarded prefix from the path only if that cannot be part of
// a route: with the prefix /stats, /stats/map is the map.
func (p normalizer) split(path, header string) (base, rest string) {
	forwarded := forwardedPrefix(header)
	if !p.trustProxy || forwarded == "" {
		return p.configured, withoutPrefix(path, p.configured)
	}
	if isBelow(path, forwarded) && !p.own()[firstSegment(forwarded)] {
		return forwarded, withoutPrefix(path, forwarded)
	}
	return forwarded, withoutPrefix(path, p.configured)
}

// firstSegment returns "api" of "/api/v1".
func firstSegment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// firstSegments returns the first segments of all routes.
func firstSegments(routes []*echo.Route) map[string]bool {
	first := map[string]bool{}
	for _, route := range routes {
		first[firstSegment(route.Path)] = true
	}
	return first
}

var (
	slashes = regexp.MustCompile(`/{2,}`)
	// prefixForm matches acceptable forwarded prefixes: anything else could point our
	// links at another host.
	prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)
)

// maxPrefixLength bounds how much a forwarded prefix adds to every link.
const maxPrefixLength = 200

// forwardedPrefix returns the first prefix of the header, or "" if it is not
// acceptable.
func forwardedPrefix(header string) string {
	first, _, _ := strings.Cut(header, ",")
	first = strings.TrimRight(singleSlashes(strings.TrimSpace(first)), "/")
	if len(first) > maxPrefixLength || !prefixForm.MatchString(first) || path.Clean(first) != first {
		return ""
	}
	return first
}

// repeatable are the parameters that are lists: analyses in the API, and objects of a
// page.
var repeatable = map[string]bool{"anrs": true, "object": true}

// checkQuery refuses parameters that would otherwise be ignored or ambiguous: a DELETE
// whose uuid is malformed, empty or spelled Uuid would delete the whole analysis.
func checkQuery(method, raw string) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return stats.Invalid("query", "cannot be read (%s): percent-encode the values", err)
	}
	var wrong validationErrors
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		switch {
		case method == http.MethodDelete && name != "uuid":
			wrong.add(stats.Invalid(shortName(name), "is not known here; a DELETE takes uuid"))
		case len(given) > 1 && !repeatable[name]:
			wrong.add(stats.Invalid(shortName(name), "is given %d times; give it once", len(given)))
		case name == "uuid" && given[0] == "":
			wrong.add(stats.Invalid(name, "is empty; leave it out or name a stat"))
		}
	}
	return wrong.err()
}

func singleSlashes(path string) string { return slashes.ReplaceAllString(path, "/") }

// isBelow reports whether path is base or below it.
func isBelow(path, base string) bool {
	rest, found := strings.CutPrefix(path, base)
	return found && (rest == "" || rest[0] == '/')
}

func withoutPrefix(path, base string) string {
	if isBelow(path, base) {
		path = path[len(base):]
	}
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return "/"
	}
	return path
}

var indexed = regexp.MustCompile(`^([a-z_]+)\[([^\]]*)\]$`)

// plainQuery rewrites PHP's arrays and maps (anrs[0]=a, processor_params[b]=c) to the
// form in the OpenAPI document: repeated values, and a map as JSON.
func plainQuery(raw string) string {
	if !strings.Contains(raw, "[") && !strings.Contains(raw, "%5B") && !strings.Contains(raw, "%5b") {
		return raw
	}
	given, err := url.ParseQuery(raw)
	if err != nil {
		return raw
	}
	plain, params := url.Values{}, map[string]string{}
	for name, values := range given {
		match := indexed.FindStringSubmatch(name)
		switch {
		case match == nil:
			plain[name] = append(plain[name], values...)
		case match[1] == "processor_params":
			params[match[2]] = strings.Join(values, ",")
		default:
			plain[match[1]] = append(plain[match[1]], values...)
		}
	}
	if len(params) > 0 && !plain.Has("processor_params") {
		plain.Set("processor_params", jsonOf(params))
	}
	return plain.Encode()
}

func jsonOf(params map[string]string) string {
	encoded, _ := json.Marshal(params) // a map of strings always encodes
	return string(encoded)
}

type headKey struct{}

// isHead reports whether the request was a HEAD.
func isHead(ctx context.Context) bool { return ctx.Value(headKey{}) != nil }

// headAsGet handles HEAD as GET on every route that has GET. The HTTP server drops the
// body of the answer to a HEAD.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headKey{}, true)) // a copy: the server knows the method
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// advertiseHead adds HEAD to the answer to OPTIONS.
func advertiseHead(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method == http.MethodOptions {
			c.Response().Before(func() { allowHead(c.Response().Header()) })
		}
		return next(c)
	}
}

// allowHead adds HEAD to the methods in the Allow header.
func allowHead(header http.Header) {
	allowed := header.Get(echo.HeaderAllow)
	if strings.Contains(allowed, http.MethodGet) && !strings.Contains(allowed, http.MethodHead) {
		header.Set(echo.HeaderAllow, allowed+", "+http.MethodHead)
	}
}

// writeHeader answers 200 with the headers of a list, for HEAD.
func writeHeader(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Encoding")
	w.WriteHeader(http.StatusOK)
	return nil
}
