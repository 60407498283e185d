package httpapi

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/server"
)

// openRoutes are the API routes that need no key; every other route is
// protected, so that a route that is added cannot be forgotten.
var openRoutes = map[string]bool{
	Root + "/stats/processed/list": true,
}

// apiRoutes registers the generated routes without their trailing slash (paths
// are looked up without it) and behind authentication.
type apiRoutes struct {
	*echo.Echo
	authenticate echo.MiddlewareFunc
	admit        echo.MiddlewareFunc
}

var _ server.EchoRouter = apiRoutes{}

func (r apiRoutes) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(r.Echo.GET, path, h, m)
}

func (r apiRoutes) POST(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(r.Echo.POST, path, h, append(m, r.admit))
}

func (r apiRoutes) PATCH(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(r.Echo.PATCH, path, h, m)
}

func (r apiRoutes) DELETE(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	return r.add(r.Echo.DELETE, path, h, m)
}

type registration func(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route

func (r apiRoutes) add(register registration, path string, h echo.HandlerFunc, m []echo.MiddlewareFunc) *echo.Route {
	path = strings.TrimSuffix(path, "/")
	if !openRoutes[path] {
		m = append([]echo.MiddlewareFunc{r.authenticate}, m...) // before all others
	}
	return register(path, h, m...)
}
