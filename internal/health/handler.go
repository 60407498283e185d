// SPDX-License-Identifier: AGPL-3.0-or-later

package health

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// retryAfter is how many seconds a caller is asked to wait for a service that is
// not ready.
const retryAfter = "5"

// alive is the answer of a process that lives.
var alive = struct {
	Status string `json:"status"`
}{"ok"}

// Handler answers the addresses of this package, and leaves all others to next.
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

// answer answers GET and HEAD, whose body the server leaves out.
func answer(handler http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handler(w, r)
	case http.MethodOptions:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD")
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD")
		write(w, http.StatusMethodNotAllowed, problem{"This address does not answer to this method."})
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

// problem is the body of an error, as the document describes it.
type problem struct {
	Message string `json:"message"`
}

// Refuse answers every request 503: the process has no database yet.
func (c *Checker) Refuse(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", retryAfter)
	write(w, http.StatusServiceUnavailable, problem{c.Report(r.Context()).Message + " Try again."})
}

func write(w http.ResponseWriter, status int, body any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that is gone needs no answer
}
