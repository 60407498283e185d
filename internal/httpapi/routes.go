// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/server"
)

// openRoutes are the API routes that need no key. Every other route is protected, so a
// new route cannot be left open by accident.
var openRoutes = map[string]bool{
	Root + "/stats/processed/list": true,
}

// apiRoutes registers the generated routes without their trailing slash (paths
// are looked up without it) and behind authentication.
type apiRoutes struct {
	*echo.Echo
	authenticate echo.MiddlewareFunc
	admit        func(maxBytes int64) echo.MiddlewareFunc
	maxBodyBytes int64           // of a batch
	keyed        map[string]bool // collects the method and path of routes that need a key
}

var _ server.EchoRouter = apiRoutes{}

func (r apiRoutes) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(http.MethodGet, path, h, m)
}

func (r apiRoutes) POST(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(http.MethodPost, path, h, m)
}

func (r apiRoutes) PATCH(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(http.MethodPatch, path, h, m)
}

func (r apiRoutes) DELETE(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(http.MethodDelete, path, h, m)
}

func (r apiRoutes) add(method, path string, h echo.HandlerFunc, m []echo.MiddlewareFunc) *echo.Route {
	path = strings.TrimSuffix(path, "/")
	if !openRoutes[path] {
		r.keyed[routeOf(method, path)] = true
		m = append([]echo.MiddlewareFunc{r.authenticate, r.admit(r.maxBytes(method, path))}, m...) // before all others
	}
	return r.Add(method, path, h, m...)
}

// maxBytes returns the size of the largest body that an operation accepts.
func (r apiRoutes) maxBytes(method, path string) int64 {
	if method == http.MethodPost && path == Root+"/stats" {
		return r.maxBodyBytes
	}
	return min(maxFilterBytes, r.maxBodyBytes)
}

// routeOf names a route.
func routeOf(method, path string) string { return method + " " + path }
