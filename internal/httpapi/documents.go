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
	e.GET(Root+"/openapi.json", func(c echo.Context) error {
		document, err := openapi.JSON(prefix.Of(c.Request().Context()))
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, document)
	})
	e.GET(Root+"/swagger.json", func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openapi.Swagger)
	})
	e.GET(Root, serveReader)
	for _, file := range readerFiles {
		e.GET(Root+"/"+file, serveReader)
	}
}

// readerFiles are the files of the Swagger UI that its page asks for.
var readerFiles = []string{
	"swagger-ui.css",
	"swagger-ui-bundle.js",
	"swagger-ui-standalone-preset.js",
	"favicon-16x16.png",
	"favicon-32x32.png",
}

// serveReader serves the Swagger UI, whose links depend on the prefix below
// which the caller sees the service.
func serveReader(c echo.Context) error {
	r := c.Request()
	base := prefix.Of(r.Context()) + Root + "/"
	reader := v5emb.NewHandlerWithConfig(swgui.Config{
		Title:            "MONARC Stats service - API v1",
		SwaggerJSON:      base + "openapi.json",
		BasePath:         base,
		InternalBasePath: Root + "/",
	})
	if r.URL.Path == Root {
		r = r.Clone(r.Context())
		r.URL.Path = Root + "/"
	}
	c.Response().Header().Set("Content-Security-Policy", readerPolicy)
	reader.ServeHTTP(c.Response(), r)
	return nil
}
