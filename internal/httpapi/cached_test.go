// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

var until = servicetest.Eventually

// caches reports whether the service caches answers, which it does as soon as it
// hears of changes.
func (s *service) caches() bool {
	s.t.Helper()
	computed := 0
	for range 2 {
		_, err := cache.Get(s.t.Context(), s.cache, cache.KeyOf("probe"), nil, func(context.Context) (int, error) {
			computed++
			return computed, nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return computed < 2
}

// setupCaching boots a service that caches answers already.
func setupCaching(t testing.TB, url string) *service {
	t.Helper()
	s := setupOn(t, url)
	until(t, "answers are kept", s.caches)
	return s
}

// threats is what the public page answers of the counts of threats.
func (c caller) threats() string {
	c.t.Helper()
	return string(c.call("GET", "/stats/threats.json?days=1", nil).want(http.StatusOK).body)
}

// processedQuery is what a front office asks again and again.
const processedQuery = `{"processor":"threat_average_on_date","processor_params":[],"anrs":["00000000-0000-4000-8000-000000000001"]}`

// TestNotModified answers 304 to who has the answer, until it changes.
func TestNotModified(t *testing.T) {
	t.Parallel()
	s := setupCaching(t, pgtest.New(t))
	user := s.user("user")
	user.post(threat(1, 0, 1))
	tests := []struct {
		path, keep string
		body       any
		changes    bool
	}{
		{"/api/v1/stats/processed/", "private, no-cache", processedQuery, true},
		{"/api/v1/stats/processed/list", "public, max-age=60", nil, false},
		{"/stats/threats.json", "public, max-age=60", nil, true},
		{"/stats/vulnerabilities.json", "public, max-age=60", nil, false},
		{"/stats/risks.json?layout=series", "public, max-age=60", nil, false},
		{"/about.json", "no-cache", nil, false},
	}
	tags := map[string]string{}
	for _, tt := range tests {
		user := user
		if tt.body == nil { // these need no token
			user = s.anonymous()
		}
		fresh := user.call("GET", tt.path, tt.body).want(http.StatusOK)
		tag := fresh.header.Get("ETag")
		tags[tt.path] = tag
		masked := user.call("GET", tt.path, tt.body, maskedBy("nothing")).want(http.StatusOK)
		if string(masked.body) != string(fresh.body) && masked.header.Get("ETag") == tag {
			t.Errorf("%s: the tag is that of the masked answer", tt.path)
		}
		for match, want := range map[string]int{
			tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, "": 200,
		} {
			got := user.call("GET", tt.path, tt.body, header{"If-None-Match", match}).want(want)
			headers := []string{got.header.Get("ETag"), got.header.Get("Cache-Control"), got.header.Get("Vary")}
			if diff := cmp.Diff([]string{tag, tt.keep, "Accept-Encoding, X-Fields"}, headers); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.path, diff)
			}
		}
	}
	user.post(threat(1, 0, 5))
	for _, tt := range tests {
		want := http.StatusNotModified
		if tt.changes {
			want = http.StatusOK
		}
		user.call("GET", tt.path, tt.body, header{"If-None-Match", tags[tt.path]}).want(want)
	}
}

// TestSharedCachesGetNothingOfATokenHolder says so with every answer, whatever
// it is and whoever may have it.
func TestSharedCachesGetNothingOfATokenHolder(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	user.post(threat(1, 0, 1))
	stranger := s.with("a-wrong-token")
	for _, tt := range []struct {
		caller       caller
		method, path string
		body         any
		status       int
		want         string
	}{
		{user, "GET", "/api/v1/client/me", nil, 200, "no-store"},
		{user, "PATCH", "/api/v1/client/me", `{"is_sharing_enabled":true}`, 201, "no-store"},
		{user, "GET", "/api/v1/stats/", nil, 200, "no-store"},
		{user, "GET", "/api/v1/stats/" + id(1).String(), nil, 200, "no-store"},
		{user, "POST", "/api/v1/stats/", []item{threat(1, 1, 1)}, 201, "no-store"},
		{user, "POST", "/api/v1/stats/", `[{}]`, 400, "no-store"},
		{user, "DELETE", "/api/v1/stats/" + id(9).String(), nil, 404, "no-store"},
		{user, "GET", "/api/v1/stats/processed/", processedQuery, 200, "private, no-cache"},
		{user, "GET", "/api/v1/stats/processed/list", nil, 200, "private, no-cache"},
		{user, "GET", "/stats/threats.json", nil, 200, "private, no-cache"},
		{user, "GET", "/api/v1/nothing", nil, 404, "no-store"},
		{stranger, "GET", "/api/v1/stats/", nil, 403, "no-store"},
		{s.anonymous(), "GET", "/stats/threats.json", nil, 200, "public, max-age=60"},
	} {
		got := tt.caller.call(tt.method, tt.path, tt.body).want(tt.status)
		if policy := got.header.Get("Cache-Control"); policy != tt.want {
			t.Errorf("%s %s: Cache-Control %q, want %q", tt.method, tt.path, policy, tt.want)
		}
		if cacheable := tt.want != "no-store"; cacheable != (got.header.Get("ETag") != "") {
			t.Errorf("%s %s: ETag %q", tt.method, tt.path, got.header.Get("ETag"))
		}
	}
}

// TestOneToken refuses several tokens: which one counts would depend on who reads.
func TestOneToken(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	for _, second := range []string{user.token, "another"} {
		request := user.request("GET", "/api/v1/client/me", nil)
		request.Header.Add("X-API-KEY", second)
		w := httptest.NewRecorder()
		user.serve(w, request)
		if want := `"X-API-KEY":"is given 2 times; give it once"`; w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("two tokens: status %d, %s", w.Code, w.Body)
		}
	}
}

