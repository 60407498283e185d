package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/client"
)

// received is what a server saw of a request.
type received struct{ Path, Key string }

// record returns the address of a server that answers with handler and notes
// what it gets.
func record(t *testing.T, handler http.HandlerFunc) (address string, requests *[]received) {
	t.Helper()
	requests = &[]received{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, received{Path: r.URL.Path, Key: r.Header.Get("X-API-KEY")})
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                       "/api/v1/client/me",
		"/":                      "/api/v1/client/me",
		"//":                     "/api/v1/client/me",
		"/api/v1":                "/api/v1/client/me",
		"/api/v1/":               "/api/v1/client/me",
		"//api//v1//":            "/api/v1/client/me",
		"/dashboard":             "/dashboard/api/v1/client/me",
		"//dashboard":            "/dashboard/api/v1/client/me",
		"//dashboard/":           "/dashboard/api/v1/client/me",
		"/dashboard/api/v1/":     "/dashboard/api/v1/client/me",
		"/deep/stats%20service/": "/deep/stats service/api/v1/client/me",
	}
	for suffix, want := range tests {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			address, requests := record(t, answer(http.StatusOK, "application/json", `{"name":"NC3"}`))
			stats, err := client.New(address+suffix, "key")
			if err != nil {
				t.Fatal(err)
			}
			result, err := stats.ClientGetWithResponse(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if result.JSON200 == nil || result.JSON200.Name != "NC3" {
				t.Errorf("the answer is %s with %q, want the name NC3", result.Status(), result.Body)
			}
			if diff := cmp.Diff([]received{{Path: want, Key: "key"}}, *requests); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const url = "https://stats.example.org"
	tests := map[string]struct{ server, key, want string }{
		"no URL":           {"", "key", "accepted is one such as"},
		"no scheme":        {"stats.example.org:5005", "key", "the URL of the stats service"},
		"no host":          {"https:///dashboard", "key", "accepted is one such as"},
		"other scheme":     {"ftp://stats.example.org", "key", "accepted is one such as"},
		"query":            {url + "?a=b", "key", "accepted is one such as"},
		"fragment":         {url + "#a", "key", "accepted is one such as"},
		"control":          {"http://stats.example.org\x7f", "key", "not understood"},
		"password":         {"ftp://me:hush@stats.example.org", "key", "xxxxx"},
		"key with a space": {url, "hush hush", "the API key cannot be used"},
		"key with a break": {url, "hush\nX-Evil: 1", "the API key cannot be used"},
		"key with accents": {url, "hüsh", "the API key cannot be used"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(tt.server, tt.key)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("New(%q) = %v, want an error with %q", tt.server, err, tt.want)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error %q shows a secret", err)
			}
		})
	}
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	address, requests := record(t, answer(http.StatusOK, "application/json", `[]`))
	stats, err := client.New(address, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stats.GetProcessorListWithResponse(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]received{{Path: "/api/v1/stats/processed/list"}}, *requests); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := client.NewClient(address, client.WithAPIKey("")); err == nil {
		t.Error("WithAPIKey took an empty key")
	}
}

// TestRedirect makes sure that the key stays with the server it is meant for.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere, strayed := record(t, answer(http.StatusOK, "application/json", `{}`))
	address, _ := record(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusFound)
	})
	stats, err := client.New(address, "key")
	if err != nil {
		t.Fatal(err)
	}
	result, err := stats.ClientGetWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var failed *client.StatusError
	if !errors.As(client.ErrorOf(result), &failed) || failed.Status != http.StatusFound {
		t.Errorf("ErrorOf = %v, want a StatusError with 302", client.ErrorOf(result))
	}
	if len(*strayed) > 0 {
		t.Errorf("the request followed the redirect: %v", *strayed)
	}
}

func TestErrorOf(t *testing.T) {
	t.Parallel()
	const json, html = "application/json", "text/html"
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"success":       {answer(http.StatusCreated, json, `{"name":"NC3"}`), ""},
		"already there": {answer(http.StatusNotModified, json, ""), ""},
		"no content":    {answer(http.StatusNoContent, "", ""), ""},
		"fields in order": {
			answer(http.StatusBadRequest, json, `{"message":"Input payload validation failed","errors":{"token":"too long","name":"is required"}}`),
			"the stats service answered 400 Bad Request: Input payload validation failed (name: is required; token: too long)",
		},
		"message": {
			answer(http.StatusConflict, json, `{"message":"The name is taken."}`),
			"the stats service answered 409 Conflict: The name is taken.",
		},
		"page of a proxy": {
			answer(http.StatusBadGateway, html, "<h1>Bad Gateway</h1>"),
			"the stats service answered 502 Bad Gateway",
		},
		"page of something else": {
			answer(http.StatusOK, html, "<h1>It works!</h1>"),
			"the stats service answered 200 OK: the answer is not JSON; is this the address of a stats service?",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := record(t, tt.handler)
			stats, err := client.New(address, "key")
			if err != nil {
				t.Fatal(err)
			}
			result, err := stats.ClientCreateWithResponse(t.Context(), nil, api.ClientCreation{Name: "NC3"})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := client.ErrorOf(result); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
