package peer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Neighbours that are malformed are set aside; what stands behind them arrives.
func TestPushGoesRoundMalformedNeighbours(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status, bad int
		body        string
	}{
		"500":         {500, 4, "<html>"},
		"alone":       {500, 3, "<html>"},
		"same reason": {400, 12, `{"message":"no"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			client := newClient(t, local.store, "local")
			var bad []string
			for i := range tt.bad {
				bad = append(bad, riskStat(i, 20).UUID.String())
				insert(t, local.store, client, riskStat(i, 20))
			}
			for i := range 30 {
				insert(t, local.store, client, riskStat(100+i, 5))
			}
			url, _ := picky(t, tt.status, bad, func([]row) string { return tt.body })
			opts := peer.PushOptions{Remote: remote(t, url, "token"), Store: local.store, Clients: []stats.Client{client}}
			if name == "alone" {
				opts.BatchCount = tt.bad
			}
			wantResult(t, result{Sent: 30, Refused: tt.bad}, push(t, opts))
		})
	}
}

// A peer that takes nothing is broken, whatever its words.
func TestPushStopsAtAPeerThatTakesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		most   int // refused before it is plain
		want   string
	}{
		"a proxy":         {400, "<html>", 0, "This is not how one refuses"},
		"TLS expected":    {400, "Client sent an HTTP request to an HTTPS server.", 0, "http or https?"},
		"always the same": {400, `{"message":"no"}`, 10, "one stats after the other"},
		"too large":       {413, "<html>", 10, "one stats after the other"},
		"broken":          {500, "<html>", 3, "one stats after the other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			client := newClient(t, local.store, "local")
			fill(t, local.store, client, 0, 60)
			summary, err := peer.Push(t.Context(), peer.PushOptions{
				Remote: remote(t, answering(t, tt.status, tt.body, nil), "token"), Store: local.store, Clients: []stats.Client{client},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
			if summary.Refused > tt.most || summary.Sent != 0 {
				t.Errorf("summary is %+v", summary)
			}
		})
	}
}

// What a lost answer was about is not said to have been there before.
func TestPushCountsWhatALostAnswerWasAbout(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	lost := false
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost {
			p.remote.handler.ServeHTTP(w, r)
			return
		}
		lost = true
		p.remote.handler.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	opts := p.pushOptions(t)
	opts.Server = proxy.URL
	wantResult(t, result{Sent: 100}, push(t, opts))
}

// A full pull finds what reached the peer long after its day.
func TestPullFull(t *testing.T) {
	t.Parallel()
	far, local := newInstance(t), newInstance(t)
	owner, as := newClient(t, far.store, "owner"), newClient(t, local.store, "as")
	fill(t, far.store, owner, 0, 20)
	opts := peer.PullOptions{Remote: remote(t, far.url, tokenOf(t, far.store)), Store: local.store, Client: as}
	wantResult(t, result{Sent: 20}, pull(t, opts))
	insert(t, far.store, owner, riskStat(1000, int(today.Sub(today.AddDate(-1, 0, 0))/(24*time.Hour))))
	if n := pull(t, opts).Sent; n != 0 {
		t.Errorf("%d found without asking for all", n)
	}
	opts.Full = true
	wantResult(t, result{Sent: 1, AlreadyThere: 20}, pull(t, opts))
}
