package httpapi

import (
	"reflect"
	"runtime"
	"strings"

	"github.com/labstack/echo/v4"
)

// operations tell where the function begins that serves a route, by method and
// path.
type operations map[string]uintptr

// watch has every route noted that is added from now on. Of a generated route
// it is the method of the same name of one of the implementations.
func (o operations) watch(e *echo.Echo, implementations ...any) {
	e.OnAddRouteHandler = func(_ string, route echo.Route, handler echo.HandlerFunc, _ []echo.MiddlewareFunc) {
		operation := entry(handler)
		if name, generated := generatedOperation(operation); generated {
			if method := methodOf(name, implementations); method != 0 {
				operation = method
			}
		}
		o[route.Method+" "+route.Path] = operation
	}
}

// name notes in the visit which operation serves it.
func (o operations) name(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if operation, known := o[r.Method+" "+c.Path()]; known {
			visitOf(r.Context()).operation = operation
		}
		return next(c)
	}
}

// entry is where a function begins.
func entry(function any) uintptr { return reflect.ValueOf(function).Pointer() }

// generatedOperation returns the name of the operation that a generated wrapper
// calls.
func generatedOperation(wrapper uintptr) (name string, ok bool) {
	function := runtime.FuncForPC(wrapper)
	if function == nil {
		return "", false
	}
	_, name, ok = strings.Cut(function.Name(), ".(*ServerInterfaceWrapper).")
	return strings.TrimSuffix(name, "-fm"), ok
}

// methodOf returns where a method of one of the values begins, or 0.
func methodOf(name string, values []any) uintptr {
	for _, value := range values {
		if value == nil {
			continue
		}
		if method, found := reflect.TypeOf(value).MethodByName(name); found {
			return method.Func.Pointer()
		}
	}
	return 0
}
