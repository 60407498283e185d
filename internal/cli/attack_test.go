// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build attack

package cli_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

func init() { programs["flood"] = flood }

const (
	// attackers is the number of addresses that open connections: each as many as one
	// address may have, together more than the service accepts.
	attackers           = 40
	connsOfEachAttacker = 250
	// honestPosts are made before and during each attack; the environment may ask for
	// another number. Each is what a front office sends of an analysis, some 60 KB.
	honestPosts, statsOfHonestPost = 10, 20
	honestPostsVariable            = "ATTACK_POSTS"
	// floodConns is how many connections a flood has.
	floodConns = 8
)

// TestFrontOfficeUnderAttack posts on new connections while others hold all the
// connections that they can, idle or with half a request, and while two clients with
// keys and others without any send expensive requests. Every post is stored. The log has
// the durations of the posts, which are meaningful only on an idle machine.
func TestFrontOfficeUnderAttack(t *testing.T) {
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "LOG_LEVEL=error")
	s.start()
	s.awaitTold("READY=1")
	keys := s.createClients(t, 2)
	s.postHonestly(t) // connects to the database
	attacks := []attack{
		{"idle connections", func() func() { return s.hold(t, "") }},
		{"slow headers", func() func() { return s.hold(t, "POST /api/v1/stats/ HTTP/1.1\r\nHost: stats\r\nX-Slow: ") }},
	}
	for _, name := range slices.Sorted(maps.Keys(floods)) {
		attacks = append(attacks, attack{name, func() func() { return s.flood(t, keys, name) }})
	}
	for _, attack := range attacks {
		calm := s.postHonestly(t)
		end := attack.begin()
		took := s.postHonestly(t)
		end()
		t.Logf("%-28s median %s, %.1f times as long as just before; slowest %s, %.1f times",
			attack.name, took.median, took.median.Seconds()/calm.median.Seconds(), took.slowest, took.slowest.Seconds()/calm.slowest.Seconds())
	}
}

// attack is an attack that runs until it is ended.
type attack struct {
	name  string
	begin func() (end func())
}

// waits has the durations of posts.
type waits struct{ median, slowest time.Duration }

// postHonestly posts on a new connection each time.
func (s *supervisor) postHonestly(t *testing.T) waits {
	t.Helper()
	load := &load{t: t, base: s.base}
	times := make([]time.Duration, wanted(t, honestPostsVariable, honestPosts))
	for i := range times {
		batch := analyses(statsOfHonestPost)()
		begun := time.Now()
		if _, err := load.call(&http.Transport{DisableKeepAlives: true}, http.MethodPost, "/api/v1/stats/", batch, http.StatusCreated); err != nil {
			t.Fatalf("an honest post: %v", err)
		}
		times[i] = time.Since(begun)
	}
	slices.Sort(times)
	return waits{median: times[len(times)/2], slowest: times[len(times)-1]}
}

// hold opens connections from many addresses of the loopback network and sends no more
// than the beginning of a request on each.
func (s *supervisor) hold(t *testing.T, beginning string) (end func()) {
	t.Helper()
	address, err := url.Parse(s.base)
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		all   sync.WaitGroup
	)
	for attacker := range attackers {
		all.Go(func() {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(attacker+1))}}
			for range connsOfEachAttacker {
				conn, err := dialer.DialContext(t.Context(), "tcp", address.Host)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(conn, beginning) // fails where the service has closed it
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
}

// hostile is a request that a flood repeats.
type hostile struct {
	method, path, encoding string
	body                   func() []byte
	want                   int  // status, beside 503
	keyless                bool // sends no key, and each time asks for another period
}

// floods has the requests that are sent on many connections, by name: by clients with
// keys, unless they are keyless.
var floods = map[string]hostile{
	"decompression bombs":        {http.MethodPost, "/api/v1/stats/", "gzip", always(bomb), http.StatusUnsupportedMediaType, false},
	"colliding keys":             {http.MethodPost, "/api/v1/stats/", "", always(manyKeys), http.StatusBadRequest, false},
	"colliding keys in a filter": {http.MethodGet, "/api/v1/stats/", "", always(keysOfFilter), http.StatusBadRequest, false},
	"deep nesting":               {http.MethodPost, "/api/v1/stats/", "", always(nested), http.StatusBadRequest, false},
	"batches of 100 KB":          {http.MethodPost, "/api/v1/stats/", "", analyses(30), http.StatusCreated, false},
	"batches of 3 MB":            {http.MethodPost, "/api/v1/stats/", "", analyses(900), http.StatusCreated, false},
	"lists of 10,000 analyses":   {http.MethodGet, "/api/v1/stats/", "", filter(""), http.StatusOK, false},
	"figures of 10,000 analyses": {http.MethodGet, "/api/v1/stats/processed/", "", filter(`"processor":"threat_average_on_date",`), http.StatusOK, false},
	"public figures":             {http.MethodGet, "/stats/threats.json", "", nothing, http.StatusOK, true},
	"public pages":               {http.MethodGet, "/stats", "", nothing, http.StatusOK, true},
	"public exports":             {http.MethodGet, "/stats/threats.csv", "", nothing, http.StatusOK, true},
}

