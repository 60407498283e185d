// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// pair is a local store with one client and 100 stats, and a remote instance
// with the client that the local one pushes as.
type pair struct {
	local  *instance
	client stats.Client
	remote *instance
	as     stats.Client
}

func newPair(t *testing.T) pair {
	t.Helper()
	p := pair{local: newInstance(t), remote: newInstance(t)}
	p.client = newClient(t, p.local.store, "local")
	p.as = newClient(t, p.remote.store, "known to the remote")
	fill(t, p.local.store, p.client, 0, 100)
	return p
}

func (p pair) pushOptions(t *testing.T) peer.PushOptions {
	return peer.PushOptions{
		Remote: remote(t, p.remote.url, p.as.Token), Store: p.local.store, Clients: []stats.Client{p.client}, BatchCount: 10,
	}
}

func TestPushDeliversEverythingOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var progress [][2]int64
	opts := p.pushOptions(t)
	opts.Progress = func(done, total int64) { progress = append(progress, [2]int64{done, total}) }
	summary := push(t, opts)
	wantCounts(t, counts{Sent: 100}, summary)
	wantSame(t, p.local.store, p.remote.store)
	if first, last := progress[0], progress[len(progress)-1]; first != [2]int64{0, 100} || last != [2]int64{100, 100} || len(progress) != 11 {
		t.Errorf("progress is %v", progress)
	}
	if size := summary.Bytes; size < 100*200 || size > 100*1000 {
		t.Errorf("%d bytes for 100 small stats", size)
	}
	if !summary.LastDay.Equal(today) {
		t.Errorf("last day is %s", summary.LastDay)
	}
}

func TestPushAgainSendsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	push(t, p.pushOptions(t))
	before := p.remote.requests.Load()
	wantCounts(t, counts{AlreadyThere: 100}, push(t, p.pushOptions(t)))
	if n := p.remote.requests.Load() - before; n != 1 {
		t.Errorf("%d requests to push nothing, want the one about the token", n)
	}
	fill(t, p.local.store, p.client, 100, 5)
	wantCounts(t, counts{Sent: 5, AlreadyThere: 100}, push(t, p.pushOptions(t)))
	wantSame(t, p.local.store, p.remote.store)
}

// A wrong token is reported even if there is nothing to push.
func TestPushOfNothingChecksTheToken(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	push(t, p.pushOptions(t))
	opts := p.pushOptions(t)
	opts.Token = "wrong"
	for _, clients := range [][]stats.Client{opts.Clients, nil} {
		opts.Clients = clients
		summary, err := peer.Push(t.Context(), opts)
		if err == nil || !strings.Contains(err.Error(), "answers 403 Forbidden") || !strings.Contains(err.Error(), "check the token") {
			t.Errorf("%d clients: error is %v", len(clients), err)
		}
		wantCounts(t, counts{AlreadyThere: 100 * len(clients)}, summary)
	}
	opts.DryRun = true // asks the peer nothing
	wantCounts(t, counts{}, push(t, opts))
}

func TestPushResendsKnownStats(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	push(t, p.pushOptions(t))
	lost := riskStat(0, 0)
	if _, err := p.remote.store.DeleteStats(t.Context(), stats.Everything(), lost.ANR, &lost.UUID); err != nil {
		t.Fatal(err)
	}
	opts := p.pushOptions(t)
	opts.Resend = true
	wantCounts(t, counts{Sent: 1, AlreadyThere: 99}, push(t, opts))
	wantSame(t, p.local.store, p.remote.store)
}

func TestPushSelectsByDayTypeAndClient(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	insert(t, p.local.store, p.client, riskStat(1000, 31), riskStat(1001, 32), riskStat(1002, -1), riskStat(1003, 40))
	tests := []struct {
		name string
		edit func(*peer.PushOptions)
		want int
	}{
		{"default month, to today", func(*peer.PushOptions) {}, 101},
		{"month before today, to a day", func(o *peer.PushOptions) { o.To = today.AddDate(0, 0, -1) }, 97},
		{"one type", func(o *peer.PushOptions) { o.Type = stats.Threat }, 50},
		{"days", func(o *peer.PushOptions) { o.From, o.To = today.AddDate(0, 0, -1), today }, 8},
		{"all days", func(o *peer.PushOptions) { o.From, o.To = today.AddDate(-1, 0, 0), today.AddDate(0, 0, 1) }, 104},
		{"nobody", func(o *peer.PushOptions) { o.Clients = nil }, 0},
	}
	for _, tt := range tests {
		opts := p.pushOptions(t)
		opts.DryRun = true
		tt.edit(&opts)
		if got := push(t, opts).Sent; got != tt.want {
			t.Errorf("%s: %d stats, want %d", tt.name, got, tt.want)
		}
	}
}

