// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p pair) pullOptions(t *testing.T) peer.PullOptions {
	return peer.PullOptions{Remote: remote(t, p.remote.url, p.as.Token), Store: p.local.store, Client: p.client}
}

// newPullPair has the stats at the remote instance.
func newPullPair(t *testing.T) pair {
	t.Helper()
	p := pair{local: newInstance(t), remote: newInstance(t)}
	p.client = newClient(t, p.local.store, "local")
	p.as = newClient(t, p.remote.store, "known to the remote")
	fill(t, p.remote.store, p.as, 0, 100)
	return p
}

func TestPullStoresWhatThePeerHas(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	stranger := newClient(t, p.remote.store, "stranger")
	insert(t, p.remote.store, stranger, riskStat(1000, 1))
	var progress [][2]int64
	opts := p.pullOptions(t)
	opts.From = today.AddDate(0, 0, -30)
	opts.Progress = func(done, total int64) { progress = append(progress, [2]int64{done, total}) }
	summary := pull(t, opts)
	wantCounts(t, counts{Sent: 100}, summary)
	if diff := cmp.Diff(contentsOf(t, p.remote.store, p.as.Scope()), contentsOf(t, p.local.store, p.client.Scope())); diff != "" {
		t.Errorf("pulled (-want +got):\n%s", diff)
	}
	if first, last := progress[0], progress[len(progress)-1]; first != [2]int64{0, 25} || last != [2]int64{25, 25} || len(progress) != 26 {
		t.Errorf("progress is %v", progress)
	}
	if summary.Bytes < 100*100 || summary.LastDay.Before(today.AddDate(0, 0, -1)) {
		t.Errorf("summary is %+v", summary)
	}
	wantCounts(t, counts{AlreadyThere: 100}, pull(t, opts))
}

