// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

var (
	generatedRequests = flag.Uint64("requests", 2_000, "how many generated requests are sent")
	generatedSeed     = flag.Uint64("seed", 1, "of which sequence they are")
	generatedFirst    = flag.Uint64("first", 0, "the number of the first one; with -requests 1 one is sent again")
)

const (
	// roundSize is after how many requests the database is as at the start again.
	roundSize = 2_000
	senders   = 4
	// maxProblems is after how many nothing more is sent.
	maxProblems = 20
)

// TestGeneratedRequests sends valid, almost valid and hostile requests to every
// operation and public route. No answer is a 5xx or missing, each is one that the
// document describes, and none has anything of a client that the caller must not see.
// What those clients have is the same afterwards.
func TestGeneratedRequests(t *testing.T) {
	t.Parallel()
	town := setupTown(t, func(o *httpapi.Options) {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	})
	document, _ := documented(t)
	contract, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	run := &generatedRun{
		town: town, contract: contract, address: strings.TrimPrefix(town.server.URL, "http://"),
		victims: []*party{town.parties[otherUser], town.parties[inactiveC]}, seen: map[string]int{},
		// The inactive client and one without a right key call as well; of another user nobody has the key.
		generator: newGenerator(document, town.callersOf(noKey, badKey, inactiveC, mutedC, userC, userC, userC, adminC), town.callersOf(userC, otherUser, mutedC, inactiveC, "missing")),
	}
	before := town.state()
	started := time.Now()
	for first := *generatedFirst; first < *generatedFirst+*generatedRequests && !t.Failed(); first += roundSize {
		run.round(t, first, min(first+roundSize, *generatedFirst+*generatedRequests))
		changed, _ := town.changedSince(before)
		for _, victim := range run.victims {
			if slices.Contains(changed, victim.client) {
				t.Fatalf("one of the requests %d to %d of seed %d changed what %s has", first, first+roundSize-1, *generatedSeed, victim.name)
			}
		}
		town.restore(before)
	}
	sent := 0
	for _, n := range run.seen {
		sent += n
	}
	t.Logf("%d of %d requests in %s", sent, *generatedRequests, time.Since(started).Round(time.Second))
	for _, what := range slices.Sorted(maps.Keys(run.seen)) {
		t.Logf("%s: %d", what, run.seen[what])
	}
}

func (h town) callersOf(names ...string) (parties []*party) {
	for _, name := range names {
		parties = append(parties, h.parties[name])
	}
	return parties
}

// generatedRun sends generated requests.
type generatedRun struct {
	town      town
	contract  *contract
	generator *generator
	address   string
	victims   []*party // whose data no caller but an admin may see, and nobody may change

	problems atomic.Int64

	mu   sync.Mutex
	seen map[string]int // answers by kind of request and status
}

// round sends the requests of these numbers, several at a time.
func (g *generatedRun) round(t *testing.T, first, end uint64) {
	var next atomic.Uint64
	next.Store(first)
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			connection := connection{address: g.address}
			defer connection.close()
			for number := next.Add(1) - 1; number < end && g.problems.Load() < maxProblems; number = next.Add(1) - 1 {
				r := g.generator.request(*generatedSeed, number)
				if r.caller == g.town.parties[adminC] && g.aimsAtVictims(r) {
					r.caller = g.town.parties[userC] // an admin may delete anything
				}
				g.try(t, &connection, number, r)
			}
		})
	}
	group.Wait()
}

func (g *generatedRun) aimsAtVictims(r generated) bool {
	return r.method == http.MethodDelete && slices.ContainsFunc(g.victims, func(p *party) bool {
		return strings.Contains(strings.ToLower(r.target), p.analysis.String())
	})
}

