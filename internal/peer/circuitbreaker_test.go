// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Consecutive malformed stats are set aside. Stats behind and between them arrive, however
// many batches the malformed ones fill.
func TestPushDeliversStatsAroundMalformedOnes(t *testing.T) {
	t.Parallel()
	const html, same = "<html>", `{"message":"no"}`
	for name, tt := range map[string]struct {
		status     int
		body       string
		bad, batch int
		good       []int // indexes of valid stats among the malformed ones
	}{
		"500":                 {500, html, 4, 0, nil},
		"a batch":             {500, html, 3, 3, nil},
		"more than a batch":   {500, html, 4, 3, nil},
		"several batches":     {500, html, 20, 4, nil},
		"good among the bad":  {500, html, 20, 4, []int{0, 9, 19}},
		"same reason":         {400, same, 12, 0, nil},
		"batches of the same": {400, same, 45, 15, []int{20}},
		"too large":           {413, html, 45, 15, nil},
		"many":                {500, html, 650, 500, []int{333}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			client := newClient(t, local.store, "local")
			var bad []string
			var old, new []stats.Stat
			for i := range tt.bad + len(tt.good) {
				stat := riskStat(i, 20)
				old = append(old, stat)
			}
			slices.SortFunc(old, func(a, b stats.Stat) int { return bytes.Compare(a.UUID[:], b.UUID[:]) })
			for i, stat := range old {
				if !slices.Contains(tt.good, i) {
					bad = append(bad, stat.UUID.String())
				}
			}
			for i := range 30 {
				new = append(new, riskStat(1000+i, 5))
			}
			insert(t, local.store, client, append(old, new...)...)
			url, taken := picky(t, tt.status, bad, func([]row) string { return tt.body })
			opts := peer.PushOptions{
				Remote: remote(t, url, "token"), Store: local.store, Clients: []stats.Client{client}, BatchCount: tt.batch,
			}
			good := 30 + len(tt.good)
			summary := push(t, opts)
			wantCounts(t, counts{Sent: good, Refused: tt.bad}, summary)
			if n := len(slices.Compact(slices.Sorted(slices.Values(*taken)))); n != good || summary.SetAside != 0 {
				t.Errorf("the peer took %d stats, want %d; %d were set aside", n, good, summary.SetAside)
			}
			insert(t, local.store, client, riskStat(2000, 1))
			wantCounts(t, counts{Sent: 1, Refused: tt.bad, AlreadyThere: good}, push(t, opts))
		})
	}
}

// The search for very many malformed stats has a budget. Valid stats arrive nevertheless.
func TestPushSearchesWithinABudget(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	var bad []string
	var batch []stats.Stat
	for i := range 1800 {
		stat := riskStat(i, 20)
		batch, bad = append(batch, stat), append(bad, stat.UUID.String())
	}
	insert(t, local.store, client, batch...)
	for i := range 10 {
		insert(t, local.store, client, riskStat(2000+i, 5))
	}
	requests := 0
	url, _ := picky(t, http.StatusInternalServerError, bad, func([]row) string { requests++; return "<html>" })
	opts := peer.PushOptions{Remote: remote(t, url, "token"), Store: local.store, Clients: []stats.Client{client}}
	summary := push(t, opts)
	if summary.Sent != 10 || summary.SetAside == 0 || summary.Refused+summary.SetAside != 1800 {
		t.Errorf("%d set aside, %+v", summary.SetAside, countsOf(summary))
	}
	if requests > 4000 {
		t.Errorf("%d requests that failed", requests)
	}
}

// A peer that accepts nothing is broken, whatever it answers.
func TestPushStopsAtAPeerThatAcceptsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		most   int // refused before the push gives up
		want   string
	}{
		"a proxy":         {400, "<html>", 0, "A stats service refuses in another way"},
		"TLS expected":    {400, "Client sent an HTTP request to an HTTPS server.", 0, "http or https?"},
		"always the same": {400, `{"message":"no"}`, 0, "one stat after another"},
		"too large":       {413, "<html>", 0, "one stat after another"},
		"broken":          {500, "<html>", 0, "one stat after another"},
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

// Stats whose acknowledgement was lost do not count as already there.
func TestPushDoesNotCountLostAcknowledgements(t *testing.T) {
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
	wantCounts(t, counts{Sent: 100}, push(t, opts))
}

// A full pull finds what reached the peer long after its day.
func TestPullFullFindsLateStats(t *testing.T) {
	t.Parallel()
	far, local := newInstance(t), newInstance(t)
	owner, as := newClient(t, far.store, "owner"), newClient(t, local.store, "as")
	fill(t, far.store, owner, 0, 20)
	opts := peer.PullOptions{Remote: remote(t, far.url, tokenOf(t, far.store)), Store: local.store, Client: as}
	wantCounts(t, counts{Sent: 20}, pull(t, opts))
	insert(t, far.store, owner, riskStat(1000, int(today.Sub(today.AddDate(-1, 0, 0))/(24*time.Hour))))
	if n := pull(t, opts).Sent; n != 0 {
		t.Errorf("%d found without Full", n)
	}
	opts.Full = true
	wantCounts(t, counts{Sent: 1, AlreadyThere: 20}, pull(t, opts))
}