// A pulled stats comes out of processing as a posted one does.
func TestPulledStatsAreProcessed(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	pull(t, p.pullOptions(t))
	filter := stats.Filter{Type: stats.Threat, DateFrom: today.AddDate(0, -1, 0), DateTo: today}
	want, err := p.remote.store.DailySums(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.local.store.DailySums(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	threats, err := processor.Choose("threat_average_on_date", stats.Threat)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(encode(t, threats.Process(want, nil)), encode(t, threats.Process(got, nil))); diff != "" || len(want) == 0 {
		t.Errorf("processed (-want +got):\n%s", diff)
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPulledStatsAreNotPushedBack(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	insert(t, p.local.store, p.client, riskStat(0, 0)) // here already, and at the remote
	insert(t, p.local.store, p.client, riskStat(1000, 1))
	wantCounts(t, counts{Sent: 99, AlreadyThere: 1}, pull(t, p.pullOptions(t)))
	before := p.remote.requests.Load()
	wantCounts(t, counts{Sent: 1, AlreadyThere: 100}, push(t, p.pushOptions(t)))
	if n := p.remote.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for the one stat that the remote does not have", n)
	}
	wantSame(t, p.local.store, p.remote.store)
	third := newInstance(t)
	as := newClient(t, third.store, "as")
	opts := p.pushOptions(t)
	opts.Server, opts.Token = third.url, as.Token
	wantCounts(t, counts{Sent: 101}, push(t, opts))
}

func TestPullDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	insert(t, p.local.store, p.client, riskStat(0, 0))
	opts := p.pullOptions(t)
	opts.DryRun = true
	wantCounts(t, counts{Sent: 99, AlreadyThere: 1}, pull(t, opts))
	if n := len(contents(t, p.local.store)); n != 1 {
		t.Errorf("a dry run stored %d stats", n-1)
	}
	if _, err := p.local.store.FindPeer(t.Context(), p.remote.url); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("a dry run remembers the peer: %v", err)
	}
	opts.DryRun = false
	wantCounts(t, counts{Sent: 99, AlreadyThere: 1}, pull(t, opts))
}

// asked serves empty lists and notes what was asked for. It cannot tell whose a
// token is.
func asked(t *testing.T) (url string, taken func() []string) {
	t.Helper()
	var (
		mu      sync.Mutex
		windows []string
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/client/me" {
			http.NotFound(w, r)
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		mu.Lock()
		defer mu.Unlock()
		windows = append(windows, r.Method+" "+r.URL.String()+" "+body.String())
		_, _ = w.Write([]byte(`{"metadata":{"count":"0"},"data":[]}`))
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { windows = nil }()
		return windows
	}
}

func TestPullWalksWeeksFromItsPosition(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	url, taken := asked(t)
	opts := peer.PullOptions{Remote: remote(t, url, "token"), Store: local.store, Client: client, Types: []stats.Type{stats.Risk}}
	ask := func(from, to string) string {
		return fmt.Sprintf(`GET /api/v1/stats/ {"date_from":%q,"date_to":%q,"type":"risk"}`, from, to)
	}
	day := func(text string) time.Time {
		date, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return date
	}
	narrowed := func(from, to string, dry bool) {
		o := opts
		o.DryRun, o.From, o.To = dry, day(from), day(to)
		pull(t, o)
	}

	narrowed("2024-05-01", "2024-05-10", false) // leaves a gap, so that no position is kept
	want := []string{ask("2024-05-01", "2024-05-07"), ask("2024-05-08", "2024-05-10")}
	if diff := cmp.Diff(want, taken()); diff != "" {
		t.Errorf("narrowed (-want +got):\n%s", diff)
	}

	pull(t, opts)
	first := taken()
	if len(first) != 157 || first[0] != ask("2021-05-31", "2021-06-06") || first[156] != ask("2024-05-27", "2024-05-31") {
		t.Errorf("first pull: %d requests, %v … %v", len(first), first[:1], first[len(first)-1:])
	}

	pull(t, opts)
	want = []string{ask("2024-05-24", "2024-05-30"), ask("2024-05-31", "2024-05-31")}
	if diff := cmp.Diff(want, taken()); diff != "" {
		t.Errorf("a week again, up to today (-want +got):\n%s", diff)
	}

	opts.Now = func() time.Time { return noon().AddDate(0, 0, 10) }
	narrowed("2024-06-05", "2024-06-09", false) // not contiguous
	narrowed("2024-05-31", "2024-06-01", true)  // nothing is written
	narrowed("2024-05-31", "2024-06-02", false)
	taken()
	pull(t, opts)
	want = []string{ask("2024-05-27", "2024-06-02"), ask("2024-06-03", "2024-06-09"), ask("2024-06-10", "2024-06-10")}
	if diff := cmp.Diff(want, taken()); diff != "" {
		t.Errorf("after narrowed ones (-want +got):\n%s", diff)
	}

	other := newClient(t, local.store, "other") // has a position of its own
	opts.Client = other
	pull(t, opts)
	if n := len(taken()); n != 157 {
		t.Errorf("%d requests for another client", n)
	}
}

func TestPullRefusesMalformedItems(t *testing.T) {
	t.Parallel()
	good, early := riskStat(1, 1), riskStat(2, 40)
	item := func(stat stats.Stat) map[string]any {
		return map[string]any{
			"uuid": stat.UUID.String(), "anr": stat.ANR.String(), "type": string(stat.Type),
			"date": stat.Date.Format(time.DateOnly), "data": json.RawMessage(stat.Data), "more": []int{1},
		}
	}
	with := func(name string, value any) map[string]any {
		bad := item(riskStat(3, 1))
		bad[name] = value
		return bad
	}
	id := riskStat(3, 1).UUID.String()
	tests := map[string]struct {
		item any
		want peer.Refusal
	}{
		"not an object": {"text", peer.Refusal{Reason: "it is not an object with the strings uuid, anr, type and date"}},
		"no uuid":       {with("uuid", nil), peer.Refusal{Reason: "uuid must be a UUID such as 2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10"}},
		"nil uuid":      {with("uuid", "00000000-0000-0000-0000-000000000000"), peer.Refusal{UUID: "00000000-0000-0000-0000-000000000000", Reason: "uuid must not be the nil UUID"}},
		"wrong anr":     {with("anr", "x\x1b"), peer.Refusal{UUID: id, Reason: "anr must be a UUID such as 2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10"}},
		"wrong type":    {with("type", "risks"), peer.Refusal{UUID: id, Reason: `type unknown type "risks": use one of risk, vulnerability, threat, cartography, compliance`}},
		"number":        {with("type", 5), peer.Refusal{Reason: "it is not an object with the strings uuid, anr, type and date"}},
		"wrong date":    {with("date", "31.5.2024"), peer.Refusal{UUID: id, Reason: `date "31.5.2024" is not a date: use YYYY-MM-DD`}},
		"wrong data":    {with("data", []int{}), peer.Refusal{}},
		"no data":       {with("data", nil), peer.Refusal{}},
		"unstorable":    {with("data", json.RawMessage(`{"risks":{},"x":1e200000}`)), peer.Refusal{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			client := newClient(t, local.store, "local")
			body, err := json.Marshal(map[string]any{"data": []any{tt.item, item(good), item(early), item(threatStat(4, 1))}})
			if err != nil {
				t.Fatal(err)
			}
			summary := pull(t, peer.PullOptions{
				Remote: remote(t, answering(t, http.StatusOK, string(body), nil), "token"), Store: local.store, Client: client,
				Types: []stats.Type{stats.Risk}, From: today.AddDate(0, 0, -6), To: today,
			})
			wantCounts(t, counts{Sent: 1, Refused: 1, Skipped: 2}, summary)
			if tt.want.Reason == "" {
				tt.want = peer.Refusal{UUID: id, Reason: summary.Refusals[0].Reason}
				if !strings.HasPrefix(tt.want.Reason, "data") {
					t.Errorf("reason is %q", tt.want.Reason)
				}
			}
			if diff := cmp.Diff([]peer.Refusal{tt.want}, summary.Refusals); diff != "" {
				t.Errorf("refusals (-want +got):\n%s", diff)
			}
			if _, stored := contents(t, local.store)[good.UUID.String()]; !stored {
				t.Error("the good one is not stored")
			}
		})
	}
}

func TestPullExplainsFailures(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"wrong token":  {403, `{"message":"no"}`, "check the token"},
		"not there":    {404, "", "is this the address of a stats service?"},
		"away":         {503, "", "answers 503"},
		"array":        {200, "[]", "its answer cannot be read"},
		"no data":      {200, "{}", "its answer cannot be read"},
		"data is null": {200, `{"data":null}`, "its answer cannot be read"},
		"cut off":      {200, `{"data":[`, "its answer cannot be read"},
	} {
		_, err := peer.Pull(t.Context(), peer.PullOptions{
			Remote: remote(t, answering(t, tt.status, tt.body, nil), "token"), Store: local.store, Client: client,
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestPullContinuesAfterInterruption(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	ctx, interrupt := context.WithCancel(t.Context())
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests = append(requests, r.URL.Path); len(requests) == 157 {
			interrupt()
		}
		p.remote.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	opts := p.pullOptions(t)
	opts.Server, opts.Types = server.URL, []stats.Type{stats.Risk}
	summary, err := peer.Pull(ctx, opts)
	if err != nil || !summary.Interrupted || summary.Sent == 0 || summary.Sent >= 50 {
		t.Fatalf("%+v, %v", summary, err)
	}
	before := len(requests)
	again := pull(t, opts)
	if summary.Sent+again.Sent != 50 {
		t.Errorf("%d and %d stats, want 50 together", summary.Sent, again.Sent)
	}
	if n := len(requests) - before; n > 5 {
		t.Errorf("%d requests to go on", n)
	}
}

func TestPullRunsOnceAtATime(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	held, freed := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/client/me" {
			held <- struct{}{}
			<-freed
		}
		p.remote.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	opts := p.pullOptions(t)
	opts.Server, opts.From, opts.To, opts.Types = server.URL, today, today, []stats.Type{stats.Risk}
	var wait sync.WaitGroup
	wait.Go(func() { pull(t, opts) })
	<-held
	_, err := peer.Pull(t.Context(), opts)
	var busy *peer.BusyError
	if !errors.As(err, &busy) {
		t.Errorf("second pull: %v", err)
	}
	close(freed)
	wait.Wait()
}

// Whatever one answer holds, it is stored batch by batch while it comes in.
func TestPullStoresWhileItReads(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/client/me" {
			answerJSON(w, http.StatusOK, map[string]string{"name": "a", "role": "user", "token": "token"})
			return
		}
		_, _ = w.Write([]byte(`{"data":[`))
		for i := range 40 {
			stat := riskStat(i, 0)
			_, _ = fmt.Fprintf(w, `{"uuid":%q,"anr":%q,"type":"risk","date":%q,"data":%s},`,
				stat.UUID, stat.ANR, stat.Date.Format(time.DateOnly), stat.Data)
		}
		_ = http.NewResponseController(w).Flush()
		servicetest.Eventually(t, "30 of 40 stats are stored before the answer ends", func() bool {
			return len(contents(t, local.store)) >= 30
		})
		stat := riskStat(40, 0)
		_, _ = fmt.Fprintf(w, `{"uuid":%q,"anr":%q,"type":"risk","date":%q,"data":%s}]}`,
			stat.UUID, stat.ANR, stat.Date.Format(time.DateOnly), stat.Data)
	}))
	t.Cleanup(server.Close)
	summary := pull(t, peer.PullOptions{
		Remote: remote(t, server.URL, "token"), Store: local.store, Client: client, BatchCount: 10,
		Types: []stats.Type{stats.Risk}, From: today, To: today,
	})
	wantCounts(t, counts{Sent: 41}, summary)
}

