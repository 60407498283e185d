// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5/static"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/cache"
)

// pageAPI is the API documentation, which no setting turns off.
const pageAPI = "api"

// swaggerFiles are the files of Swagger UI that the page uses. They are embedded
// compressed.
var swaggerFiles = []string{"swagger-ui.css", "swagger-ui-bundle.js"}

// apiPolicy also allows the data: images in Swagger UI's stylesheet.
const apiPolicy = "img-src 'self' data:"

// registerAPI adds the API documentation, at the root of the API.
func (p *Pages) registerAPI(g registrar) {
	kind := pageKind{name: pageAPI, path: p.opts.APIRoot, build: func(*requestContext, *page) error { return nil }}
	g.add(kind.path, func(c echo.Context) error {
		request := c.Request()
		r, _ := p.read(request.Context(), request.Header, c.QueryParams(), defaultPeriod) // shows no figures
		header := c.Response().Header()
		p.protect(header, false)
		header.Set("Content-Security-Policy", strings.Replace(header.Get("Content-Security-Policy"), "img-src 'self'", apiPolicy, 1))
		return p.serveCached(c, r, kind, "", func(r *requestContext) (*answer.Encoded, error) { return p.buildPage(r, kind) })
	})
	for _, name := range swaggerFiles {
		g.add(p.assets.root()+"/"+name, func(c echo.Context) error {
			file, err := cache.Get(c.Request().Context(), p.opts.Cache, cache.KeyOf("swagger-ui", name), nil,
				func(context.Context) (*answer.Encoded, error) { return swaggerFile(name) })
			if err != nil {
				return err
			}
			return send(c, file, answer.CacheForever)
		})
	}
}

// swaggerFile unpacks a file of Swagger UI. It is large and rarely requested.
func swaggerFile(name string) (*answer.Encoded, error) {
	packed, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return nil, fmt.Errorf("read Swagger UI: %w", err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack %s of Swagger UI: %w", name, err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpack %s of Swagger UI: %w", name, err)
	}
	return answer.NewDocument(content, http.Header{"Content-Type": {contentTypes[path.Ext(name)]}, "Vary": {"Accept-Encoding"}}), nil
}
