package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/openapi"
)

// readerPolicy lets the Swagger UI, which brings inline styles and its start
// script in the page, work from this host alone.
const readerPolicy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"

// registerDocuments serves the documents and their reader.
func registerDocuments(e *echo.Echo) {
	e.GET(Root+"/openapi.json", func(c echo.Context) error { return serveDocument(c, echo.MIMEApplicationJSON, openapi.JSON) })
	e.GET(Root+"/openapi.yaml", func(c echo.Context) error { return serveDocument(c, "application/yaml", openapi.YAML) })
	e.GET(Root+"/swagger.json", func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openapi.SwaggerBelow(prefix.Of(c.Request().Context())))
	})
	e.GET(Root, serveReader)
	files := echo.WrapHandler(readerOf(""))
	for _, file := range readerFiles {
		e.GET(Root+"/"+file, files)
	}
}

// serveDocument serves the OpenAPI document with the prefix that the caller sees.
func serveDocument(c echo.Context, contentType string, of func(prefix string) ([]byte, error)) error {
	document, err := of(prefix.Of(c.Request().Context()))
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, contentType, document)
}

// readerFiles are the files of the Swagger UI that its page asks for.
var readerFiles = []string{
	"swagger-ui.css",
	"swagger-ui-bundle.js",
	"swagger-ui-standalone-preset.js",
	"favicon-16x16.png",
	"favicon-32x32.png",
}

// readerOf returns the Swagger UI for callers that see the service below a prefix.
func readerOf(prefix string) http.Handler {
	base := prefix + Root + "/"
	return v5emb.NewHandlerWithConfig(swgui.Config{
		Title:            "MONARC Stats service - API v1",
		SwaggerJSON:      base + "openapi.json",
		BasePath:         base,
		InternalBasePath: Root + "/",
	})
}

// serveReader serves the page of the Swagger UI, whose links depend on the prefix.
func serveReader(c echo.Context) error {
	header := c.Response().Header()
	header.Set("Content-Security-Policy", readerPolicy)
	readerOf(prefix.Of(c.Request().Context())).ServeHTTP(c.Response(), c.Request())
	return nil
}