// TestKeptAnswers need no connection to the database, and neither does a key.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := setupCaching(t, url+"&pool_max_conns=1")
	user := s.user("user")
	user.stock()
	s.hearAll(url)
	ask := func() {
		got := user.call("GET", "/api/v1/stats/processed/", processedQuery).want(http.StatusOK)
		user.call("GET", "/api/v1/stats/processed/", processedQuery, header{"If-None-Match", got.header.Get("ETag")}).want(http.StatusNotModified)
		user.call("GET", "/stats/threats.json", nil).want(http.StatusOK)
		user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	}
	ask()
	w := &watched{ResponseRecorder: httptest.NewRecorder(), onWrite: func(write int) error {
		if write == 1 { // the list holds the only connection
			ask()
		}
		return nil
	}}
	if user.serve(w, user.request("GET", "/api/v1/stats/", nil)) {
		t.Error("the list was cut off")
	}
}

// hearAll waits until the service has heard of all changes so far. It announces one
// more, which is heard after them.
func (s *service) hearAll(url string) {
	s.t.Helper()
	topic, computed := uuid.NewString(), 0
	compute := func() int {
		n, err := cache.Get(s.t.Context(), s.cache, cache.KeyOf(topic), []string{topic}, func(context.Context) (int, error) {
			computed++
			return computed, nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	compute()
	conn, err := pgx.Connect(s.t.Context(), url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(s.t.Context(), "SELECT pg_notify('stats_changed', $1)", topic); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "all changes are heard", func() bool { return compute() > 1 })
}

// TestOwnWrites shows at once what the same process wrote.
func TestOwnWrites(t *testing.T) {
	t.Parallel()
	s := setupCaching(t, pgtest.New(t))
	user := s.user("user")
	for count := range 20 {
		user.call("DELETE", "/api/v1/stats/"+id(1).String(), nil)
		if got := user.threats(); got != "{}" {
			t.Fatalf("after the deletion: %s", got)
		}
		user.post(threat(1, 0, count))
		if got, want := user.threats(), `"count":`+strconv.Itoa(count); !strings.Contains(got, want) {
			t.Fatalf("%s, want %s", got, want)
		}
		sharing := count%2 == 0
		user.call("PATCH", "/api/v1/client/me", map[string]bool{"is_sharing_enabled": sharing}).want(http.StatusCreated)
		var me struct {
			IsSharingEnabled bool `json:"is_sharing_enabled"`
		}
		if user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK).into(&me); me.IsSharingEnabled != sharing {
			t.Fatalf("sharing is %v after it was set to %v", me.IsSharingEnabled, sharing)
		}
	}
}

// TestWritesOfOthers shows soon what another process wrote.
func TestWritesOfOthers(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, other := setupCaching(t, url), setupOn(t, url)
	user := s.user("user")
	elsewhere := other.with(user.token)
	elsewhere.post(threat(1, 0, 1))
	until(t, "the first stats show", func() bool { return strings.Contains(user.threats(), `"count":1,`) })
	elsewhere.post(threat(2, 0, 3))
	until(t, "more stats show", func() bool { return strings.Contains(user.threats(), `"count":2,`) })
	notLocal := false
	if _, err := other.store.UpdateClient(t.Context(), user.client.UUID, postgres.ClientChange{Local: &notLocal}); err != nil {
		t.Fatal(err)
	}
	local := func() string {
		return string(user.call("GET", "/stats/threats.json?days=1&local_stats_only=1", nil).want(http.StatusOK).body)
	}
	until(t, "the client is not local", func() bool { return local() == "{}" })
	inactive := false
	user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	if _, err := other.store.UpdateClient(t.Context(), user.client.UUID, postgres.ClientChange{Active: &inactive}); err != nil {
		t.Fatal(err)
	}
	until(t, "the client is refused", func() bool {
		return user.call("GET", "/api/v1/client/me", nil).status == http.StatusForbidden
	})
	second := s.user("second")
	second.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
	if _, err := other.store.DeleteClient(t.Context(), second.client.UUID); err != nil {
		t.Fatal(err)
	}
	until(t, "the deleted client is refused", func() bool {
		return second.call("GET", "/api/v1/client/me", nil).status == http.StatusForbidden
	})
}

// TestNothingKeptUnheard forgets everything while it cannot hear of changes.
func TestNothingKeptUnheard(t *testing.T) {
	t.Parallel()
	database := pgtest.NewProxy(t, pgtest.New(t))
	s := setupCaching(t, database.URL)
	s.log.expectErrors()
	user := s.user("user")
	user.post(threat(1, 0, 1))
	user.threats()
	database.Cut()
	until(t, "nothing is kept", func() bool { return !s.caches() })
	user.call("GET", "/stats/threats.json?days=1", nil).want(http.StatusServiceUnavailable)
	user.call("GET", "/api/v1/client/me", nil).want(http.StatusServiceUnavailable)
	database.Pass()
	until(t, "answers are kept again", s.caches)
	if got := user.threats(); !strings.Contains(got, `"count":1,`) {
		t.Errorf("afterwards: %s", got)
	}
}

// TestReplacedKey counts no longer than its grace and the age of what is kept.
func TestReplacedKey(t *testing.T) {
	t.Parallel()
	s := setupCaching(t, pgtest.New(t))
	user := s.user("user")
	replaced, err := s.store.RotateToken(t.Context(), user.client.UUID, 0)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the old key is refused", func() bool {
		return user.call("GET", "/api/v1/client/me", nil).status == http.StatusForbidden
	})
	var me struct{ Token string }
	if s.with(replaced.Token).call("GET", "/api/v1/client/me", nil).want(http.StatusOK).into(&me); me.Token != replaced.Token {
		t.Error("client/me does not answer the key that was sent")
	}
}

