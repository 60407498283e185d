// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

// lines are those of the log with this message, without their times.
func (l *logged) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	for line := range bytes.Lines([]byte(l.String())) {
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		if text, _ := members["msg"].(string); strings.HasPrefix(text, message) {
			delete(members, "time")
			found = append(found, members)
		}
	}
	return found
}

// of are the lines about the request with this id. The last of them is written
// after its answer.
func (l *logged) of(t *testing.T, id string) (found []map[string]any) {
	t.Helper()
	until(t, "request "+id+" is logged", func() bool { return len(l.with(t, id)) > 0 })
	return l.with(t, id)
}

func (l *logged) with(t *testing.T, id string) (found []map[string]any) {
	t.Helper()
	for _, line := range l.lines(t, "") {
		if line["request_id"] == id {
			found = append(found, line)
		}
	}
	return found
}

// TestRequestsAreLogged has one line for each, by the logger of its area.
func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("Ministère")
	tests := []struct {
		method, path string
		body         any
		status       int
		message      string
		logger       string
		route        string
		level        string
	}{
		{"GET", "/api/v1//client/me/?secret=in-the-query", nil, 200, "request", "statsservice.api.v1.client", "/api/v1/client/me", "INFO"},
		{"POST", "/api/v1/stats/", []item{threat(1, 0, 1)}, 201, "request", "statsservice.api.v1.stats", "/api/v1/stats", "INFO"},
		{"DELETE", "/api/v1/stats/" + id(1).String(), nil, 204, "request", "statsservice.api.v1.stats", "/api/v1/stats/:anr", "INFO"},
		{"GET", "/api/v1/stats/processed/", processedQuery, 200, "request", "statsservice.api.v1.processed", "/api/v1/stats/processed", "INFO"},
		{"GET", "/api/v1/stats/processed/", `{"processor":"x"}`, 400, "processor", "statsservice.api.v1.processed", "/api/v1/stats/processed", "INFO"},
		{"GET", "/nothing/here", nil, 404, "There is nothing", "statsservice.http", "", "INFO"},
	}
	for i, tt := range tests {
		sent := fmt.Sprintf("request-%d", i)
		got := user.call(tt.method, tt.path, tt.body, header{"X-Request-ID", sent}).want(tt.status)
		if id := got.header.Get("X-Request-ID"); id != sent {
			t.Errorf("X-Request-ID %q, want %q", id, sent)
		}
		want := map[string]any{
			"level": tt.level, "logger": tt.logger, "method": tt.method, "route": tt.route, "status": float64(tt.status),
			"duration": 0.0, "bytes": float64(len(got.body)), "client": "Ministère", "request_id": sent,
		}
		if tt.route == "" {
			delete(want, "client") // nobody looked at the key
		}
		lines := s.log.of(t, sent)
		if len(lines) != 1 {
			t.Fatalf("%d lines, want one: %v", len(lines), lines)
		}
		if (tt.status >= 400) != (lines[0]["cause"] != nil) {
			t.Errorf("cause of a %d: %v", tt.status, lines[0]["cause"])
		}
		delete(lines[0], "msg")
		delete(lines[0], "cause")
		if diff := cmp.Diff(want, lines[0]); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.method, tt.path, diff)
		}
	}
	for _, secret := range []string{user.token, "averageRate", "in-the-query", "Theft"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestRequestIDs are made where none was sent that can be taken over.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	nobody := setup(t).anonymous()
	for _, sent := range []string{"", "two words", "a\"b", "é", strings.Repeat("x", 101)} {
		got := nobody.call("GET", "/about.json", nil, header{"X-Request-ID", sent}).want(http.StatusOK).header.Get("X-Request-ID")
		if _, err := uuid.Parse(got); err != nil {
			t.Errorf("X-Request-ID %q for %q", got, sent)
		}
	}
}

// TestDuplicatesAreLogged names each, but not without end.
func TestDuplicatesAreLogged(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	var batch []item
	for i := range 25 {
		batch = append(batch, threat(i+1, 0, 1).with("uuid", id(100+i)))
	}
	user.post(batch...)
	if lines := s.log.lines(t, "Duplicate"); len(lines) > 0 {
		t.Errorf("duplicates in the first batch: %v", lines)
	}
	user.call("POST", "/api/v1/stats/", batch, header{"X-Request-ID", "again"}).want(http.StatusMultiStatus)
	lines := s.log.lines(t, "Duplicate stats: ")
	if len(lines) != 20 || len(s.log.lines(t, "More duplicate")) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	want := map[string]any{
		"level": "WARN", "logger": "statsservice.api.v1.stats", "msg": "Duplicate stats: " + id(100).String(), "request_id": "again",
	}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

// TestCutOffIsLogged tells of an answer that did not get to its end.
func TestCutOffIsLogged(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupOn(t, database.URL, func(o *httpapi.Options) { o.MaxBodyBytes = 8 << 20 })
	s.log.expectErrors()
	user := s.user("user")
	user.stock()
	database.Limit(1 << 20)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(user.request("GET", "/api/v1/stats/", nil))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	var cut []map[string]any
	until(t, "the request is logged", func() bool {
		cut = s.log.lines(t, "a list was cut off")
		return len(cut) > 0
	})
	line := cut[len(cut)-1]
	if len(cut) != 1 || line["cut_off"] != true || line["cause"] == nil || line["route"] != "/api/v1/stats" {
		t.Errorf("lines %v, want one that says it all", cut)
	}
	if others := s.log.lines(t, "request"); len(others) > 1 { // that of the stock
		t.Errorf("the request is told twice: %v", others)
	}
}

// TestRepeatedMask names the header.
func TestRepeatedMask(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	request := user.request("GET", "/api/v1/client/me", nil, maskedBy("name"))
	request.Header.Add("X-Fields", "token")
	response, err := user.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var p struct{ Errors map[string]string }
	if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusBadRequest || p.Errors["X-Fields"] == "" {
		t.Errorf("status %d: %v", response.StatusCode, p)
	}
}