func TestPushOfSeveralClientsWithOneToken(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	other, silent := newClient(t, p.local.store, "other"), newClient(t, p.local.store, "silent")
	fill(t, p.local.store, other, 100, 30)
	fill(t, p.local.store, silent, 200, 30)
	silent.IsSharingEnabled = false
	opts := p.pushOptions(t)
	opts.Clients = []stats.Client{p.client, silent, other}
	wantCounts(t, counts{Sent: 130}, push(t, opts))
	want := contentsOf(t, p.local.store, p.client.Scope())
	for id, content := range contentsOf(t, p.local.store, other.Scope()) {
		want[id] = content
	}
	if diff := cmp.Diff(want, contentsOf(t, p.remote.store, p.as.Scope())); diff != "" {
		t.Errorf("the remote client's stats (-want +got):\n%s", diff)
	}
}

func TestPushDryRun(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	opts := p.pushOptions(t)
	opts.DryRun = true
	summary := push(t, opts)
	wantCounts(t, counts{Sent: 100}, summary)
	if summary.Bytes < 100*100 {
		t.Errorf("%d bytes would be sent", summary.Bytes)
	}
	if n := p.remote.requests.Load(); n != 0 {
		t.Errorf("%d requests in a dry run", n)
	}
	if _, err := p.local.store.FindPeer(t.Context(), p.remote.url); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("a dry run remembers the peer: %v", err)
	}
	wantCounts(t, counts{Sent: 100}, push(t, p.pushOptions(t)))
}

func TestPushUsesOneConnectionAtATime(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store, far := openStore(t, url, 1), newInstance(t)
	client, as := newClient(t, store, "local"), newClient(t, far.store, "as")
	fill(t, store, client, 0, 100)
	wantCounts(t, counts{Sent: 100}, push(t, peer.PushOptions{
		Remote: remote(t, far.url, as.Token), Store: store, Clients: []stats.Client{client}, BatchCount: 7,
	}))
	wantSame(t, store, far.store)
}

func TestPushTwiceAtOnce(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	held := make(chan struct{})
	freed := make(chan struct{})
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held <- struct{}{}
		<-freed
		p.remote.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(far.Close)
	opts := p.pushOptions(t)
	opts.Server, opts.BatchCount = far.URL, 100
	var wait sync.WaitGroup
	wait.Go(func() { wantCounts(t, counts{Sent: 100}, push(t, opts)) })
	<-held
	_, err := peer.Push(t.Context(), opts)
	var busy *peer.BusyError
	if !errors.As(err, &busy) || !strings.Contains(err.Error(), "another push to "+far.URL+" is running") {
		t.Errorf("second push: %v", err)
	}
	other := p.pushOptions(t) // the same instance by another address is another peer
	other.DryRun = true
	wantCounts(t, counts{Sent: 100}, push(t, other))
	close(freed)
	wait.Wait()
}

func TestPushInterrupted(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx, interrupt := context.WithCancel(t.Context())
	requests := 0
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 3 {
			interrupt()
		}
		p.remote.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(far.Close)
	opts := p.pushOptions(t)
	opts.Server = far.URL
	summary, err := peer.Push(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, counts{Sent: 30, Interrupted: true}, summary)
	if got := len(contents(t, p.remote.store)); got != 30 {
		t.Errorf("the remote has %d stats, want those of the three batches", got)
	}
	wantCounts(t, counts{Sent: 70, AlreadyThere: 30}, push(t, opts))
	if requests != 10 {
		t.Errorf("%d requests, want 3 and 7", requests)
	}
	wantSame(t, p.local.store, p.remote.store)
}

// A peer that is down must not keep an operator who has had enough.
func TestPushInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx, interrupt := context.WithCancel(t.Context())
	opts := p.pushOptions(t)
	opts.Server = answering(t, http.StatusServiceUnavailable, "", nil)
	opts.Sleep = func(ctx context.Context, _ time.Duration) error { interrupt(); return ctx.Err() }
	summary, err := peer.Push(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, counts{Interrupted: true}, summary)
}

// answering serves one answer to everything.
func answering(t *testing.T, status int, body string, header http.Header) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}
