// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5/static"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/chart"
)

//go:embed static vendored/dist
var files embed.FS

// worldFile has the data for drawing maps. Browsers do not need it.
const worldFile = "vendored/dist/world.json"

// hashLength is how much of the hash of all files their addresses hold.
const hashLength = 12

var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".ico":  "image/x-icon",
	"":      "text/plain; charset=utf-8", // licences
}

// assets are the files of the pages. All of them share one hash, which is part
// of their addresses, so that modules can import each other by plain names.
type assets struct {
	hash   string
	byName map[string]*answer.Encoded
}

// loadAssets reads the embedded files.
func loadAssets() (*assets, error) {
	a := &assets{byName: make(map[string]*answer.Encoded)}
	hash := sha256.New()
	for _, folder := range []string{"static", "vendored/dist"} {
		err := fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || name == worldFile {
				return err
			}
			content, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			if path.Base(name) == "page.css" {
				content = append([]byte(chart.Stylesheet), content...)
			}
			fmt.Fprintf(hash, "%s %d\n", name, len(content))
			hash.Write(content)
			a.add(strings.TrimPrefix(name, folder+"/"), content)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the files of the pages: %w", err)
		}
	}
	for _, name := range swaggerFiles {
		packed, err := static.FS.ReadFile(name + ".gz")
		if err != nil {
			return nil, fmt.Errorf("read Swagger UI: %w", err)
		}
		hash.Write(packed)
	}
	a.hash = hex.EncodeToString(hash.Sum(nil))[:hashLength]
	return a, nil
}

func (a *assets) add(name string, content []byte) {
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		contentType = contentTypes[""]
	}
	a.byName[name] = answer.NewDocument(content, http.Header{"Content-Type": {contentType}, "Vary": {"Accept-Encoding"}})
}

// root returns the folder of the files below the prefix of the service.
func (a *assets) root() string { return "/static/" + a.hash }

// serve answers a file for the address with the current hash.
func (a *assets) serve(c echo.Context) error {
	file, found := a.byName[c.Param("*")]
	if !found || c.Param("hash") != a.hash {
		return echo.ErrNotFound
	}
	return send(c, file, answer.CacheForever)
}

func send(c echo.Context, file *answer.Encoded, policy answer.CacheControl) error {
	return file.Write(c.Response(), answer.NegotiationOf(c.Request().Context()), policy)
}
