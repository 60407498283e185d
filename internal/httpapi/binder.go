package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/api"
)

// binder decodes request bodies strictly. The generated handlers call it for
// bodies only; parameters are bound by the generated code itself.
type binder struct {
	maxBytes int64
}

// Bind decodes the JSON body into target. io.EOF tells that there is no body,
// which operations with an optional body accept.
func (b binder) Bind(target any, c echo.Context) error {
	if _, isBatch := target.(*api.CreateStatsJSONRequestBody); isBatch {
		return b.bindBatch(c)
	}
	body, err := b.read(c)
	if err != nil {
		return err
	}
	if len(body) == 0 && c.Request().Method == http.MethodGet {
		return io.EOF
	}
	if err := checkContentType(c.Request()); err != nil {
		return err
	}
	if c.Request().Method == http.MethodGet && isNoFilter(body) {
		return io.EOF
	}
	err = decodeStrict(body, target)
	if wrong, ok := errors.AsType[*membersError](err); ok && c.Request().Method == http.MethodGet {
		leaveToQuestion(c, wrong)
		return nil
	}
	return err
}

// leaveToQuestion lets the operation tell what is wrong with the body of a GET
// together with what is wrong with its query: see asked.
func leaveToQuestion(c echo.Context, wrong *membersError) {
	r := c.Request()
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), bodyFaultsKey{}, wrong)))
}

// isNoFilter tells whether the body of a GET is null or the empty map of PHP.
func isNoFilter(body []byte) bool {
	text := string(bytes.TrimSpace(body))
	return text == "null" || text == "[]"
}

// postedKey is under which the context of a request has its body.
type postedKey struct{}

// bindBatch leaves the body to the operation as it is: see posted.
func (b binder) bindBatch(c echo.Context) error {
	r := c.Request()
	if err := checkContentType(r); err != nil {
		return err
	}
	body, err := b.read(c)
	if err != nil {
		return err
	}
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), postedKey{}, body)))
	return nil
}

// posted returns the body that bindBatch has left.
func posted(ctx context.Context) []byte {
	body, _ := ctx.Value(postedKey{}).([]byte)
	return body
}

// unreadable tells the caller why a body could not be read.
func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLarge
	}
	return invalidBody("the body ended early: %s", "send it again")
}

// read returns the whole body, up to the accepted size.
func (b binder) read(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > b.maxBytes {
		return nil, &http.MaxBytesError{Limit: b.maxBytes}
	}
	limited := http.MaxBytesReader(c.Response(), r.Body, b.maxBytes)
	body, err := readSized(limited, r.ContentLength)
	if err != nil {
		return nil, unreadable(err)
	}
	return body, nil
}

// readSized reads to the end. A body of a known length is read into a buffer of
// that size, since growing one would hold several copies of a large batch.
func readSized(r io.Reader, length int64) ([]byte, error) {
	if length <= 0 {
		return io.ReadAll(r)
	}
	body := make([]byte, length)
	_, err := io.ReadFull(r, body)
	return body, err
}

// checkContentType refuses bodies that are not declared as JSON: a form is what
// many programs send when nobody told them otherwise.
func checkContentType(r *http.Request) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &notJSONError{message: "The body is compressed; send it as it is, without Content-Encoding."}
	}
	declared := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(declared)
	if err != nil || !isJSON(media) {
		return &notJSONError{message: fmt.Sprintf(
			"The body is declared as %q; send JSON with the header Content-Type: application/json.", declared)}
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return &notJSONError{message: "JSON is written in UTF-8; send the header Content-Type: application/json."}
	}
	return nil
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
