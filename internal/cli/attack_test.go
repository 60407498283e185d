// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

const (
	// attackers are addresses from which connections are opened, each as many as an
	// address may have, together more than the service takes.
	attackers           = 40
	connsOfEachAttacker = 250
	// honestPosts are made before and during each attack.
	honestPosts = 40
	// floodConns is how many connections a flood has.
	floodConns = 8
)

// TestFrontOfficeUnderAttack posts on new connections while others hold all the
// connections that they can, idle or with half a request, and while two clients with
// keys send what is meant to be dear. Every post is stored. The log has how long the
// posts took.
func TestFrontOfficeUnderAttack(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "LOG_LEVEL=error")
	s.start()
	s.awaitTold("READY=1")
	keys := s.createClients(t, 2)
	post, list := hostile{method: http.MethodPost, path: "/api/v1/stats/"}, hostile{method: http.MethodGet, path: "/api/v1/stats/"}
	processed := hostile{method: http.MethodGet, path: "/api/v1/stats/processed/"}
	s.postHonestly(t) // connects to the database
	for _, attack := range []struct {
		name  string
		begin func() (end func())
	}{
		{"idle connections", func() func() { return s.hold(t, "") }},
		{"slow headers", func() func() { return s.hold(t, "POST /api/v1/stats/ HTTP/1.1\r\nHost: stats\r\nX-Slow: ") }},
		{"decompression bombs", func() func() { return s.flood(t, keys, post.gzipped(bomb(t)), http.StatusUnsupportedMediaType) }},
		{"colliding keys", func() func() { return s.flood(t, keys, post.with(manyKeys()), http.StatusBadRequest) }},
		{"deep nesting", func() func() { return s.flood(t, keys, post.with(nested()), http.StatusBadRequest) }},
		{"batches of 100 KB", func() func() { return s.flood(t, keys, post.fresh(analyses(30)), http.StatusCreated) }},
		{"batches of 3 MB", func() func() { return s.flood(t, keys, post.fresh(analyses(900)), http.StatusCreated) }},
		{"lists of 10,000 analyses", func() func() { return s.flood(t, keys, list.fresh(filter("")), http.StatusOK) }},
		{"figures of 10,000 analyses", func() func() {
			return s.flood(t, keys, processed.fresh(filter(`"processor":"threat_average_on_date",`)), http.StatusOK)
		}},
	} {
		calm := s.postHonestly(t)
		end := attack.begin()
		took := s.postHonestly(t)
		end()
		t.Logf("%-28s median %s, %.1f times as long as just before", attack.name, took, float64(took)/float64(calm))
	}
}

// createClients returns the keys of new clients.
func (s *supervisor) createClients(t *testing.T, n int) (keys []string) {
	t.Helper()
	admin, err := client.New(s.base, "admin-token")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		account, err := admin.CreateAccount(t.Context(), fmt.Sprintf("organisation %d", i), "")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, account.Token)
	}
	return keys
}

// postHonestly posts on a new connection each time and returns the median time.
func (s *supervisor) postHonestly(t *testing.T) time.Duration {
	t.Helper()
	load := &load{t: t, base: s.base}
	times := make([]time.Duration, honestPosts)
	for i := range times {
		batch := analyses(1)()
		begun := time.Now()
		if _, err := load.call(&http.Transport{DisableKeepAlives: true}, http.MethodPost, "/api/v1/stats/", batch, http.StatusCreated); err != nil {
			t.Fatalf("an honest post: %v", err)
		}
		times[i] = time.Since(begun)
	}
	slices.Sort(times)
	return times[len(times)/2]
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
}

func (h hostile) fresh(body func() []byte) hostile { h.body = body; return h }

func (h hostile) with(body []byte) hostile { return h.fresh(func() []byte { return body }) }

func (h hostile) gzipped(body []byte) hostile { h.encoding = "gzip"; return h.with(body) }

// flood sends requests on many connections, as clients that have keys.
func (s *supervisor) flood(t *testing.T, keys []string, h hostile, want int) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	first := make(chan struct{})
	begun := sync.OnceFunc(func() { close(first) })
	transport := &http.Transport{}
	for i := range floodConns {
		senders.Go(func() {
			for ctx.Err() == nil {
				status, err := s.send(ctx, transport, keys[i%len(keys)], h)
				begun()
				if ctx.Err() == nil && (err != nil || status != want && status != http.StatusServiceUnavailable) {
					t.Errorf("status %d, want %d: %v", status, want, err)
					return
				}
			}
		})
	}
	<-first
	return func() { stop(); senders.Wait(); transport.CloseIdleConnections() }
}

func (s *supervisor) send(ctx context.Context, transport *http.Transport, key string, h hostile) (int, error) {
	request, err := http.NewRequestWithContext(ctx, h.method, s.base+h.path, bytes.NewReader(h.body()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-API-KEY", key)
	request.Header.Set("Content-Type", "application/json")
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

// analyses returns a function that makes a batch of as many analyses as are new each
// time, of 3 KB each.
func analyses(n int) func() []byte {
	return func() []byte {
		var body bytes.Buffer
		for range n {
			body.WriteString(either(body.Len() == 0, "[", ","))
			fmt.Fprintf(&body, `{"anr":%q,"type":"threat","date":"2026-03-01","data":[`, uuid.New())
			for i := range 20 {
				fmt.Fprintf(&body, `%s{"uuid":"b402d4d8-4576-11e9-9173-0800277f0%03d","label1":"Vol de matériel","label2":"Theft of equipment","label3":"","label4":"","count":%d,"maxRisk":12,"averageRate":"2.5"}`,
					either(i == 0, "", ","), i, i)
			}
			body.WriteString("]}")
		}
		body.WriteString("]")
		return body.Bytes()
	}
}

// filter returns a function that makes a filter of as many analyses as it may name, each
// time others.
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

// bomb is 128 MB of zeros in gzip.
func bomb(t *testing.T) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 1 << 7 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// manyKeys is an object with keys whose hashes collide where a hash is 31 times the one
// before and the next character, as in Java and PHP's kin.
func manyKeys() []byte {
	var body bytes.Buffer
	body.WriteString(`[{"anr":"00000000-0000-4000-8000-000000000001","type":"cartography","date":"2026-03-01","data":{"x":0`)
	for n := range 1 << 15 {
		body.WriteString(`,"`)
		for bit := range 15 {
			body.WriteString([]string{"Aa", "BB"}[n>>bit&1])
		}
		body.WriteString(`":0`)
	}
	body.WriteString(`}}]`)
	return body.Bytes()
}

// nested is a megabyte of brackets.
func nested() []byte {
	return []byte(`[{"anr":"00000000-0000-4000-8000-000000000001","type":"risk","date":"2026-03-01","data":` + strings.Repeat("[", 1<<20))
}
