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

	"github.com/monarc-project/stats-service/internal/pgtest"
)

const (
	// attackers are addresses from which connections are opened, each as many as an
	// address may have, together more than the service takes.
	attackers           = 40
	connsOfEachAttacker = 250
	// honestPosts are made during each attack.
	honestPosts = 40
)

// TestFrontOfficeUnderAttack posts on new connections while others hold all the
// connections that they can, idle or with half a request, and while others send what is
// meant to be dear. Every post is stored. The log has how long the posts took.
func TestFrontOfficeUnderAttack(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "LOG_LEVEL=error")
	s.start()
	s.awaitTold("READY=1")
	calm := s.postHonestly(t)
	t.Logf("%-20s median %s", "without an attack", calm)
	for _, attack := range []struct {
		name  string
		begin func(t *testing.T) (end func())
	}{
		{"idle connections", func(t *testing.T) func() { return s.hold(t, "") }},
		{"slow headers", func(t *testing.T) func() { return s.hold(t, "POST /api/v1/stats/ HTTP/1.1\r\nHost: stats\r\nX-Slow: ") }},
		{"decompression bombs", func(t *testing.T) func() { return s.flood(t, bomb(t), "gzip", http.StatusUnsupportedMediaType) }},
		{"colliding keys", func(t *testing.T) func() { return s.flood(t, manyKeys(), "", http.StatusBadRequest) }},
		{"deep nesting", func(t *testing.T) func() { return s.flood(t, nested(), "", http.StatusBadRequest) }},
	} {
		end := attack.begin(t)
		took := s.postHonestly(t)
		end()
		t.Logf("%-20s median %s, %.1f times as long", attack.name, took, float64(took)/float64(calm))
	}
}

// postHonestly posts on a new connection each time and returns the median time.
func (s *supervisor) postHonestly(t *testing.T) time.Duration {
	t.Helper()
	load := &load{t: t, base: s.base}
	times := make([]time.Duration, honestPosts)
	for i := range times {
		batch := fmt.Sprintf(`[{"anr":%q,"type":"threat","date":"2026-03-01","data":[{"uuid":%q,"label1":"Vol","count":1,"maxRisk":12,"averageRate":"2.5"}]}]`, uuid.New(), uuid.New())
		begun := time.Now()
		if _, err := load.call(&http.Transport{DisableKeepAlives: true}, http.MethodPost, "/api/v1/stats/", []byte(batch), http.StatusCreated); err != nil {
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

// flood sends a body again and again, as a client that has a key.
func (s *supervisor) flood(t *testing.T, body []byte, encoding string, want int) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	first := make(chan struct{})
	begun := sync.OnceFunc(func() { close(first) })
	for range 2 {
		senders.Go(func() {
			for ctx.Err() == nil {
				status, err := s.send(ctx, body, encoding)
				if ctx.Err() == nil && (err != nil || status != want && status != http.StatusServiceUnavailable) {
					t.Errorf("status %d, want %d: %v", status, want, err)
					begun()
					return
				}
				begun()
			}
		})
	}
	<-first
	return func() { stop(); senders.Wait() }
}

func (s *supervisor) send(ctx context.Context, body []byte, encoding string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/api/v1/stats/", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-API-KEY", "admin-token")
	request.Header.Set("Content-Type", "application/json")
	if encoding != "" {
		request.Header.Set("Content-Encoding", encoding)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
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
