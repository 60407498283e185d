// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build memory && linux && !race

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

const (
	// boundedMemory is what docs/security.md allows a process with these settings, and
	// memoryLimit the GOMEMLIMIT that it names for a machine that gives as much. The limit
	// does not count the program itself, and collecting garbage comes a little behind.
	boundedMemory   = 550 << 20
	memoryLimit     = 450 << 20
	boundedSettings = "MAX_BODY_BYTES=8MB MAX_CONNECTIONS=512"

	largeClients   = 4
	postsOfEach    = 2
	slowBodies     = 40 // of each size
	slowHeaders    = 200
	itemsOfEach    = 9_000
	textOfEachItem = 700
)

// TestMemoryOfEverythingAtOnce sends everything that can be large at the same time: the
// largest batches of several clients, endless bodies and headers, masks, lists whose callers
// do not read, images and exports. The process stays within its documented limit.
func TestMemoryOfEverythingAtOnce(t *testing.T) {
	environ := append([]string{"DATABASE_URL=" + pgtest.New(t), "ADMIN_TOKEN=admin-token", "LOG_LEVEL=error", fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit)}, strings.Fields(boundedSettings)...)
	s := newSupervisor(t, environ...)
	service := s.start()
	s.awaitTold("READY=1")
	f := &pressure{s: s, keys: s.createClients(t, largeClients), answered: map[string]*atomic.Int64{}}

	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for name, request := range map[string]func(context.Context) error{
		"a long list that is read": func(ctx context.Context) error {
			return f.get(ctx, "/api/v1/stats/?date_from=2026-01-01&date_to=2026-12-31", "", io.Discard)
		},
		"a mask": func(ctx context.Context) error {
			return f.get(ctx, "/api/v1/stats/?date_from=2026-01-01&date_to=2026-12-31&limit=500", "{"+strings.Repeat("data{uuid,anr,type,date},", 150)+"uuid}", io.Discard)
		},
		"a picture": func(ctx context.Context) error {
			return f.get(ctx, "/stats/top-threats.png?from=2026-01-01&to=2026-12-31&top=10&width=2400&height=2400&theme="+f.either("light", "dark"), "", io.Discard)
		},
		"an export": func(ctx context.Context) error {
			return f.get(ctx, "/stats/top-threats.csv?from=2026-01-01&to=2026-12-31", "", io.Discard)
		},
		"figures": func(ctx context.Context) error { return f.get(ctx, "/stats/threats.json", "", io.Discard) },
		"a list that nobody reads": func(ctx context.Context) error {
			return f.hold(ctx, "GET /api/v1/stats/?date_from=2026-01-01&date_to=2026-12-31 HTTP/1.1\r\nHost: stats\r\nX-API-KEY: "+f.keys[0]+"\r\n\r\n")
		},
	} {
		f.answered[name] = &atomic.Int64{}
		for range 4 {
			others.Go(func() {
				for ctx.Err() == nil {
					if err := request(ctx); err == nil {
						f.answered[name].Add(1)
					}
				}
			})
		}
	}
	for i := range slowBodies {
		others.Go(func() { f.slowBody(ctx, f.keys[i%largeClients], 16<<10) })
		others.Go(func() { f.slowBody(ctx, f.keys[i%largeClients], 250<<10) })
		// A client has a share of what is held of large bodies: the others can post.
		others.Go(func() { f.slowBody(ctx, f.keys[0], 4<<20) })
	}
	for range slowHeaders {
		others.Go(func() {
			_ = f.hold(ctx, "GET /api/v1/client/me HTTP/1.1\r\nHost: stats\r\nX-Padding: "+strings.Repeat("x", 31<<10))
		})
	}
	f.postLargeBatches(t)
	stop()
	others.Wait()
	for name, count := range f.answered {
		if count.Load() == 0 && name != "a list that nobody reads" {
			t.Errorf("%s was never answered: it was not tried", name)
		}
	}
	peak := residentPeak(t, service.Process.Pid)
	t.Logf("the process had %d MB at most", peak>>20)
	if peak > boundedMemory {
		t.Errorf("the process had %d bytes of memory, more than %d", peak, boundedMemory)
	}
	service.stop()
}

// pressure sends large requests.
type pressure struct {
	s        *supervisor
	keys     []string
	dialled  atomic.Int64
	turn     atomic.Int64
	answered map[string]*atomic.Int64 // requests that were answered with success, by name
}

func (f *pressure) either(first, second string) string {
	if f.turn.Add(1)%2 == 0 {
		return first
	}
	return second
}

// postLargeBatches has each client post batches near the bounds of bytes and of stats, at
// the same time as the others.
func (f *pressure) postLargeBatches(t *testing.T) {
	var senders sync.WaitGroup
	for i, key := range f.keys[1:] {
		senders.Go(func() {
			for n := range postsOfEach {
				body := largestBatch(i*postsOfEach + n)
				for status := 0; status != http.StatusCreated && t.Context().Err() == nil; {
					var err error
					if status, err = f.post(t.Context(), key, body); err != nil || status != http.StatusCreated && status != http.StatusServiceUnavailable {
						t.Errorf("a large batch: status %d, %v", status, err)
						return
					}
				}
			}
		})
	}
	senders.Wait()
}

// largestBatch has contents that no other one has.
func largestBatch(n int) []byte {
	var body bytes.Buffer
	for i := range itemsOfEach {
		fmt.Fprintf(&body, `,{"anr":"%08x-0000-4000-8000-%012x","type":"threat","date":"2026-03-%02d","data":[{"uuid":"00000000-0000-4000-8000-%012d","label1":"%s","count":1,"maxRisk":2,"averageRate":"3"}]}`,
			n, i, 1+n%28, i%50, strings.Repeat("x", textOfEachItem-i%50))
	}
	body.WriteByte(']')
	whole := body.Bytes()
	whole[0] = '['
	return whole
}

func (f *pressure) post(ctx context.Context, key string, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.s.base+"/api/v1/stats/", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-API-KEY", key)
	request.Header.Set("Content-Type", "application/json")
	return f.do(request, io.Discard)
}

func (f *pressure) get(ctx context.Context, path, mask string, into io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.s.base+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-API-KEY", f.keys[f.turn.Add(1)%largeClients])
	if mask != "" {
		request.Header.Set("X-Fields", mask)
	}
	status, err := f.do(request, into)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return err
}

func (f *pressure) do(request *http.Request, into io.Writer) (int, error) {
	response, err := (&http.Transport{DisableKeepAlives: true, DialContext: f.dial}).RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(into, response.Body)
	return response.StatusCode, err
}

// dial connects from one of many addresses of the loopback network.
func (f *pressure) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(f.dialled.Add(1)%200+1))}}
	return dialer.DialContext(ctx, network, address)
}

// hold sends the beginning of a request, and reads nothing until the end.
func (f *pressure) hold(ctx context.Context, beginning string) error {
	address, err := url.Parse(f.s.base)
	if err != nil {
		return err
	}
	conn, err := f.dial(ctx, "tcp", address.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, beginning); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// slowBody sends all of a body but its last byte.
func (f *pressure) slowBody(ctx context.Context, key string, size int) {
	_ = f.hold(ctx, fmt.Sprintf("POST /api/v1/stats/ HTTP/1.1\r\nHost: stats\r\nX-API-KEY: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		key, size, strings.Repeat(" ", size-1)))
}

// residentPeak returns the most memory that a process had, in bytes.
func residentPeak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || !found {
		t.Fatalf("read how much memory the process had: %v", err)
	}
	return kilobytes << 10
}