func (g *generatedRun) try(t *testing.T, connection *connection, number uint64, r generated) {
	got, err := connection.send(r)
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case got.status >= http.StatusInternalServerError && !isOfServer(r, got) && !isGivenUp(r, got):
		problem = "the service failed"
	default:
		problem = g.compare(r, got)
	}
	if problem != "" {
		g.problems.Add(1)
		t.Errorf("request %d of seed %d (%s, by %s) answered %d: %s\n%.1500q\n%.500q", number, *generatedSeed, r.kind, r.caller.name, got.status, problem, r.bytes(), got.body)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	what := fmt.Sprint(r.kind, " ", got.status)
	if got.closed {
		what = r.kind + " closed without an answer"
	}
	g.seen[what]++
}

// isOfServer reports whether the server of the standard library has answered what is
// no request by the rules of HTTP.
func isOfServer(r generated, got received) bool {
	return r.kind == hostile && got.header.Get("X-Content-Type-Options") == "" && got.header.Get("X-Request-Id") == "" && len(got.body) < 200
}

// isGivenUp reports whether the answer says that the caller had left, which the end of
// what it sends is taken for.
func isGivenUp(r generated, got received) bool {
	return r.endsEarly() && got.status == http.StatusServiceUnavailable && bytes.Contains(got.body, []byte("disconnected"))
}

// compare returns what is wrong with the answer.
func (g *generatedRun) compare(r generated, got received) string {
	if got.closed || isOfServer(r, got) {
		return ""
	}
	if got.header.Get("X-Content-Type-Options") != "nosniff" && !strings.Contains(r.target, "health") && !strings.Contains(r.target, "readyz") {
		return "no X-Content-Type-Options"
	}
	content, err := decode(got.header.Get("Content-Encoding"), got.body)
	if err != nil && r.method != http.MethodHead {
		return "the content coding cannot be taken off: " + err.Error()
	}
	got.body = content
	if problem := g.leak(r, got); problem != "" {
		return problem
	}
	target, err := url.ParseRequestURI(r.target)
	if err != nil || r.method == http.MethodHead || path.Clean(target.Path) != strings.TrimSuffix(slashes.ReplaceAllString(target.Path, "/"), "/") {
		return "" // dot segments are resolved, which the document has no word for
	}
	isPage := strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || got.status/100 == 3
	if isPage && !strings.HasPrefix(slashes.ReplaceAllString(target.Path, "/"), httpapi.Root+"/") {
		return "" // for people, which the document has no word for
	}
	request := &http.Request{Method: r.method, URL: target, Host: "127.0.0.1", Header: http.Header{}}
	if r.caller.token != "" {
		request.Header.Set("X-API-KEY", r.caller.token)
	}
	for _, h := range r.headers {
		request.Header.Set(h[0], h[1])
	}
	err = g.contract.check(exchange{
		request: request, sent: r.body, status: got.status, header: got.header, received: got.body, lenient: r.kind == hostile,
	})
	if err != nil {
		return err.Error()
	}
	return ""
}

// aggregates are answers about all clients: the labels of objects in them are anybody's.
var aggregates = []string{"/stats/processed", "/stats/threats", "/stats/vulnerabilities", "/stats/risks"}

// leak looks for what the caller must not see and has not sent itself.
func (g *generatedRun) leak(r generated, got received) string {
	var answer bytes.Buffer
	_ = got.header.Write(&answer) // into memory
	answer.Write(got.body)
	sent := r.bytes()
	aggregate := slices.ContainsFunc(aggregates, func(path string) bool { return strings.Contains(slashes.ReplaceAllString(r.target, "/"), path) }) ||
		!strings.Contains(strings.ToLower(r.target), "api") || strings.Contains(r.target, "%")
	for _, victim := range g.victims {
		secrets := []string{victim.token, victim.client.String()}
		if r.caller != g.town.parties[adminC] && r.caller != victim {
			secrets = append(secrets, victim.name, victim.hidden.String())
			if !aggregate {
				secrets = append(secrets, victim.label)
			}
		}
		for _, secret := range secrets {
			if bytes.Contains(answer.Bytes(), []byte(secret)) && !bytes.Contains(sent, []byte(secret)) {
				return fmt.Sprintf("the answer holds %q of %s", secret, victim.name)
			}
		}
	}
	return ""
}
