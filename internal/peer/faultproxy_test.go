// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fault is what a faultProxy does to a request.
type fault int

const (
	pass        fault = iota
	cutBefore         // the connection is cut before the peer has the request
	cutInside         // it is cut in the middle of the request
	cutDuring         // it is cut in the middle of the answer
	cutAfter          // it is cut when the peer is done, before the answer
	truncate          // the body is cut, but the message is complete
	tooMany           // 429 with Retry-After in seconds
	away              // 503 with Retry-After as a date
	broken            // 500
	pageOfProxy       // 502 with a page
	faults            // number of faults
)

// faultProxy is a proxy between an instance and its peer. Half of the requests fail with
// one of the faults above.
type faultProxy struct {
	url     string
	backend string

	mu   sync.Mutex
	plan *rand.Rand
	seen map[fault]int
}

func newFaultProxy(t *testing.T, backend string, seed uint64) *faultProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultProxy{
		url: "http://" + listener.Addr().String(), backend: strings.TrimPrefix(backend, "http://"),
		plan: rand.New(rand.NewPCG(seed, seed)), seen: map[fault]int{},
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			connections.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); connections.Wait() })
	return p
}

// next returns the next fault of the plan.
func (p *faultProxy) next() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := pass
	if p.plan.IntN(2) == 0 {
		f = fault(p.plan.IntN(int(faults)))
	}
	p.seen[f]++
	return f
}

// kinds returns the faults so far.
func (p *faultProxy) kinds() []fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.seen))
}

// serve handles one request and closes the connection.
func (p *faultProxy) serve(conn net.Conn) {
	defer conn.Close()
	f := p.next()
	if f == cutBefore {
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	if answer, ok := ownAnswers[f]; ok {
		_, _ = io.WriteString(conn, answer)
		return
	}
	answer, err := p.forward(request, body, f == cutInside)
	if err != nil {
		return
	}
	switch f {
	case cutDuring:
		_, _ = conn.Write(answer[:len(answer)/2])
	case truncate:
		_, _ = conn.Write(withHalfBody(answer))
	case cutAfter:
	default:
		_, _ = conn.Write(answer)
	}
}

var ownAnswers = map[fault]string{
	tooMany: "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	away: "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 31 May 2024 12:00:30 GMT\r\n" +
		"Content-Length: 0\r\nConnection: close\r\n\r\n",
	broken:      "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
	pageOfProxy: "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
}

// forward sends the request, or half of its body, to the peer and returns the
// whole answer.
func (p *faultProxy) forward(request *http.Request, body []byte, half bool) ([]byte, error) {
	conn, err := net.Dial("tcp", p.backend)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	request.Header.Del("Transfer-Encoding")
	request.Header.Del("Accept-Encoding")
	var message bytes.Buffer
	fmt.Fprintf(&message, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n", request.Method, request.URL, p.backend, len(body))
	if err := request.Header.Write(&message); err != nil {
		return nil, err
	}
	message.WriteString("\r\n")
	if half {
		message.Write(body[:len(body)/2])
		_, err := conn.Write(message.Bytes())
		return nil, fmt.Errorf("cut the request: %w", err)
	}
	message.Write(body)
	if _, err := conn.Write(message.Bytes()); err != nil {
		return nil, err
	}
	return io.ReadAll(conn)
}

// withHalfBody gives an answer half of its body, and the length to match.
func withHalfBody(answer []byte) []byte {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil
	}
	body = body[:len(body)/2]
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		response.Status, len(body), body)
}

// newStallingProxy never answers one of the requests, though the peer has done
// what it asks for.
func newStallingProxy(t *testing.T, peer http.Handler, stalled int64) (url string) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == stalled {
			peer.ServeHTTP(httptest.NewRecorder(), r)
			<-r.Context().Done()
			return
		}
		peer.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newSlowProxy passes on what comes in at so many bytes, at most, a tick.
func newSlowProxy(t *testing.T, backend string, bytes int64, tick time.Duration) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			connections.Go(func() { passSlowly(conn, strings.TrimPrefix(backend, "http://"), bytes, tick) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); connections.Wait() })
	return "http://" + listener.Addr().String()
}

func passSlowly(from net.Conn, backend string, bytes int64, tick time.Duration) {
	defer from.Close()
	to, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer to.Close()
	_ = from.(*net.TCPConn).SetReadBuffer(int(bytes))
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(from, to); _ = from.Close() })
	for err == nil {
		_, err = io.CopyN(to, from, bytes)
		time.Sleep(tick)
	}
	_ = to.Close()
	answers.Wait()
}
