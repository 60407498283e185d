// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

type headKey struct{}

// isHead reports whether only the header of an answer is wanted.
func isHead(ctx context.Context) bool { return ctx.Value(headKey{}) != nil }

// headAsGet answers HEAD as GET, wherever that is answered. The server sends no
// body to who asked with HEAD, whatever is written.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headKey{}, true)) // a copy: the server knows the method
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// tellOfHead names HEAD where the options of an address are asked for.
func tellOfHead(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method == http.MethodOptions {
			c.Response().Before(func() { allowHead(c.Response().Header()) })
		}
		return next(c)
	}
}

// allowHead adds HEAD to the methods that an address answers to.
func allowHead(header http.Header) {
	allowed := header.Get(echo.HeaderAllow)
	if strings.Contains(allowed, http.MethodGet) && !strings.Contains(allowed, http.MethodHead) {
		header.Set(echo.HeaderAllow, allowed+", "+http.MethodHead)
	}
}

// writeHeader answers 200 with the header of a list that nobody reads.
func writeHeader(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Encoding")
	w.WriteHeader(http.StatusOK)
	return nil
}