// What passes validation and the database still refuses is found and skipped.
func TestPullSkipsStatsThatTheDatabaseRefuses(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	p := newPullPair(t)
	store := openStore(t, url, 0)
	client := newClient(t, store, "local")
	bad := riskStat(42, 14).UUID.String()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{
		`SET citus.enable_unsafe_triggers TO on`, // where tables are distributed
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'out of range' USING ERRCODE = 'numeric_value_out_of_range'; END $$`,
		fmt.Sprintf(`CREATE TRIGGER refuse BEFORE INSERT ON stats FOR EACH ROW WHEN (NEW.uuid = '%s') EXECUTE FUNCTION refuse()`, bad),
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	opts := p.pullOptions(t)
	opts.Store, opts.Client, opts.From = store, client, today.AddDate(0, 0, -30)
	summary := pull(t, opts)
	wantCounts(t, counts{Sent: 99, Refused: 1}, summary)
	want := []peer.Refusal{{UUID: bad, Reason: "data the database cannot store it: out of range"}}
	if diff := cmp.Diff(want, summary.Refusals); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	local := contents(t, store)
	local[bad] = contents(t, p.remote.store)[bad]
	if diff := cmp.Diff(contents(t, p.remote.store), local); diff != "" {
		t.Errorf("pulled (-want +got):\n%s", diff)
	}
}
