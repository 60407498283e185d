// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi"
)

// contract holds the document that every exchange of these tests is compared with.
type contract struct {
	router routers.Router
	masked routers.Router   // for answers that lack what a mask leaves out
	errors *openapi3.Schema // of every answer from 400 on
}

// loadContract reads the document once for all tests.
var loadContract = sync.OnceValues(func() (*contract, error) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.PlainBodyDecoder)
	document, router, err := loadDocument(closeObject)
	if err != nil {
		return nil, err
	}
	_, masked, err := loadDocument(func(schema *openapi3.Schema) { closeObject(schema); requireNothing(schema) })
	if err != nil {
		return nil, err
	}
	return &contract{router: router, masked: masked, errors: document.Components.Schemas["Error"].Value}, nil
})

// loadDocument reads the document and adapts its schemas.
func loadDocument(adapt func(*openapi3.Schema)) (*openapi3.T, routers.Router, error) {
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromData(openapi.Document)
	if err != nil {
		return nil, nil, err
	}
	if err := document.Validate(loader.Context); err != nil {
		return nil, nil, err
	}
	for _, schema := range document.Components.Schemas {
		adapt(schema.Value)
	}
	router, err := gorillamux.NewRouter(document)
	return document, router, err
}

// requireNothing makes a schema fit what a mask has left over. Without their
// required members, alternatives cannot be distinguished.
func requireNothing(schema *openapi3.Schema) {
	schema.Required = nil
	schema.AnyOf, schema.OneOf, schema.Discriminator = append(schema.AnyOf, schema.OneOf...), nil, nil
	for _, property := range schema.Properties {
		if property.Ref == "" {
			requireNothing(property.Value)
		}
	}
	if schema.Items != nil && schema.Items.Ref == "" {
		requireNothing(schema.Items.Value)
	}
}

// closeObject makes members that the document does not describe a violation.
// Objects without members of their own, such as the data of stats, stay open.
func closeObject(schema *openapi3.Schema) {
	extra := schema.AdditionalProperties
	if schema.Type.Is(openapi3.TypeObject) && len(schema.Properties) > 0 && extra.Schema == nil && extra.Has == nil {
		no := false
		schema.AdditionalProperties.Has = &no
	}
}

// exchange is one request and its answer.
type exchange struct {
	request  *http.Request
	sent     []byte
	prefix   string // path prefix of the server
	status   int
	header   http.Header
	received []byte
	lenient  bool // the document need not describe the request, though it was accepted
}

// check compares the exchange with the document: an answer always, and a request
// when it was accepted.
func (c *contract) check(e exchange) error {
	request := e.request.Clone(context.Background())
	request.URL.Path = documentedPath(documentedPath(e.request.URL.Path, e.prefix), e.request.Header.Get("X-Forwarded-Prefix"))
	request.URL.RawPath = ""
	request.Body = io.NopCloser(bytes.NewReader(e.sent))
	request.ContentLength = int64(len(e.sent))
	if e.request.Method == http.MethodHead {
		return nil // TestHeadAnswersAsGet compares it with GET
	}
	router := c.router
	if e.request.Header.Get("X-Fields") != "" {
		router = c.masked
	}
	route, params, err := find(router, request)
	if err != nil {
		return c.checkUndescribed(e, err)
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus:             true,
		RejectWhenRequestBodyNotSpecified: true,
		SkipSettingDefaults:               true,
		MultiError:                        true,
		AuthenticationFunc:                wantsKey,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{
			openapi3.EnableFormatValidation(),
			openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(isUUID)),
		},
	}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route, Options: options}
	if e.status < http.StatusBadRequest && !e.lenient {
		sent := *options
		sent.SchemaValidationOptions = append(slices.Clone(options.SchemaValidationOptions),
			openapi3.WithStringFormatValidator("date", openapi3.NewCallbackValidator(isAcceptedDate)))
		input.Options = &sent
		err := openapi3filter.ValidateRequest(context.Background(), input)
		input.Options = options
		if err != nil {
			return fmt.Errorf("accepted, although the document does not describe such a request: %w", err)
		}
	}
	return checkAnswer(e, input)
}

