// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var (
	published   = uuid.MustParse("f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07")
	unpublished = uuid.MustParse("f3caa83b-28fb-49fd-b7ad-6e4cd1aaad06")
)

// platform is a MOSP platform with one object.
func platform(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != "/api/v2/object/" {
		http.NotFound(w, r)
		return
	}
	name := "unpublished.json"
	if r.URL.Query().Get("uuid") == published.String() {
		name = "published.json"
	}
	w.Header().Set("Content-Type", "application/json")
	http.ServeFile(w, r, filepath.Join("testdata", name))
}

// setup serves a handler until the test ends.
func setup(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func body(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }
}

// without gives the rest of an error whose start tells host and object.
func without(t *testing.T, err error, server *httptest.Server) string {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	start := "ask MOSP at " + strings.TrimPrefix(server.URL, "http://") + " about object " + published.String() + ": "
	rest, ok := strings.CutPrefix(err.Error(), start)
	if !ok || strings.Contains(rest, "\n") {
		t.Fatalf("got error %q, want one line that starts with %q", err, start)
	}
	return rest
}

func TestPublishedObjectIsFound(t *testing.T) {
	t.Parallel()
	server := setup(t, platform)
	answer, err := New(server.URL).Object(t.Context(), published)
	if err != nil {
		t.Fatal(err)
	}
	if !answer.Published {
		t.Error("an object that is published is not found")
	}
	got, err := answer.Indented()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "published.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	raw, err := os.ReadFile(filepath.Join("testdata", "published.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(raw), string(answer.Raw)); diff != "" {
		t.Errorf("the answer as it came was changed (-want +got)\n%s", diff)
	}
}

func TestUnpublishedObjectIsNotFound(t *testing.T) {
	t.Parallel()
	server := setup(t, platform)
	answer, err := New(server.URL+"/").Object(t.Context(), unpublished)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Published {
		t.Error("an object that is not published is found")
	}
	got, err := answer.Indented()
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n    \"data\": [],\n    \"metadata\": {\n        \"count\": \"0\",\n        \"limit\": \"10\",\n        \"offset\": \"0\"\n    }\n}"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestIndentedAnswerIsRead(t *testing.T) {
	t.Parallel()
	raw := `{"b":[6.30,1e2,12345678901234567890,-0],"a":{},"é":"\u00e9\u003c&>\u2028\u0007\/","c":[[],{"z":null,"y":true}]}`
	want := `{
    "a": {},
    "b": [
        6.30,
        1e2,
        12345678901234567890,
        -0
    ],
    "c": [
        [],
        {
            "y": true,
            "z": null
        }
    ],
    "é": "é<&>` + "\u2028" + `\u0007/"
}`
	got, err := Answer{Raw: []byte(raw)}.Indented()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := (Answer{Raw: []byte("{")}).Indented(); err == nil {
		t.Error("half an object was indented")
	}
}

func TestObjectsAreCounted(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		`{"metadata":{"count":"0"},"data":[]}`:          false,
		`{"metadata":{"count":0},"data":[]}`:            false,
		`{"metadata":{"count":1,"more":2},"data":[{}]}`: true,
		`{"metadata":{"count":"12"}}`:                   true,
	} {
		server := setup(t, body(answer))
		got, err := New(server.URL).Object(t.Context(), published)
		if err != nil {
			t.Error(err)
		}
		if got.Published != want {
			t.Errorf("%s: published is %t, want %t", answer, got.Published, want)
		}
	}
}

