// SPDX-License-Identifier: AGPL-3.0-or-later

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
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/upload"
)

// binder decodes request bodies strictly. The generated handlers call it for
// bodies only; parameters are bound by the generated code itself.
type binder struct {
	maxBytes int64 // of a batch
	decoders *decoders
}

// maxFilterBytes bounds every body except a batch, so that one caller cannot exhaust
// the service.
const maxFilterBytes = 1 << 20

// bodyTooLargeError reports a body above the size limit.
type bodyTooLargeError struct {
	limit int64
	batch bool
}

// Error returns the limit and what to do.
func (e *bodyTooLargeError) Error() string {
	text := fmt.Sprintf("The body is larger than the %d bytes that are accepted", e.limit)
	if e.batch {
		return text + "; send it in smaller batches."
	}
	return text + "."
}

// Bind decodes the JSON body into target. io.EOF means that there is no body;
// operations with an optional body accept that.
func (b binder) Bind(target any, c echo.Context) error {
	if _, isBatch := target.(*api.CreateStatsJSONRequestBody); isBatch {
		return b.bindBatch(c)
	}
	body, err := read(c, &bodyTooLargeError{limit: min(maxFilterBytes, b.maxBytes)}, nil)
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
	if err := b.decoders.acquireSlot(c, len(body)); err != nil {
		return err
	}
	err = decodeStrict(body, target)
	if wrong, ok := errors.AsType[*membersError](err); ok && c.Request().Method == http.MethodGet {
		keepBodyErrors(c, wrong)
		return nil
	}
	return err
}

// keepBodyErrors leaves the validation errors of a GET's body to the operation, which
// reports them together with those of the query: see parametersOf.
func keepBodyErrors(c echo.Context, wrong *membersError) {
	r := c.Request()
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), bodyErrorsKey{}, wrong)))
}

// isNoFilter reports whether the body of a GET is null or the empty map of PHP.
func isNoFilter(body []byte) bool {
	text := string(bytes.TrimSpace(body))
	return text == "null" || text == "[]"
}

// postedKey is the context key of the body of a batch.
type postedKey struct{}

// bodies reuses the memory of batches up to largeBody.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// bindBatch passes the body on undecoded: see posted.
func (b binder) bindBatch(c echo.Context) error {
	r := c.Request()
	if err := checkContentType(r); err != nil {
		return err
	}
	pooled := bodies.Get().(*[]byte)
	body, err := read(c, &bodyTooLargeError{limit: b.maxBytes, batch: true}, *pooled)
	if err != nil {
		return err
	}
	*pooled = body
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), postedKey{}, pooled)))
	return b.decoders.acquireSlot(c, len(body))
}

// posted returns the body that bindBatch read. It is valid until the answer has been
// written.
func posted(ctx context.Context) []byte {
	body, ok := ctx.Value(postedKey{}).(*[]byte)
	if !ok {
		return nil
	}
	return *body
}

// recycleBody reuses the memory of the body for another batch. It is called once the
// answer has been written.
func recycleBody(ctx context.Context) {
	body, ok := ctx.Value(postedKey{}).(*[]byte)
	if ok && cap(*body) <= largeBody {
		bodies.Put(body)
	}
}

// read returns the whole body, in buffer if it fits. It returns tooLarge for a body
// above the limit of tooLarge.
func read(c echo.Context, tooLarge *bodyTooLargeError, buffer []byte) ([]byte, error) {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > tooLarge.limit {
		return nil, tooLarge
	}
	time := deadlineOf(r.Context())
	time.pause()
	defer time.resume()
	limited := http.MaxBytesReader(c.Response(), r.Body, tooLarge.limit)
	body, err := readSized(limited, r.ContentLength, buffer)
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge
	}
	if errors.Is(err, errOverloaded) || errors.Is(err, upload.ErrTooSlow) || timedOut(r.Context()) {
		return nil, err
	}
	if err != nil {
		return nil, invalidBody("the body ended early: %s", "send it again")
	}
	return body, nil
}

// readSized reads to the end. The buffer of a body of known length grows in a few
// steps, each only once it is full. So a caller that announces much and sends little
// takes no memory, and little of a large batch is held twice.
func readSized(r io.Reader, length int64, buffer []byte) ([]byte, error) {
	if length <= 0 {
		return io.ReadAll(r)
	}
	body := buffer[:min(length, int64(cap(buffer)))]
	if int64(len(body)) < length {
		body = make([]byte, min(length, largeBody))
	}
	n, err := io.ReadFull(r, body)
	for err == nil && int64(n) < length {
		var next [1]byte
		if _, err = io.ReadFull(r, next[:]); err != nil {
			break
		}
		grown := make([]byte, min(bodyGrowth*int64(n), length))
		copy(grown, body)
		grown[n] = next[0]
		_, err = io.ReadFull(r, grown[n+1:])
		body, n = grown, len(grown)
	}
	return body, err
}

// checkContentType refuses bodies that are not declared as JSON. Many programs send a
// form by default.
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
