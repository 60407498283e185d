// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/openapi"
)

// registerDocuments serves the OpenAPI documents.
func registerDocuments(e *echo.Echo) {
	e.GET(Root+"/openapi.json", func(c echo.Context) error { return serveDocument(c, echo.MIMEApplicationJSON, openapi.JSON) })
	e.GET(Root+"/openapi.yaml", func(c echo.Context) error { return serveDocument(c, "application/yaml", openapi.YAML) })
	e.GET(Root+"/swagger.json", func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openapi.SwaggerBelow(prefix.Of(c.Request().Context())))
	})
}

// serveDocument serves the OpenAPI document with the prefix that the caller sees.
func serveDocument(c echo.Context, contentType string, of func(prefix string) ([]byte, error)) error {
	document, err := of(prefix.Of(c.Request().Context()))
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, contentType, document)
}
