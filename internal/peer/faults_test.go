// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// seeds are how many plans of faults each test goes through.
const seeds = 6

// maxRuns is after how many runs the faults of any of the plans are over.
const maxRuns = 60

// everyFault checks that the plans together had all faults that there are.
type everyFault struct {
	mu   sync.Mutex
	seen map[fault]bool
}

func (e *everyFault) add(p *faultProxy) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range p.kinds() {
		e.seen[f] = true
	}
}

func watchFaults(t *testing.T) *everyFault {
	e := &everyFault{seen: map[fault]bool{}}
	t.Cleanup(func() {
		if len(e.seen) != int(faults) {
			t.Errorf("only %d of %d faults occurred", len(e.seen), int(faults))
		}
	})
	return e
}

func TestPushSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	all := watchFaults(t)
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			proxy := newFaultProxy(t, p.remote.url, seed)
			opts := p.pushOptions(t)
			opts.Server, opts.BatchCount = proxy.url, 5
			untilDone(t, 0, func() (peer.Summary, error) { return peer.Push(t.Context(), opts) })
			all.add(proxy)
			wantSame(t, p.local.store, p.remote.store)
			before := p.remote.requests.Load()
			wantCounts(t, counts{AlreadyThere: 100}, push(t, opts))
			if n := p.remote.requests.Load() - before; n < 1 || n > 6 {
				t.Errorf("%d requests after all was done, want the one about the token, and its tries", n)
			}
		})
	}
}

// A peer that keeps what stood before a failure makes it harder.
func TestPushToPythonSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			local, far := newInstance(t), newPython(t)
			client := newClient(t, local.store, "local")
			var good []stats.Stat
			for i := range 80 {
				good = append(good, riskStat(i, i%28))
			}
			insert(t, local.store, client, good...)
			want := contents(t, local.store)
			bad := threatStat(1000, 14)
			insert(t, local.store, client, bad)
			proxy := newFaultProxy(t, far.url, seed)
			opts := peer.PushOptions{
				Remote: remote(t, proxy.url, far.token), Store: local.store, Clients: []stats.Client{client}, BatchCount: 10,
			}
			last := untilDone(t, 1, func() (peer.Summary, error) { return peer.Push(t.Context(), opts) })
			if last.Refused != 1 || last.Refusals[0].UUID != bad.UUID.String() {
				t.Errorf("the last run refused %+v", last.Refusals)
			}
			if diff := cmp.Diff(want, far.contents(t)); diff != "" {
				t.Errorf("the peer's stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPullSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	all := watchFaults(t)
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			pulling := newInstance(t)
			as := newClient(t, pulling.store, "puller")
			proxy := newFaultProxy(t, p.local.url, seed)
			opts := peer.PullOptions{
				Remote: remote(t, proxy.url, tokenOf(t, p.local.store)), Store: pulling.store, Client: as,
				From: today.AddDate(0, -2, 0), BatchCount: 3,
			}
			sent := 0
			untilDone(t, 0, func() (peer.Summary, error) {
				summary, err := peer.Pull(t.Context(), opts)
				sent += summary.Sent
				return summary, err
			})
			all.add(proxy)
			if sent != 100 {
				t.Errorf("the runs together stored %d stats, want 100", sent)
			}
			wantSame(t, p.local.store, pulling.store)
		})
	}
}

// untilDone runs until there is no error and no more is refused than is
// malformed, for faults can look like refusals. It returns the last summary.
func untilDone(t *testing.T, malformed int, run func() (peer.Summary, error)) peer.Summary {
	t.Helper()
	for range maxRuns {
		summary, err := run()
		if err == nil && summary.Refused == malformed {
			return summary
		}
		t.Logf("run again after %v, %d refused", err, summary.Refused)
	}
	t.Fatalf("not done after %d runs", maxRuns)
	return peer.Summary{}
}

// A peer that stalls is asked again.
func TestStalledRequestIsRetried(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	proxy := newStallingProxy(t, p.remote.handler, 2)
	opts := p.pushOptions(t)
	opts.Server, opts.Timeout = proxy, time.Second
	summary := push(t, opts)
	if summary.Sent+summary.AlreadyThere != 100 {
		t.Errorf("summary is %+v", summary)
	}
	wantSame(t, p.local.store, p.remote.store)
}

// A slow line is not a silent peer: what counts is that the request moves.
func TestPushOverASlowConnection(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n < size {
			return // of a try that was given up
		}
		answerJSON(w, http.StatusCreated, map[string]any{"data": []int{1}})
	}))
	t.Cleanup(far.Close)
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	large := riskStat(1, 1)
	large.Data = []byte(strings.TrimSuffix(string(large.Data), "}") + `,"more":"` + strings.Repeat("x", size) + `"}`)
	insert(t, local.store, client, large)
	opts := peer.PushOptions{
		// The whole takes more than two timeouts; the system's buffers hold a fraction of one.
		Remote: remote(t, newSlowProxy(t, far.URL, 64<<10, 60*time.Millisecond), "token"),
		Store:  local.store, Clients: []stats.Client{client},
	}
	opts.Timeout = 2 * time.Second
	wantCounts(t, counts{Sent: 1}, push(t, opts))
}