func checkAnswer(e exchange, input *openapi3filter.RequestValidationInput) error {
	if bodyless := e.status == http.StatusNoContent || e.status == http.StatusNotModified; bodyless && len(e.received) > 0 {
		return fmt.Errorf("status %d with a body", e.status)
	}
	if input.Route.Operation.Responses.Status(e.status) == nil {
		return fmt.Errorf("status %d is not described", e.status) // kin-openapi passes any 304
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input,
		Status:                 e.status,
		Header:                 e.header,
		Body:                   io.NopCloser(bytes.NewReader(e.received)),
		Options:                input.Options,
	})
}

// find looks the path up with a trailing slash, as most are documented, and
// then without: /stats/processed would otherwise be taken for an analysis.
func find(router routers.Router, request *http.Request) (*routers.Route, map[string]string, error) {
	path := request.URL.Path
	request.URL.Path = path + "/"
	route, params, err := router.FindRoute(request)
	if !errors.Is(err, routers.ErrPathNotFound) {
		return route, params, err
	}
	request.URL.Path = path
	return router.FindRoute(request)
}

// checkUndescribed is about paths and methods that are not in the document: the
// answer is a 404 or 405 with an error body, unless it came before the routing.
func (c *contract) checkUndescribed(e exchange, cause error) error {
	if isReaderFile(e.request.URL.Path) && (e.status == http.StatusOK || e.status == http.StatusNotModified) {
		return nil
	}
	if e.request.Method == http.MethodOptions && e.status == http.StatusNoContent {
		return nil
	}
	if e.status < http.StatusBadRequest {
		return fmt.Errorf("answered %d, but: %w", e.status, cause)
	}
	var body any
	if err := json.Unmarshal(e.received, &body); err != nil {
		return fmt.Errorf("the error body: %w", err)
	}
	return c.errors.VisitJSON(body)
}

func isReaderFile(path string) bool {
	return strings.HasSuffix(path, ".css") || strings.HasSuffix(path, ".js") || strings.HasSuffix(path, ".png")
}

var slashes = regexp.MustCompile(`/+`)

// documentedPath writes a path without its prefix, repeated slashes and the one
// at its end.
func documentedPath(path, prefix string) string {
	path = slashes.ReplaceAllString(path, "/")
	if rest, below := strings.CutPrefix(path, prefix); below && strings.HasPrefix(rest, "/") {
		path = rest
	}
	return strings.TrimRight(path, "/")
}

// wantsKey wants a key wherever the document does. Only the open registration
// of clients, which the text of the operation mentions, goes without.
func wantsKey(_ context.Context, input *openapi3filter.AuthenticationInput) error {
	request := input.RequestValidationInput.Request
	if request.Header.Get("X-API-KEY") == "" && request.Method != http.MethodPost {
		return errors.New("no X-API-KEY")
	}
	return nil
}

func isUUID(text string) error {
	if len(text) != 36 {
		return fmt.Errorf("%q is no UUID", text)
	}
	return uuid.Validate(text)
}

// isAcceptedDate accepts what callers may send for a date: also a compact date or a
// date-time, of which the calendar day counts. Answers have YYYY-MM-DD alone.
func isAcceptedDate(text string) error {
	_, err := stats.ParseDateField("date", text)
	return err
}

// validating sends requests and compares them and their answers with the contract.
type validating struct {
	t      testing.TB
	base   http.RoundTripper
	prefix string
}

