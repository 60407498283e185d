// SPDX-License-Identifier: AGPL-3.0-or-later

package health

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// retryAfter is the Retry-After in seconds while the service is not ready.
const retryAfter = "5"

// alive is the answer of /healthz.
var alive = struct {
	Status string `json:"status"`
}{"ok"}

// Handler serves the paths of this package, and passes all others to next.
func (c *Checker) Handler(next http.Handler) http.Handler {
	addresses := map[string]http.HandlerFunc{
		"/healthz": func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, alive) },
		"/health":  func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, alive) },
		"/readyz":  c.ready,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, own := addresses[strings.TrimPrefix(path.Clean(r.URL.Path), c.opts.Prefix)]
		if !own {
			next.ServeHTTP(w, r)
			return
		}
		answer(handler, w, r)
	})
}

// answer answers GET and HEAD; the HTTP server drops the body for HEAD.
func answer(handler http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handler(w, r)
	case http.MethodOptions:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD")
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD")
		write(w, http.StatusMethodNotAllowed, errorBody{"This address does not support this method."})
	}
}

func (c *Checker) ready(w http.ResponseWriter, r *http.Request) {
	report := c.Report(r.Context())
	status := http.StatusOK
	if report.Status == Unavailable {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", retryAfter)
	}
	write(w, status, report)
}

// errorBody is the body of an error, as in the OpenAPI document.
type errorBody struct {
	Message string `json:"message"`
}

// Refuse answers every request 503: the process has no database yet.
func (c *Checker) Refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", retryAfter)
	write(w, http.StatusServiceUnavailable, errorBody{c.Report(r.Context()).Message + " Try again."})
}

func write(w http.ResponseWriter, status int, body any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // it fails only if the caller has disconnected
}
