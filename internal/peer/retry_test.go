// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// singlePush pushes one stat to the server and returns the pauses it made.
func singlePush(t *testing.T, server string, edit func(*peer.Remote)) (summary peer.Summary, pauses []time.Duration, err error) {
	t.Helper()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	insert(t, local.store, client, riskStat(1, 1))
	r := remote(t, server, "token")
	r.Sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return ctx.Err()
	}
	if edit != nil {
		edit(&r)
	}
	summary, err = peer.Push(t.Context(), peer.PushOptions{Remote: r, Store: local.store, Clients: []stats.Client{client}})
	return summary, pauses, err
}

func TestPausesFollowTheAnswer(t *testing.T) {
	t.Parallel()
	backoff := []time.Duration{375 * time.Millisecond, 750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second, 6 * time.Second}
	minute := []time.Duration{time.Minute, time.Minute, time.Minute, time.Minute, time.Minute}
	tests := map[string]struct {
		status     int
		retryAfter string
		want       []time.Duration
		text       string
	}{
		"timeout":             {408, "", backoff, "answers 408 Request Timeout"},
		"too early":           {425, "", backoff, "answers 425 Too Early"},
		"too many":            {429, "60", minute, "answers 429 Too Many Requests"},
		"unavailable":         {503, "Fri, 31 May 2024 12:01:00 GMT", minute, "answers 503 Service Unavailable"},
		"a date that is over": {503, "Fri, 31 May 2024 11:00:00 GMT", backoff, "answers 503"},
		"far too long":        {503, "86400", nil, "answers 503 Service Unavailable (a <b> c): it asks to wait 24h0m0s"},
		"nonsense":            {502, "soon", backoff, "answers 502 Bad Gateway"},
		"gateway":             {504, "", backoff, "answers 504 Gateway Timeout"},
		"no key":              {401, "", nil, "answers 401 Unauthorized (a <b> c): check the token"},
		"wrong key":           {403, "1", nil, "answers 403 Forbidden (a <b> c): check the token"},
		"elsewhere":           {404, "", nil, "is this the address of a stats service?"},
		"other success":       {200, "", nil, "is this the address of a stats service?"},
		"longer than any":     {500, "99999999999", nil, "it asks to wait"},
		"beyond numbers":      {503, strings.Repeat("9", 400), nil, "it asks to wait"},
		"with a fraction":     {503, "60.0", minute, "answers 503"},
		"conflict":            {409, "", nil, "answers 409 Conflict"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if tt.retryAfter != "" {
				header.Set("Retry-After", tt.retryAfter)
			}
			server := answering(t, tt.status, "{\"message\":\"a <b>\\u001b\u202ec\"}", header)
			summary, pauses, err := singlePush(t, server, nil)
			if diff := cmp.Diff(tt.want, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
			want := strings.ReplaceAll(tt.text, "<b> c", "<b>  c")
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), server) {
				t.Errorf("error is %v, want %q", err, want)
			}
			wantCounts(t, counts{}, summary)
		})
	}
}

// The log shows pauses without nanoseconds.
func TestPausesAreLoggedWithoutNanoseconds(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	_, _, err := singlePush(t, answering(t, http.StatusBadGateway, "", nil), func(r *peer.Remote) {
		r.Log = slog.New(slog.NewTextHandler(&lines, nil))
		r.Rand = func() float64 { return 0.123456789 }
	})
	var waits []string
	for _, match := range regexp.MustCompile(`wait=(\S+)`).FindAllStringSubmatch(lines.String(), -1) {
		waits = append(waits, match[1])
	}
	if diff := cmp.Diff([]string{"300ms", "600ms", "1.1s", "2.2s", "4.5s"}, waits); diff != "" || err == nil {
		t.Errorf("waits (-want +got), %v:\n%s", err, diff)
	}
}

// A redirect must not turn the POST into a GET, nor show the token to others.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached the stranger", r.Method, r.URL)
	}))
	t.Cleanup(stranger.Close)
	server := answering(t, http.StatusMovedPermanently, "", http.Header{"Location": {stranger.URL + "/"}})
	_, pauses, err := singlePush(t, server, nil)
	if err == nil || !strings.Contains(err.Error(), stranger.URL) || !strings.Contains(err.Error(), "REMOTE_STATS_SERVER") || pauses != nil {
		t.Errorf("got %v after %v", err, pauses)
	}
}

func TestUnreachablePeerIsNamed(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	_, pauses, err := singlePush(t, closed.URL, nil)
	if err == nil || !strings.Contains(err.Error(), "the peer "+closed.URL+" cannot be reached") || strings.Count(err.Error(), closed.URL) != 1 {
		t.Errorf("error is %v", err)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v hides its cause", err)
	}
	if len(pauses) != 5 {
		t.Errorf("%d pauses, want one less than the attempts", len(pauses))
	}
}

func TestUntrustedPeerIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	_, pauses, err := singlePush(t, server.URL, nil)
	if err == nil || !strings.Contains(err.Error(), "certificate") || pauses != nil {
		t.Errorf("got %v after %v", err, pauses)
	}
}

// A peer that is silent, before or in the middle of its answer, is given up.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"no answer": "", "half an answer": `{"data":[`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if begin != "" {
					w.WriteHeader(http.StatusCreated)
					_, _ = w.Write([]byte(begin))
					_ = http.NewResponseController(w).Flush()
				}
				<-stop
			}))
			t.Cleanup(server.Close)
			t.Cleanup(func() { close(stop) })
			_, pauses, err := singlePush(t, server.URL, func(r *peer.Remote) { r.Timeout = 20 * time.Millisecond })
			if err == nil || !strings.Contains(err.Error(), "it did not answer in time") {
				t.Errorf("error is %v", err)
			}
			if len(pauses) != 5 {
				t.Errorf("%d pauses", len(pauses))
			}
		})
	}
}

func TestUnreadableAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", "[]", `{"data":[`, `{"data":[]} {}`, `{"data":[{]}`, "null", `{"data":[]}`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			_, pauses, err := singlePush(t, answering(t, http.StatusCreated, body, nil), nil)
			if err == nil || !strings.Contains(err.Error(), "its answer cannot be read") || len(pauses) != 5 {
				t.Errorf("got %v after %d pauses", err, len(pauses))
			}
		})
	}
}

// The API answers 201 or 207. Other answers of success count where they show that
// a stats service has taken the batch.
func TestOtherAnswersOfSuccess(t *testing.T) {
	t.Parallel()
	const known = `{"name":"a","role":"user","token":"token"}`
	tests := map[string]struct {
		status  int
		body    string
		account string // what the peer says of the token
		want    counts
		problem string
		pauses  int
	}{
		"200 that lists":               {200, `{"data":[{}]}`, "", counts{Sent: 1}, "", 0},
		"200 that lists too few":       {200, `{"data":[]}`, "", counts{}, "its answer cannot be read", 5},
		"200 of another service":       {200, `{"status":"ok"}`, "", counts{}, "is this the address of a stats service?", 0},
		"200 with a page":              {200, `<!DOCTYPE html>`, "", counts{}, "its answer cannot be read", 5},
		"200 with nothing":             {200, "", "", counts{}, "its answer cannot be read", 5},
		"204 of a stats service":       {204, "", known, counts{Sent: 1}, "", 0},
		"204 of another service":       {204, "", `{"name":"bob"}`, counts{}, "is this the address of a stats service?", 0},
		"204 of what answers anything": {204, "", "", counts{}, "is this the address of a stats service?", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, body := tt.status, tt.body
				if r.Method == http.MethodGet && tt.account != "" {
					status, body = http.StatusOK, tt.account
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}))
			t.Cleanup(server.Close)
			summary, pauses, err := singlePush(t, server.URL, nil)
			if (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) || len(pauses) != tt.pauses {
				t.Errorf("error is %v after %d pauses, want %q after %d", err, len(pauses), tt.problem, tt.pauses)
			}
			wantCounts(t, tt.want, summary)
		})
	}
}

func TestRemoteIsIncomplete(t *testing.T) {
	t.Parallel()
	tests := []struct{ server, token, want string }{
		{"", "token", "set REMOTE_STATS_SERVER"},
		{"https://stats.example.org", "", "set REMOTE_STATS_TOKEN"},
		{"stats.example.org", "token", "accepted is one such as https://stats.example.org"},
		{"ftp://stats.example.org", "token", "accepted is one such as"},
		{"https://user:hush@stats.example.org", "token", "without user name"},
		{"https://stats.example.org?x=1", "token", "without user name, query"},
		{"https://stats.example.org:hush", "token", "is invalid"},
		{"https://stats.example.org", "with space", "printable ASCII"},
	}
	for _, tt := range tests {
		_, push := peer.Push(t.Context(), peer.PushOptions{Remote: peer.Remote{Server: tt.server, Token: tt.token}})
		_, pull := peer.Pull(t.Context(), peer.PullOptions{Remote: peer.Remote{Server: tt.server, Token: tt.token}})
		_, test := peer.Test(t.Context(), peer.Remote{Server: tt.server, Token: tt.token})
		for _, err := range []error{push, pull, test} {
			if text := fmt.Sprint(err); !strings.Contains(text, tt.want) || strings.Contains(text, "hush") || strings.Contains(text, "with space") {
				t.Errorf("%s, %s: %v, want %q", tt.server, tt.token, err, tt.want)
			}
		}
	}
}