// uncoded reads an answer in any content coding.
func uncoded(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	body, err := decode(w.Header().Get("Content-Encoding"), w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// decode takes the content coding off a body.
func decode(coding string, body []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// TestAnswersInEachCoding sends the same answer in each coding, and small ones as they are.
func TestAnswersInEachCoding(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	user.stock()
	var one string
	vulnerabilities := postgres.ListQuery{Filter: stats.Filter{Type: stats.Vulnerability}}
	_, err := s.store.EachStat(t.Context(), stats.Everything(), vulnerabilities, func(stat stats.Stat) error {
		one = "/api/v1/stats/" + stat.ANR.String() + "?uuid=" + stat.UUID.String()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	everybody := `{"processor":"vulnerability_average_on_date"}`
	tests := []struct {
		path  string
		body  any
		small bool
	}{
		{"/api/v1/stats/", nil, false},
		{"/api/v1/stats/?type=vulnerability&limit=1", nil, false},
		{"/api/v1/stats/?anr=" + id(9999).String(), nil, true},
		{"/api/v1/stats/processed/", everybody, false},
		{"/stats/vulnerabilities.json", nil, false},
		{one, nil, false},
		{"/api/v1/client/me", nil, true},
	}
	for _, tt := range tests {
		plain := httptest.NewRecorder()
		user.serve(plain, user.request("GET", tt.path, tt.body))
		for _, coding := range []string{"gzip", "zstd"} {
			w := httptest.NewRecorder()
			user.serve(w, user.request("GET", tt.path, tt.body, header{"Accept-Encoding", coding}))
			want := coding
			if tt.small {
				want = ""
			}
			if got := w.Header().Get("Content-Encoding"); got != want {
				t.Errorf("%s: coding %q, want %q", tt.path, got, want)
			}
			if got := uncoded(t, w); got != plain.Body.String() {
				t.Errorf("%s in %s is another answer: %.200s", tt.path, coding, got)
			}
			if !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s: Vary %q", tt.path, w.Header().Get("Vary"))
			}
		}
	}
}
