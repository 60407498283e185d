// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const url = "https://stats.example.org"
	tests := map[string]struct{ server, key, want string }{
		"no URL":           {"", "key", "use one such as"},
		"no scheme":        {"stats.example.org:5005", "key", "the URL of the stats service"},
		"no host":          {"https:///dashboard", "key", "use one such as"},
		"other scheme":     {"ftp://stats.example.org", "key", "use one such as"},
		"query":            {url + "?a=b", "key", "use one such as"},
		"fragment":         {url + "#a", "key", "use one such as"},
		"control":          {"http://stats.example.org\x7f", "key", "is invalid"},
		"password":         {"ftp://me:hush@stats.example.org", "key", "xxxxx"},
		"key with a space": {url, "hush hush", "the API key is invalid"},
		"key with a break": {url, "hush\nX-Evil: 1", "the API key is invalid"},
		"key with accents": {url, "hüsh", "the API key is invalid"},
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

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                       "/api/v1/client/me",
		"//":                     "/api/v1/client/me",
		"/api/v1/":               "/api/v1/client/me",
		"//api//v1//":            "/api/v1/client/me",
		"//dashboard/":           "/dashboard/api/v1/client/me",
		"/dashboard/api/v1/":     "/dashboard/api/v1/client/me",
		"/deep/stats%20service/": "/deep/stats service/api/v1/client/me",
	}
	for suffix, want := range tests {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			var got string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.URL.Path + " " + r.Header.Get("X-API-KEY")
				reply(w, http.StatusOK, `{"name":"NC3"}`)
			}))
			defer server.Close()
			c, err := client.New(server.URL+suffix, "key")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Me(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got != want+" key" {
				t.Errorf("asked for %s, want %s key", got, want)
			}
		})
	}
}