func (v *validating) RoundTrip(request *http.Request) (*http.Response, error) {
	v.t.Helper()
	document, err := loadContract()
	if err != nil {
		return nil, err
	}
	e := exchange{request: request, prefix: v.prefix}
	if request.Body != nil {
		if e.sent, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(e.sent))
	}
	response, err := v.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if e.received, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	e.status, e.header = response.StatusCode, response.Header
	if err := document.check(e); err != nil {
		v.t.Errorf("%s %s answered %d:\n%v\n%.500s", request.Method, request.URL, e.status, err, e.received)
	}
	if got := response.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		v.t.Errorf("%s %s: X-Content-Type-Options %q", request.Method, request.URL, got)
	}
	response.Body = io.NopCloser(bytes.NewReader(e.received))
	return response, nil
}

// TestContractCatches shows that a violation is noticed.
func TestContractCatches(t *testing.T) {
	t.Parallel()
	document, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	const (
		key   = "the key"
		empty = `{"data":[],"metadata":{"count":"0","limit":"0","offset":"0"}}`
	)
	tests := []struct {
		name, method, path, key, sent string
		status                        int
		received                      string
		want                          bool
	}{
		{"a good exchange", "GET", "/api/v1/stats/", key, `{"type":"risk","limit":"5"}`, 200, empty, true},
		{"without the slash", "GET", "/api/v1//stats", key, ``, 200, empty, true},
		{"null in a body", "GET", "/api/v1/stats/", key, `{"anrs":null,"limit":null,"get_last":null,"anr":null}`, 200, empty, true},
		{"a public route", "GET", "/about.json", "", ``, 200, `{"version":"1","api_v1_root":"/","version_url":""}`, true},
		{"an error", "GET", "/api/v1/stats/", key, `{`, 400, `{"message":"no"}`, true},
		{"an unknown path", "GET", "/api/v1/nothing", key, ``, 404, `{"message":"no"}`, true},
		{"a GET body of a wrong type", "GET", "/api/v1/stats/", key, `{"anrs":5}`, 200, empty, false},
		{"an unknown member that was accepted", "GET", "/api/v1/stats/", key, `{"x":5}`, 200, empty, false},
		{"no key", "GET", "/api/v1/stats/", "", ``, 200, empty, false},
		{"no UUID in a path of stats", "GET", "/api/v1/stats/", key, `{"anrs":["x"]}`, 200, empty, false},
		{"a stats of another type", "GET", "/api/v1/stats/", key, ``, 200, `{"data":[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571",
			"anr":"b402d4d8-4576-11e9-9173-0800277f0571","type":"risk","date":"2026-03-01","data":[]}],"metadata":{"count":"1","limit":"0","offset":"0"}}`, false},
		{"an answer that lacks a member", "GET", "/api/v1/client/me", key, ``, 200, `{"name":"NC3"}`, false},
		{"an answer of a wrong shape", "GET", "/api/v1/stats/", key, ``, 200, `[]`, false},
		{"an undescribed member", "GET", "/api/v1/client/me", key, ``, 200, `{"name":"NC3","role":"user","token":"t","is_sharing_enabled":true,"id":5}`, false},
		{"an undescribed status", "GET", "/api/v1/stats/", key, ``, 202, empty, false},
		{"an undescribed 304", "GET", "/api/v1/stats/", key, ``, 304, ``, false},
		{"an error of a wrong shape", "GET", "/api/v1/stats/", key, ``, 400, `{"error":"no"}`, false},
		{"an unknown path that answers", "GET", "/api/v1/nothing", key, ``, 200, `{}`, false},
		{"a public route with the base of the API", "GET", "/api/v1/about.json", key, ``, 200, `{}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequest(tt.method, "http://host:5000"+tt.path, strings.NewReader(tt.sent))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-API-KEY", tt.key)
			err = document.check(exchange{
				request: request, sent: []byte(tt.sent), status: tt.status,
				header: http.Header{
					"Content-Type": {"application/json"}, "Etag": {`"x"`}, "Cache-Control": {"no-cache"}, "Vary": {"Accept-Encoding"},
				}, received: []byte(tt.received),
			})
			if diff := cmp.Diff(tt.want, err == nil); diff != "" {
				t.Errorf("fits the contract (-want +got):\n%s%v", diff, err)
			}
		})
	}
}
