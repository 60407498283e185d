package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
)

//go:embed static vendored/dist
var files embed.FS

// hashLength is how much of the hash of all files their addresses hold.
const hashLength = 12

// forever keeps caches from asking again: what changes gets another address.
const forever = "public, max-age=31536000, immutable"

var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".ico":  "image/x-icon",
	"":      "text/plain; charset=utf-8", // licences
}

// asset is a file with its compressed form, which is nil when it is no smaller.
// It is made when the first reader asks for it: at the start of the service
// nobody would wait for anything else.
type asset struct {
	contentType string
	plain       []byte
	gzipped     func() []byte
}

// assets are the files of the pages. All of them share one hash, which is part
// of their addresses, so that modules can import each other by plain names.
type assets struct {
	hash   string
	byName map[string]asset
}

// loadAssets reads the embedded files.
func loadAssets() (*assets, error) {
	a := &assets{byName: make(map[string]asset)}
	hash := sha256.New()
	for _, folder := range []string{"static", "vendored/dist"} {
		err := fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := files.ReadFile(name)
			if err != nil {
				return err
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
	a.hash = hex.EncodeToString(hash.Sum(nil))[:hashLength]
	return a, nil
}

func (a *assets) add(name string, content []byte) {
	contentType, known := contentTypes[path.Ext(name)]
	if !known {
		contentType = contentTypes[""]
	}
	a.byName[name] = asset{contentType: contentType, plain: content, gzipped: sync.OnceValue(func() []byte {
		if contentType == contentTypes[".png"] { // which is compressed already
			return nil
		}
		return compress(content)
	})}
}

// assetLevel takes a third of the time of the highest level, which would save
// one byte in a hundred.
const assetLevel = 7

// compress returns nil when content does not get smaller.
func compress(content []byte) []byte {
	var buffer bytes.Buffer
	writer, err := gzip.NewWriterLevel(&buffer, assetLevel)
	if err != nil {
		return nil // does not happen with a constant that is a level
	}
	_, writeErr := writer.Write(content)
	if err := writer.Close(); err != nil || writeErr != nil || buffer.Len() >= len(content) {
		return nil // there are no errors in memory
	}
	return bytes.Clone(buffer.Bytes())
}

// root is the folder of the files below the prefix of the service.
func (a *assets) root() string { return "/static/" + a.hash }

// serve answers a file for the address with the current hash.
func (a *assets) serve(c echo.Context) error {
	file, found := a.byName[c.Param("*")]
	if !found || c.Param("hash") != a.hash {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", forever)
	return file.send(c)
}

func (f asset) send(c echo.Context) error {
	header, body := c.Response().Header(), f.plain
	header.Set("Vary", "Accept-Encoding")
	if weights(c.Request().Header.Values("Accept-Encoding"))["gzip"] > 0 {
		if gzipped := f.gzipped(); gzipped != nil {
			header.Set("Content-Encoding", "gzip")
			body = gzipped
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(http.StatusOK, f.contentType, body)
}