func TestRequestNamesTheObject(t *testing.T) {
	t.Parallel()
	type request struct{ Method, URI, Agent, Accept string }
	var got request
	server := setup(t, func(w http.ResponseWriter, r *http.Request) {
		got = request{r.Method, r.RequestURI, r.UserAgent(), r.Header.Get("Accept")}
		platform(w, r)
	})
	if _, err := New(server.URL, WithUserAgent("stats-service/1.2.3")).Object(t.Context(), published); err != nil {
		t.Fatal(err)
	}
	want := request{"GET", "/api/v2/object/?uuid=" + published.String(), "stats-service/1.2.3", "application/json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const (
	checkURL = "; check that MOSP_URL is the address of a MOSP platform"
	noCount  = "the answer has no usable metadata.count"
)

func TestUnusableAnswer(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"HTML":               {body("<!doctype html>\n<title>Login</title>"), "the answer is not JSON (it is declared as text/html)" + checkURL},
		"HTML sent as JSON":  {asJSON("<html>"), "the answer is not JSON" + checkURL},
		"nothing":            {asJSON(""), "the answer is not JSON" + checkURL},
		"two values":         {asJSON(`{"metadata":{"count":"1"}} {}`), "the answer is not JSON" + checkURL},
		"no metadata":        {asJSON(`{"data":[]}`), noCount + checkURL},
		"metadata is a list": {asJSON(`{"metadata":[]}`), noCount + checkURL},
		"an array":           {asJSON(`[1]`), noCount + checkURL},
		"count is null":      {asJSON(`{"metadata":{"count":null}}`), noCount + checkURL},
		"count is a word":    {asJSON(`{"metadata":{"count":"one"}}`), noCount + checkURL},
		"count is negative":  {asJSON(`{"metadata":{"count":-1}}`), noCount + checkURL},
		"count is an object": {asJSON(`{"metadata":{"count":{}}}`), noCount + checkURL},
		"204":                {status(204), "it answered 204 No Content" + checkURL},
		"404":                {status(404), "it answered 404 Not Found" + checkURL},
		"429":                {status(429), "it answered 429 Too Many Requests; the platform has a problem, try again later"},
		"500":                {status(500), "it answered 500 Internal Server Error; the platform has a problem, try again later"},
		"without a name":     {status(599), "it answered 599; the platform has a problem, try again later"},
		"length cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"metadata":{"count":"1"`)
		}, "the answer was cut off: unexpected EOF; try again"},
		"chunks cut": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":{"count":"1"`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "the answer was cut off: unexpected EOF; try again"},
		"round in circles": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.RequestURI, http.StatusFound)
		}, "too many redirects; set MOSP_URL to the final address"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := setup(t, tt.handler)
			_, err := New(server.URL).Object(t.Context(), published)
			if diff := cmp.Diff(tt.want, without(t, err, server)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func asJSON(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, content)
	}
}

func TestLargeAnswerIsRefused(t *testing.T) {
	t.Parallel()
	const answer = `{"metadata":{"count":"1"}}`
	server := setup(t, asJSON(answer))
	if _, err := New(server.URL, WithMaxBody(int64(len(answer)))).Object(t.Context(), published); err != nil {
		t.Errorf("an answer of the largest size: %v", err)
	}
	_, err := New(server.URL, WithMaxBody(int64(len(answer)-1))).Object(t.Context(), published)
	want := "the answer is larger than 25 bytes" + checkURL
	if diff := cmp.Diff(want, without(t, err, server)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestRedirectWithinThePlatform follows a redirect within the platform.
func TestRedirectWithinThePlatform(t *testing.T) {
	t.Parallel()
	target := setup(t, platform)
	server := setup(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+r.RequestURI, http.StatusMovedPermanently)
	})
	answer, err := New(server.URL).Object(t.Context(), published)
	if err != nil || !answer.Published {
		t.Errorf("got %t, %v", answer.Published, err)
	}
}

// TestRedirectElsewhere does not ask where a platform redirects to another host.
func TestRedirectElsewhere(t *testing.T) {
	t.Parallel()
	asked := false
	target := setup(t, func(http.ResponseWriter, *http.Request) { asked = true })
	for name, location := range map[string]string{
		"another host":   strings.Replace(target.URL, "127.0.0.1", "localhost", 1),
		"metadata":       "http://169.254.169.254/latest/meta-data/",
		"another scheme": "file:///etc/passwd",
	} {
		server := setup(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		if _, err := New(server.URL).Object(t.Context(), published); err == nil || !strings.Contains(err.Error(), "redirects to another host") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked {
		t.Error("the other host was asked")
	}
}

// TestSlowPlatformIsGivenUp has platforms that never finish, before and within the answer.
func TestSlowPlatformIsGivenUp(t *testing.T) {
	t.Parallel()
	handlers := map[string]http.HandlerFunc{
		"before the answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"within the answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := setup(t, handler)
			_, err := New(server.URL, WithTimeout(50*time.Millisecond)).Object(t.Context(), published)
			want := "no answer within 50ms; try again later, or check MOSP_URL"
			if diff := cmp.Diff(want, without(t, err, server)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is no exceeded deadline", err)
			}
		})
	}
}

func TestInterruptedAnswerIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := setup(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := New(server.URL).Object(ctx, published)
	if diff := cmp.Diff("interrupted: context canceled", without(t, err, server)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap the end of the context", err)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

func TestUnreachablePlatformIsNamed(t *testing.T) {
	t.Parallel()
	client := New("https://ada:t0ps3cret@mosp.example.org/sub", WithTransport(refusing{}))
	_, err := client.Object(t.Context(), published)
	want := "ask MOSP at mosp.example.org about object f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07: " +
		"it cannot be reached: dial tcp: connection refused; check MOSP_URL, the network and the proxy"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		t.Errorf("%v holds the URL with its password", err)
	}
}

func TestUnusableURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "objects.monarc.lu", "ftp://objects.monarc.lu", "http://", "http://a b", "://"} {
		_, err := New(base).Object(t.Context(), published)
		if err == nil || !strings.Contains(err.Error(), "correct MOSP_URL") {
			t.Errorf("%q: got %v", base, err)
		}
	}
}
