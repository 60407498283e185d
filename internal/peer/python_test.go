// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// python is a peer with the manners of the service written in Python: 207
// without duplicates, 500 to a malformed item after those before it were stored,
// lists in no order, three months of them unless dates are given, 400 without a
// type.
type python struct {
	url   string
	token string

	mu       sync.Mutex
	rows     map[string]row
	requests []string
	broken   bool // answers 500 to every batch
}

type row struct {
	UUID string          `json:"uuid"`
	ANR  string          `json:"anr"`
	Type string          `json:"type"`
	Date string          `json:"date"`
	Data json.RawMessage `json:"data"`
}

// malformedForPython is in the data of an item on which it fails.
const malformedForPython = `"doute`

func newPython(t *testing.T) *python {
	t.Helper()
	p := &python{token: "token", rows: map[string]row{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *python) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.String())
	switch {
	case r.Header.Get("X-API-KEY") != p.token:
		answerJSON(w, http.StatusForbidden, map[string]any{"message": "Authentication required."})
	case r.URL.Path == "/api/v1/client/me":
		answerJSON(w, http.StatusOK, map[string]any{"name": "known", "token": p.token, "role": "user", "is_sharing_enabled": true})
	case r.URL.Path != "/api/v1/stats/":
		answerJSON(w, http.StatusNotFound, map[string]any{"message": "not found"})
	case r.Method == http.MethodPost:
		p.post(w, r)
	default:
		p.list(w, r)
	}
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (p *python) post(w http.ResponseWriter, r *http.Request) {
	var items []row
	if err := json.NewDecoder(r.Body).Decode(&items); err != nil {
		answerJSON(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	created, status := []row{}, http.StatusCreated
	for _, item := range items {
		if _, there := p.rows[item.UUID]; there {
			status = http.StatusMultiStatus
			continue
		}
		if p.broken || bytes.Contains(item.Data, []byte(malformedForPython)) {
			answerJSON(w, http.StatusInternalServerError, map[string]any{"message": "Internal Server Error"})
			return
		}
		p.rows[item.UUID] = item
		created = append(created, item)
	}
	answerJSON(w, status, map[string]any{"metadata": map[string]string{"count": "0", "offset": "0", "limit": "0"}, "data": created})
}

func (p *python) list(w http.ResponseWriter, r *http.Request) {
	var query struct {
		Type     string `json:"type"`
		DateFrom string `json:"date_from"`
		DateTo   string `json:"date_to"`
	}
	if err := json.NewDecoder(r.Body).Decode(&query); err != nil || query.Type == "" {
		answerJSON(w, http.StatusBadRequest, map[string]any{
			"message": "Input payload validation failed", "errors": map[string]string{"type": "Missing required parameter"},
		})
		return
	}
	if query.DateFrom == "" {
		query.DateFrom = today.AddDate(0, -3, 0).Format(time.DateOnly)
	}
	if query.DateTo == "" {
		query.DateTo = today.Format(time.DateOnly)
	}
	found := []row{} // in the order of a map, which is none
	for _, row := range p.rows {
		if row.Type == query.Type && row.Date >= query.DateFrom && row.Date <= query.DateTo {
			found = append(found, row)
		}
	}
	answerJSON(w, http.StatusOK, map[string]any{"metadata": map[string]string{"count": "1"}, "data": found})
}

// contents are the rows as contentsOf gives them.
func (p *python) contents(t *testing.T) map[string]string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]string{}
	for id, row := range p.rows {
		found[id] = fmt.Sprintf("%s %s %s %x", row.ANR, row.Type, row.Date, stats.DigestOf(stats.Type(row.Type), row.Data))
	}
	return found
}

// take returns the requests since it was last called.
func (p *python) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.requests
	p.requests = nil
	return taken
}