// periods counts the periods that the process has asked for, each shorter than maxDays.
var periods atomic.Int64

const maxDays = 36_500

func nothing() []byte { return nil }

// always returns a function that makes the same body each time.
func always(body func() []byte) func() []byte { return sync.OnceValue(body) }

// flood lets a process send requests on many connections, as clients that have keys. Its
// priority is the lowest: in practice attackers have a machine of their own, and take no
// processor from the service but by what they send.
func (s *supervisor) flood(t *testing.T, keys []string, name string) (end func()) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "nice", append([]string{"-n", "19", "flood", s.base, name}, keys...)...)
	var faults bytes.Buffer
	command.Stderr = &faults
	begun, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		t.Errorf("the flood has not begun: %v", err)
	}
	return func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
		if faults.Len() > 0 {
			t.Errorf("%s: %s", name, &faults)
		}
	}
}

// flood is a program: flood URL NAME KEY... It prints a line when it has begun, and then
// every unexpected answer.
func flood() {
	base, h, keys := os.Args[1], floods[os.Args[2]], os.Args[3:]
	transport := &http.Transport{}
	begun := sync.OnceFunc(func() { fmt.Print("\n") })
	var senders sync.WaitGroup
	for i := range floodConns {
		senders.Go(func() {
			for {
				status, err := h.send(transport, base, keys[i%len(keys)])
				if closedWhileIdle(err) {
					continue // at its priority, making a body can take long
				}
				if err != nil || status != h.want && status != http.StatusServiceUnavailable {
					fmt.Fprintf(os.Stderr, "status %d, want %d: %v\n", status, h.want, err)
					return
				}
				begun()
			}
		})
	}
	senders.Wait()
	os.Exit(1)
}

// closedWhileIdle reports whether a connection had been closed before a request was sent
// on it, which the server may do with idle ones.
func closedWhileIdle(err error) bool {
	return errors.Is(err, io.EOF) || err != nil && err.Error() == "http: server closed idle connection"
}

func (h hostile) send(transport *http.Transport, base, key string) (int, error) {
	request, err := http.NewRequest(h.method, base+h.path, bytes.NewReader(h.body()))
	if err != nil {
		return 0, err
	}
	if h.keyless {
		request.URL.RawQuery = fmt.Sprintf("days=%d", 1+periods.Add(1)%maxDays)
	} else {
		request.Header.Set("X-API-KEY", key)
		request.Header.Set("Content-Type", "application/json")
	}
	if h.encoding != "" {
		request.Header.Set("Content-Encoding", h.encoding)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// analyses returns a function that makes batches of new analyses, of 3 KB each.
func analyses(n int) func() []byte {
	var data strings.Builder // the same for all: a flood has little processor time
	for i := range 20 {
		fmt.Fprintf(&data, `%s{"uuid":"b402d4d8-4576-11e9-9173-0800277f0%03d","label1":"Vol de matériel","label2":"Theft of equipment","label3":"","label4":"","count":%d,"maxRisk":12,"averageRate":"2.5"}`,
			either(i == 0, "", ","), i, i)
	}
	return func() []byte {
		var body bytes.Buffer
		for range n {
			body.WriteString(either(body.Len() == 0, "[", ","))
			fmt.Fprintf(&body, `{"anr":%q,"type":"threat","date":"2026-03-01","data":[%s]}`, uuid.New(), data.String())
		}
		body.WriteString("]")
		return body.Bytes()
	}
}

// filter returns a function that makes filters of the greatest length, with other analyses
// each time.
func filter(members string) func() []byte {
	return func() []byte {
		var body bytes.Buffer
		fmt.Fprintf(&body, `{"type":"threat",%s"anrs":[`, members)
		for i := range 10_000 {
			fmt.Fprintf(&body, "%s%q", either(i == 0, "", ","), uuid.New())
		}
		body.WriteString("]}")
		return body.Bytes()
	}
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// bomb returns 128 MB of zeros, compressed with gzip.
func bomb() []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // a known level; writes to memory, which does not fail
	zeros := make([]byte, 1<<20)
	for range 1 << 7 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return packed.Bytes()
}

// manyKeys is an object whose keys collide in hash functions that multiply by 31, such as
// Java's.
func manyKeys() []byte {
	return []byte(`[{"anr":"00000000-0000-4000-8000-000000000001","type":"cartography","date":"2026-03-01","data":{"x":0` + collidingKeys(1<<15) + `}}]`)
}

// keysOfFilter is a filter of such keys, as large as one may be.
func keysOfFilter() []byte { return []byte(`{"type":"risk"` + collidingKeys(28_000) + `}`) }

func collidingKeys(count int) string {
	var body strings.Builder
	for n := range count {
		body.WriteString(`,"`)
		for bit := range 15 {
			body.WriteString([]string{"Aa", "BB"}[n>>bit&1])
		}
		body.WriteString(`":0`)
	}
	return body.String()
}

// nested is a megabyte of brackets.
func nested() []byte {
	return []byte(`[{"anr":"00000000-0000-4000-8000-000000000001","type":"risk","date":"2026-03-01","data":` + strings.Repeat("[", 1<<20))
}
