// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/logging"
)

// lines is a log in the form that operators read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// of are the lines about a request, once there is one.
func (l *lines) of(t *testing.T, id string) (found []string) {
	t.Helper()
	until(t, "request "+id+" is logged", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		found = nil
		for line := range strings.Lines(l.text.String()) {
			if strings.Contains(line, " request_id="+id) {
				found = append(found, line)
			}
		}
		return len(found) > 0
	})
	return found
}

// lineForm is the published format.
var lineForm = regexp.MustCompile(`^2026-03-15 12:00:00,000 (\w+) (statsservice\.\S+) (\w+) (\d+): (.*)\n$`)

// TestLinesNameTheRoute has one line for each request at the usual level, by the
// logger of its part of the API, whoever refused the request.
func TestLinesNameTheRoute(t *testing.T) {
	t.Parallel()
	out := &lines{}
	log, file, err := logging.New(logging.Options{Stderr: out})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := setup(t, func(o *httpapi.Options) { o.Log = log })
	user, nobody, stranger := s.user("user"), s.anonymous(), s.with("a-wrong-token")
	const api = "statsservice.api.v1."
	taken := []item{threat(1, 0, 1).with("uuid", id(5))}
	user.post(taken...)
	tests := []struct {
		caller       caller
		method, path string
		body         any
		logger       string
		message      string
	}{
		{user, "GET", "/api/v1/client/me", nil, api + "client", "request method=GET route=/api/v1/client/me status=200"},
		{user, "PATCH", "/api/v1/client/me", `{"is_sharing_enabled":true}`, api + "client", "request method=PATCH route=/api/v1/client/me status=201"},
		{user, "POST", "/api/v1/client/", `{"name":"x"}`, api + "client", "This needs the token of an admin. method=POST route=/api/v1/client status=403"},
		{user, "POST", "/api/v1/stats/", []item{threat(1, 0, 1)}, api + "stats", "request method=POST route=/api/v1/stats status=201"},
		{user, "POST", "/api/v1/stats/", `[{}]`, api + "stats", "Input payload validation failed; nothing was stored method=POST route=/api/v1/stats status=400"},
		{user, "POST", "/api/v1/stats/", `[`, api + "stats", "The body is not valid JSON: "},
		{user, "GET", "/api/v1/stats/", nil, api + "stats", "request method=GET route=/api/v1/stats status=200"},
		{nobody, "GET", "/api/v1/stats/", nil, api + "stats", "Authentication is needed: send your token in the X-API-KEY header. method=GET route=/api/v1/stats status=401"},
		{stranger, "GET", "/api/v1/stats/", nil, api + "stats", "The token in the X-API-KEY header is not known here. method=GET route=/api/v1/stats status=403"},
		{user, "GET", "/api/v1/stats/" + id(1).String(), nil, api + "stats", "request method=GET route=/api/v1/stats/:anr status=200"},
		{user, "DELETE", "/api/v1/stats/" + id(9).String(), nil, api + "stats", "There is no such stat. method=DELETE route=/api/v1/stats/:anr status=404"},
		{user, "GET", "/api/v1/stats/processed/", `{"processor":"risk_averages"}`, api + "processed", "request method=GET route=/api/v1/stats/processed status=200"},
		{nobody, "GET", "/api/v1/stats/processed/list", nil, api + "processed", "request method=GET route=/api/v1/stats/processed/list status=200"},
		{nobody, "GET", "/about.json", nil, "statsservice.http", "request method=GET route=/about.json status=200"},
		{nobody, "GET", "/stats/threats.json", nil, "statsservice.http", "request method=GET route=/stats/threats.json status=200"},
		{nobody, "GET", "/nothing", nil, "statsservice.http", `There is nothing at this address. method=GET route="" status=404`},
		{nobody, "PUT", "/api/v1/stats/", nil, "", "This address does not support this method. method=PUT "},
	}
	for i, tt := range tests {
		sent := "request-" + strconv.Itoa(i) + "."
		tt.caller.call(tt.method, tt.path, tt.body, header{"X-Request-ID", sent})
		found := out.of(t, sent)
		if len(found) != 1 {
			t.Fatalf("%s %s has %d lines, want one:\n%s", tt.method, tt.path, len(found), strings.Join(found, ""))
		}
		parts := lineForm.FindStringSubmatch(found[0])
		if parts == nil {
			t.Fatalf("not in the published format: %s", found[0])
		}
		if tt.logger == "" {
			tt.logger = parts[2]
		}
		if diff := cmp.Diff([]string{"INFO", tt.logger, "logRequest"}, parts[1:4]); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.method, tt.path, diff)
		}
		if !strings.HasPrefix(parts[5], tt.message) {
			t.Errorf("%s %s: message %q, want %q", tt.method, tt.path, parts[5], tt.message)
		}
	}
	t.Run("a duplicate", func(t *testing.T) {
		user.call("POST", "/api/v1/stats/", taken, header{"X-Request-ID", "again"}).want(207)
		until(t, "both lines are written", func() bool { return len(out.of(t, "again")) == 2 })
		got := lineForm.FindStringSubmatch(out.of(t, "again")[0])
		want := []string{"WARNING", "statsservice.api.v1.stats", "logDuplicates", "Duplicate stats: " + id(5).String() + " request_id=again"}
		if diff := cmp.Diff(want, slices.Delete(got, 4, 5)[1:]); diff != "" {
			t.Errorf("line (-want +got):\n%s", diff)
		}
	})
}