func TestPushToPython(t *testing.T) {
	t.Parallel()
	local, far := newInstance(t), newPython(t)
	client := newClient(t, local.store, "local")
	batch := make([]stats.Stat, 60)
	for i := range batch {
		batch[i] = riskStat(i, i%28)
	}
	insert(t, local.store, client, batch...)
	opts := peer.PushOptions{
		Remote: remote(t, far.url, far.token), Store: local.store, Clients: []stats.Client{client}, BatchCount: 20,
	}
	wantCounts(t, counts{Sent: 60}, push(t, opts))
	if n := len(far.take()); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	delete(far.rows, batch[7].UUID.String())
	opts.Resend = true
	wantCounts(t, counts{Sent: 1, AlreadyThere: 59}, push(t, opts))
	if diff := cmp.Diff(contents(t, local.store), far.contents(t)); diff != "" {
		t.Errorf("the peer's stats (-want +got):\n%s", diff)
	}
}

// A malformed stat is found although the peer answers 500 and has stored the stats before
// it in the batch.
func TestPushOfMalformedToPython(t *testing.T) {
	t.Parallel()
	local, far := newInstance(t), newPython(t)
	client := newClient(t, local.store, "local")
	var batch []stats.Stat
	for i := range 60 {
		batch = append(batch, riskStat(i, 1))
	}
	bad := []stats.Stat{threatStat(100, 1), threatStat(101, 1)}
	insert(t, local.store, client, append(batch, bad...)...)
	summary := push(t, peer.PushOptions{
		Remote: remote(t, far.url, far.token), Store: local.store, Clients: []stats.Client{client}, BatchCount: 62,
	})
	if summary.Sent+summary.AlreadyThere != 60 || summary.Refused != 2 {
		t.Errorf("summary is %+v", summary)
	}
	want := map[string]string{}
	for _, stat := range bad {
		want[stat.UUID.String()] = "500 Internal Server Error (Internal Server Error)"
	}
	got := map[string]string{}
	for _, refusal := range summary.Refusals {
		got[refusal.UUID] = refusal.Reason
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	if n := len(far.contents(t)); n != 60 {
		t.Errorf("the peer has %d stats", n)
	}
	if n := len(far.take()); n > 50 {
		t.Errorf("%d requests to find two stats", n)
	}
}

func TestPushToBrokenPython(t *testing.T) {
	t.Parallel()
	local, far := newInstance(t), newPython(t)
	far.broken = true
	client := newClient(t, local.store, "local")
	fill(t, local.store, client, 0, 500)
	summary, err := peer.Push(t.Context(), peer.PushOptions{
		Remote: remote(t, far.url, far.token), Store: local.store, Clients: []stats.Client{client},
	})
	if err == nil || !strings.Contains(err.Error(), "fails on one stat after another") {
		t.Errorf("error is %v", err)
	}
	wantCounts(t, counts{}, summary)
	if n := len(far.take()); n > 1100 {
		t.Errorf("%d requests to a broken peer", n)
	}
	far.broken = false
	if summary := push(t, peer.PushOptions{
		Remote: remote(t, far.url, far.token), Store: local.store, Clients: []stats.Client{client}, Type: "risk",
	}); summary.Sent != 250 {
		t.Errorf("after the repair: %+v", summary)
	}
}

func TestPullFromPython(t *testing.T) {
	t.Parallel()
	local, far := newInstance(t), newPython(t)
	client := newClient(t, local.store, "local")
	for i := range 40 { // two years, far more than the three months of a request without dates
		stat := riskStat(i, i*18)
		far.rows[stat.UUID.String()] = row{
			UUID: stat.UUID.String(), ANR: stat.ANR.String(), Type: "risk", Date: stat.Date.Format(time.DateOnly), Data: stat.Data,
		}
	}
	opts := peer.PullOptions{Remote: remote(t, far.url, far.token), Store: local.store, Client: client}
	wantCounts(t, counts{Sent: 40}, pull(t, opts))
	if diff := cmp.Diff(far.contents(t), contents(t, local.store)); diff != "" {
		t.Errorf("pulled (-want +got):\n%s", diff)
	}
	if n := len(far.take()); n != 1+5*157 {
		t.Errorf("%d requests for three years of five types", n)
	}
	wantCounts(t, counts{AlreadyThere: 1}, pull(t, opts))
	if n := len(far.take()); n != 1+5*2 {
		t.Errorf("%d requests for what is new", n)
	}
	wantCounts(t, counts{AlreadyThere: 1}, push(t, peer.PushOptions{
		Remote: remote(t, far.url, far.token), Store: local.store, Clients: []stats.Client{client}, From: today, To: today,
	}))
}
