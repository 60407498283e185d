// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// today is the day on which all tests take place.
var today = time.Date(2024, 5, 31, 0, 0, 0, 0, time.UTC)

func noon() time.Time { return today.Add(12 * time.Hour) }

// maxBody is what the instances of the tests accept at once.
const maxBody = 64 << 20

func openStore(t *testing.T, url string, maxConns int32) *postgres.Store {
	t.Helper()
	return servicetest.Open(t, postgres.Options{URL: url, Now: noon, MaxConns: maxConns})
}

// instance is an instance of this service with a server, and the requests that
// reached it.
type instance struct {
	url      string // of the server
	store    *postgres.Store
	handler  http.Handler
	requests atomic.Int64
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	return serve(t, openStore(t, pgtest.New(t), 0), maxBody)
}

func serve(t *testing.T, store *postgres.Store, maxBody int64) *instance {
	t.Helper()
	i := &instance{store: store}
	_, handler := servicetest.API(httpapi.Options{Store: store, Now: noon, MaxBodyBytes: maxBody})
	i.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.requests.Add(1)
		handler.ServeHTTP(w, r)
	})
	server := httptest.NewServer(i.handler)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func newClient(t *testing.T, store *postgres.Store, name string) stats.Client {
	t.Helper()
	return servicetest.CreateClient(t, store, servicetest.User(name))
}

// remote returns a peer whose retries do not wait.
func remote(t *testing.T, url, token string) peer.Remote {
	return peer.Remote{
		Server: url, Token: token, Log: servicetest.Log(t), Now: noon,
		Rand:  func() float64 { return 0.5 },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// riskStat is a small valid stat. Each n has a uuid of its own; days go back
// from today.
func riskStat(n, daysAgo int) stats.Stat {
	return stats.Stat{
		UUID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)),
		ANR:  uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "analysis", n%7)),
		Type: stats.Risk,
		Date: today.AddDate(0, 0, -daysAgo),
		Data: fmt.Appendf(nil, `{"risks":{"current":{"informational":[{"level":"Low risks","value":%d}]}}}`, n),
	}
}

// threatStat is riskStat of another type.
func threatStat(n, daysAgo int) stats.Stat {
	stat := riskStat(n, daysAgo)
	stat.Type = stats.Threat
	stat.Data = fmt.Appendf(nil, `[{"uuid":%q,"label1":"<peur> & \"doute\"","label2":null,"count":%d,"maxRisk":%d,"averageRate":"2.50"}]`,
		uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "threat", n%5)), n, n)
	return stat
}

var insert = servicetest.Insert

// fill stores n stats of both types, spread over the last four weeks. Their
// numbers start at first.
func fill(t *testing.T, store *postgres.Store, client stats.Client, first, n int) {
	t.Helper()
	batch := make([]stats.Stat, 0, n)
	for i := first; i < first+n; i++ {
		if i%2 == 0 {
			batch = append(batch, riskStat(i, i%28))
		} else {
			batch = append(batch, threatStat(i, i%28))
		}
	}
	insert(t, store, client, batch...)
}

// contents returns the stats in a store by UUID, with the fields that are exchanged.
func contents(t *testing.T, store *postgres.Store) map[string]string {
	t.Helper()
	return contentsOf(t, store, stats.Everything())
}

func contentsOf(t *testing.T, store *postgres.Store, scope stats.Scope) map[string]string {
	t.Helper()
	found := map[string]string{}
	_, err := store.EachStat(t.Context(), scope, postgres.ListQuery{}, func(stat stats.Stat) error {
		found[stat.UUID.String()] = fmt.Sprintf("%s %s %s %x",
			stat.ANR, stat.Type, stat.Date.Format(time.DateOnly), stats.DigestOf(stat.Type, stat.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantSame fails the test unless both stores hold the same stats.
func wantSame(t *testing.T, local, remote *postgres.Store) {
	t.Helper()
	want := contents(t, local)
	if len(want) == 0 {
		t.Fatal("there is nothing to compare")
	}
	if diff := cmp.Diff(want, contents(t, remote)); diff != "" {
		t.Errorf("the remote's stats (-want +got):\n%s", diff)
	}
}

// counts is the part of a summary that does not depend on sizes and times.
type counts struct {
	Sent, AlreadyThere, Refused, Skipped int
	Interrupted                          bool
}

func countsOf(s peer.Summary) counts {
	return counts{s.Sent, s.AlreadyThere, s.Refused, s.Skipped, s.Interrupted}
}

func wantCounts(t *testing.T, want counts, got peer.Summary) {
	t.Helper()
	if diff := cmp.Diff(want, countsOf(got)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func push(t *testing.T, opts peer.PushOptions) peer.Summary {
	t.Helper()
	summary, err := peer.Push(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func pull(t *testing.T, opts peer.PullOptions) peer.Summary {
	t.Helper()
	summary, err := peer.Pull(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// tokenOf returns the token of the first client of a store.
func tokenOf(t *testing.T, store *postgres.Store) string {
	t.Helper()
	clients, err := store.ListClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return clients[0].Token
}