// TestNoKeyAfterRedirect shows that the key stays with the service it is meant for, also
// with an HTTP client that follows redirects.
func TestNoKeyAfterRedirect(t *testing.T) {
	t.Parallel()
	strayed := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { strayed++; reply(w, 200, `{}`) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/here", http.StatusFound))
	defer server.Close()
	for _, opts := range [][]client.Option{nil, {client.WithHTTPClient(http.DefaultClient)}} {
		c, err := client.New(server.URL, "key", opts...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Me(t.Context())
		if !errors.Is(err, client.ErrNotService) || !strings.Contains(err.Error(), elsewhere.URL+"/here") {
			t.Errorf("Me = %v, want an ErrNotService that names where the redirect leads", err)
		}
	}
	if strayed > 0 {
		t.Errorf("%d requests followed the redirect", strayed)
	}
}

// TestEveryCallOfAProgram goes through everything that a program does with a service.
func TestEveryCallOfAProgram(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, c := t.Context(), s.connect(t, s.key)

	me, err := c.Me(ctx)
	want := client.Account{Name: "user", Role: me.Role, Token: s.key, Sharing: true}
	if diff := cmp.Diff(want, me); err != nil || diff != "" || me.Admin() {
		t.Errorf("Me: %v (-want +got)\n%s", err, diff)
	}
	if me, err = c.Share(ctx, false); err != nil || me.Sharing {
		t.Errorf("Share(false) = %+v, %v", me, err)
	}
	if root, err := s.connect(t, s.admin).Me(ctx); err != nil || !root.Admin() {
		t.Errorf("Me of the admin = %+v, %v", root, err)
	}

	posted, err := c.Post(ctx, threatStat(t, 1, 0), threatStat(t, 2, 1))
	if err != nil || len(posted.Stats) != 2 || posted.Stats[0].UUID == uuid.Nil {
		t.Fatalf("Post = %+v, %v", posted, err)
	}
	again, err := c.Post(ctx, posted.Stats...)
	if diff := cmp.Diff([]uuid.UUID{posted.Stats[0].UUID, posted.Stats[1].UUID}, again.Duplicates); err != nil || diff != "" {
		t.Errorf("Post again: %v (-want +got)\n%s", err, diff)
	}

	processors, err := s.connect(t, "").Processors(ctx)
	if err != nil || !slices.ContainsFunc(processors, func(p client.Processor) bool { return p.Name == client.ThreatAverageOnDate }) {
		t.Errorf("Processors = %v, %v", processors, err)
	}
	result, err := c.Processed(ctx, client.Processing{Processor: client.ThreatAverageOnDate, ANRs: []uuid.UUID{id(1), id(2)}})
	if err != nil {
		t.Fatal(err)
	}
	var series []data.ObjectSeries
	if err := result.Decode(&series); err != nil || len(series) != 1 || series[0].Averages.Count != 1.5 || series[0].Labels.English != "Theft" {
		t.Errorf("Processed = %s, %v, %v", result.Data, series, err)
	}

	comparison, err := c.Compare(ctx, client.Comparing{Type: client.TypeThreat, ANRs: []uuid.UUID{id(1)}})
	if err != nil || len(comparison.Data) != 1 {
		t.Fatalf("Compare = %+v, %v", comparison, err)
	}
	average := 1.5
	wantFigure := client.ComparedFigure{Own: 1, All: &average, Unranked: "few_organisations"}
	if diff := cmp.Diff(wantFigure, comparison.Data[0].Figures["count"]); diff != "" || comparison.Data[0].Labels.English != "Theft" || comparison.Data[0].Analyses != 2 {
		t.Errorf("Compare = %+v (-want +got)\n%s", comparison, diff)
	}

	stat, err := c.Stat(ctx, id(1), posted.Stats[0].UUID)
	if err != nil || stat.Date != today {
		t.Errorf("Stat = %+v, %v", stat, err)
	}
	if err := c.Delete(ctx, id(1), stat.UUID); err != nil {
		t.Errorf("Delete = %v", err)
	}
	if err := c.Delete(ctx, id(1)); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Delete again = %v, want ErrNotFound", err)
	}
	if _, err := c.Stat(ctx, id(1), stat.UUID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Stat = %v, want ErrNotFound", err)
	}
}

// TestDeleteSkipsMissing shows that a missing stat does not keep the next from deletion.
func TestDeleteSkipsMissing(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, c := t.Context(), s.connect(t, s.key)
	posted, err := c.Post(ctx, threatStat(t, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	stored, missing := posted.Stats[0].UUID, id(99)
	if err := c.Delete(ctx, id(1), missing, stored); err != nil {
		t.Errorf("Delete of a missing and a stored stat = %v", err)
	}
	if _, err := c.Stat(ctx, id(1), stored); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Stat = %v, want ErrNotFound: it is deleted", err)
	}
	if err := c.Delete(ctx, id(1), missing, stored); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Delete of missing stats = %v, want ErrNotFound", err)
	}
}

// TestErrorsSayWhatWasWrong shows what programs learn from refusals of a real service.
func TestErrorsSayWhatWasWrong(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, c := t.Context(), s.connect(t, s.key, client.WithBatchSize(2))
	bad := threatStat(t, 3, 0)
	bad.Data = []byte(`[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","count":-1,"maxRisk":1,"averageRate":1}]`)
	_, err := c.Post(ctx, threatStat(t, 1, 0), threatStat(t, 2, 0), threatStat(t, 4, 0), bad)
	var failed *client.Error
	if !errors.Is(err, client.ErrInvalid) || !errors.As(err, &failed) {
		t.Fatalf("Post = %v, want ErrInvalid", err)
	}
	if _, named := failed.Fields["3.data.0.count"]; !named || failed.RequestID == "" || failed.Temporary() {
		t.Errorf("Post = %+v, want the field 3.data.0.count and a request id", failed)
	}
	tests := map[string]struct {
		call func() error
		want error
	}{
		"no key":      {func() error { _, err := s.connect(t, "").Me(ctx); return err }, client.ErrUnauthorized},
		"unknown key": {func() error { _, err := s.connect(t, "unknown").Me(ctx); return err }, client.ErrForbidden},
		"not admin":   {func() error { _, err := c.CreateAccount(ctx, "NC3", ""); return err }, client.ErrForbidden},
		"taken":       {func() error { _, err := s.connect(t, s.admin).CreateAccount(ctx, "user", "x"); return err }, client.ErrConflict},
		"too large": {func() error {
			large := threatStat(t, 5, 0)
			large.Data = []byte(`{"note":"` + strings.Repeat("x", 2<<20) + `"}`)
			_, err := c.Post(ctx, large)
			return err
		}, client.ErrTooLarge},
		"unknown processor": {func() error { _, err := c.Processed(ctx, client.Processing{Processor: "sums"}); return err }, client.ErrInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.call(); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestAnswersOfOthers shows what is said about answers that a service would not give.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler   http.HandlerFunc
		want      string
		temporary bool
	}{
		"fields in order": {func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 400, `{"message":"Input payload validation failed","errors":{"token":"too long","name":"is required"}}`)
		}, "the stats service answered 400 Bad Request: Input payload validation failed (name: is required; token: too long)", false},
		"page of a proxy": {func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 502, "<h1>Bad Gateway</h1>", "Content-Type", "text/html")
		}, "the stats service answered 502 Bad Gateway", true},
		"page of something else": {func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, "<h1>It works!</h1>", "Content-Type", "text/html")
		}, "the stats service answered 200 OK: the answer is not JSON: is this the address of a stats service?", false},
		"JSON of something else": {func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `["hello"]`) },
			"is this the address of a stats service?", false},
		"terminal codes": {func(w http.ResponseWriter, _ *http.Request) { reply(w, 409, `{"message":"\u001b[2Jgone"}`) },
			"the stats service answered 409 Conflict:  [2Jgone", false},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `{"name":`) }, "its answer is cut off", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			c, err := client.New(server.URL, "key", client.WithRetry(client.Retry{Attempts: 1}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Me(t.Context())
			var failed *client.Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.want) || failed.Temporary() != tt.temporary {
				t.Errorf("Me = %v, temporary %v, want %q, %v", err, failed.Temporary(), tt.want, tt.temporary)
			}
		})
	}
}

// TestStalledAnswerEnds shows that a service which falls silent is given up, also in the
// middle of an answer.
func TestStalledAnswerEnds(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	for _, begin := range []string{"", `{"name":`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begin != "" {
				reply(w, 200, begin)
				_ = http.NewResponseController(w).Flush()
			}
			select {
			case <-ended:
			case <-r.Context().Done():
			}
		}))
		defer server.Close()
		c, err := client.New(server.URL, "key", client.WithTimeout(50*time.Millisecond), client.WithRetry(client.Retry{Attempts: 1}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "it did not answer in time") {
			t.Errorf("after %q: %v", begin, err)
		}
	}
	close(ended)
}

// TestKeyGoesToNoOtherHost shows that the key goes to no other host.
func TestKeyGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { keys = append(keys, r.Header.Get("X-API-KEY")) }))
	defer server.Close()
	for _, base := range []string{server.URL, "http://stats.example.org"} {
		c, err := client.New(base, "key")
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/about.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		c.Close()
	}
	if diff := cmp.Diff([]string{"key", ""}, keys); diff != "" {
		t.Errorf("keys (-want +got)\n%s", diff)
	}
}
