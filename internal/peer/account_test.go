// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Two clients of the same peer see different stats of the same days.
func TestPullAsAnotherClientStartsOver(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	another := newClient(t, p.remote.store, "another")
	fill(t, p.remote.store, another, 1000, 60)
	opts := p.pullOptions(t)
	wantCounts(t, counts{Sent: 100}, pull(t, opts))
	opts.Token = another.Token
	wantCounts(t, counts{Sent: 60}, pull(t, opts))
	wantSame(t, p.remote.store, p.local.store)
	before := p.remote.requests.Load()
	pull(t, opts)
	opts.Token = p.as.Token
	pull(t, opts)
	if n := p.remote.requests.Load() - before; n != 2*(1+2*int64(len(stats.Types()))) {
		t.Errorf("%d requests to go on as each of the two", n)
	}
}

// The position of a pull belongs to the client of the peer and its role, or to the token
// if the peer does not identify the client.
func TestPullPositionBelongsToTheClient(t *testing.T) {
	t.Parallel()
	const (
		user    = `{"name":"a","role":"user","token":"token"}`
		admin   = `{"name":"a","role":"admin","token":"token"}`
		named   = `{"uuid":"fb9b4d21-4082-445c-a6e6-5d42a1cd9202","name":"a","role":"user"}`
		another = `{"uuid":"7bb21fc8-9617-4da5-a60a-fbccda8cc583","name":"a","role":"user"}`
		number  = `{"name":"a","role":2,"token":"token"}`
		rotated = `{"name":"a","role":"user","token":"rotated"}`
		failing = "500"
		unknown = "404"
	)
	type pulled struct{ token, me string }
	tests := map[string]struct {
		first, second pulled
		goesOn        bool
	}{
		"the same":                {pulled{"token", user}, pulled{"token", user}, true},
		"renamed":                 {pulled{"token", user}, pulled{"token", strings.Replace(user, `"a"`, `"b"`, 1)}, true},
		"promoted":                {pulled{"token", user}, pulled{"token", admin}, false},
		"another token":           {pulled{"token", user}, pulled{"rotated", rotated}, false},
		"another token of a uuid": {pulled{"token", named}, pulled{"rotated", named}, true},
		"another uuid":            {pulled{"token", named}, pulled{"token", another}, false},
		"a role that is a number": {pulled{"token", number}, pulled{"token", number}, true},
		"unidentified":            {pulled{"token", unknown}, pulled{"token", unknown}, true},
		"unidentified, another":   {pulled{"token", unknown}, pulled{"rotated", unknown}, false},
		"it fails":                {pulled{"token", failing}, pulled{"token", failing}, true},
		"it says later":           {pulled{"token", failing}, pulled{"token", user}, false},
		"something else":          {pulled{"token", "<html>"}, pulled{"token", `{"id":1}`}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			opts := peer.PullOptions{Store: local.store, Client: newClient(t, local.store, "local"), Types: []stats.Type{stats.Risk}}
			var me string
			lists := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/api/v1/client/me":
					lists++
					_, _ = w.Write([]byte(`{"data":[]}`))
				case me == failing:
					http.Error(w, "", http.StatusInternalServerError)
				case me == unknown:
					http.NotFound(w, r)
				default:
					_, _ = w.Write([]byte(me))
				}
			}))
			t.Cleanup(server.Close)
			var counts []bool // whether a pull started over
			for _, one := range []pulled{tt.first, tt.second} {
				lists, me = 0, one.me
				opts.Remote = remote(t, server.URL, one.token)
				pull(t, opts)
				counts = append(counts, lists > 100)
			}
			if diff := cmp.Diff([]bool{true, !tt.goesOn}, counts); diff != "" {
				t.Errorf("pulls that started over (-want +got):\n%s", diff)
			}
		})
	}
}

// A peer that may identify the client later does not count as one that cannot.
func TestPullRetriesToIdentifyTheClient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		pauses int
		want   string
	}{
		"away":        {503, "", 5, "answers 503"},
		"wrong token": {403, `{"message":"no"}`, 0, "check the token"},
		"cut off":     {200, `{"name":"a`, 5, "its answer cannot be read"},
	} {
		local := newInstance(t)
		lists, pauses := 0, 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v1/client/me" {
				lists++
			}
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		t.Cleanup(server.Close)
		r := remote(t, server.URL, "token")
		r.Sleep = func(ctx context.Context, _ time.Duration) error { pauses++; return ctx.Err() }
		_, err := peer.Pull(t.Context(), peer.PullOptions{Remote: r, Store: local.store, Client: newClient(t, local.store, "local")})
		if err == nil || !strings.Contains(err.Error(), tt.want) || lists != 0 || pauses != tt.pauses {
			t.Errorf("%s: %v after %d lists and %d pauses, want %q and %d pauses", name, err, lists, pauses, tt.want, tt.pauses)
		}
	}
}
