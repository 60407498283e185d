// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

// slowly opens a connection and sends the head of a request with these headers, and
// what comes first of its body.
func (c caller) slowly(method, path, headers, body string) net.Conn {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.server.Listener.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: stats\r\nX-API-KEY: %s\r\nContent-Type: application/json\r\n%s\r\n%s", method, path, c.token, headers, body)
	if err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// chunk is a piece of a body whose length is not known.
func chunk(size int) string { return fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat(" ", size)) }

// statusOn reads an answer to its end.
func statusOn(t testing.TB, conn net.Conn) int {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// large is a batch of more than size bytes.
func large(t testing.TB, size int) string {
	return "[" + strings.Repeat(" ", size) + string(encoded(t, threat(1, 0, 1))) + "]"
}

// TestSlowBodiesLeaveRoom stores the large batches of others while a client sends
// several of unknown length and never ends them.
func TestSlowBodiesLeaveRoom(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.AcquireTimeout = 50 * time.Millisecond })
	s.log.expectErrors()
	slow, honest := s.user("slow"), s.user("honest")
	for range 3 {
		slow.slowly("POST", "/api/v1/stats/", "Transfer-Encoding: chunked\r\n", chunk(300<<10))
	}
	// One of them is refused for the others of its client, so all have arrived.
	until(t, "the slow bodies hold what they can", func() bool {
		return strings.Contains(s.log.String(), `"status":503`)
	})
	honest.call("POST", "/api/v1/stats/", large(t, 1<<20)).want(http.StatusCreated)
}

// TestMinimumBodyRate answers 408 where a body comes too slowly, of every operation
// that has one.
func TestMinimumBodyRate(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.MinBodyRate, o.BodyGrace = 1<<40, time.Millisecond })
	admin := s.admin("admin")
	for _, length := range []string{"Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"} {
		for _, operation := range []string{"POST /stats/", "GET /stats/", "GET /stats/processed/", "POST /client/", "PATCH /client/me"} {
			method, path, _ := strings.Cut(operation, " ")
			conn := admin.slowly(method, httpapi.Root+path, length, "1\r\n")
			if status := statusOn(t, conn); status != http.StatusRequestTimeout {
				t.Errorf("%s, %q: status %d, want 408", operation, length, status)
			}
		}
	}
}

// statusAfter sends all of a body before it reads the status of the answer.
func statusAfter(t testing.TB, conn net.Conn, body []byte) int {
	t.Helper()
	if n, err := conn.Write(body); err != nil {
		t.Fatalf("the connection was closed after %d bytes: %v", n, err)
	}
	return statusOn(t, conn)
}

// holdLarge leaves no room for another large body of the user.
func holdLarge(t *testing.T, user caller) {
	t.Helper()
	holding := user.slowly("POST", "/api/v1/stats/", "Content-Length: 10000000\r\nExpect: 100-continue\r\n", "")
	if status := statusOn(t, holding); status != http.StatusContinue {
		t.Fatalf("status %d, want 100: it is sent when the body is admitted", status)
	}
	probe := user.slowly("POST", "/api/v1/stats/", "Content-Length: 9000000\r\nExpect: 100-continue\r\n", "")
	if status := statusOn(t, probe); status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503 instead of 100", status)
	}
}

// inChunks returns a body as it is sent when its length is not known.
func inChunks(body []byte) []byte {
	var pieces bytes.Buffer
	for range len(body) >> 16 {
		pieces.WriteString(chunk(1 << 16))
	}
	pieces.WriteString("0\r\n\r\n")
	return pieces.Bytes()
}

// TestRefusalArrives sends all of a large body before it reads the answer, which was
// there before: refused for the key, for its type, for its size, for others' bodies.
func TestRefusalArrives(t *testing.T) {
	t.Parallel()
	const size = 8 << 20 // more than sockets hold
	s := setup(t, func(o *httpapi.Options) { o.AcquireTimeout, o.MaxBodyBytes = time.Millisecond, 10<<20 })
	s.log.expectErrors()
	user := s.user("user")
	holdLarge(t, user)
	const overloaded = http.StatusServiceUnavailable // one of unknown length may be large, and waits for the one that is held
	for _, tc := range []struct {
		name    string
		caller  caller
		method  string
		path    string
		size    int
		status  int
		chunked int // status of a body in chunks; 0: it is not sent
	}{
		{"overloaded", user, "POST", "/api/v1/stats/", size, http.StatusServiceUnavailable, overloaded},
		{"wrong key", s.with("wrong"), "POST", "/api/v1/stats/", size, http.StatusForbidden, http.StatusForbidden},
		{"list", user, "GET", "/api/v1/stats/", size, http.StatusRequestEntityTooLarge, overloaded},
		{"filter", user, "PATCH", "/api/v1/client/me", size, http.StatusRequestEntityTooLarge, overloaded},
		{"too large", user, "POST", "/api/v1/stats/", 12 << 20, http.StatusRequestEntityTooLarge, 0},
		{"no such address", user, "POST", "/api/v1/nothing", size, http.StatusNotFound, http.StatusNotFound},
		{"page", user, "POST", "/stats/threats.json", size, http.StatusMethodNotAllowed, http.StatusMethodNotAllowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			// What is beyond the bound is not read: the answer is all the same.
			body := make([]byte, min(tc.size, 10<<20))
			conn := tc.caller.on(t).slowly(tc.method, tc.path, fmt.Sprintf("Content-Length: %d\r\n", tc.size), "")
			if status := statusAfter(t, conn, body); status != tc.status {
				t.Errorf("status %d, want %d", status, tc.status)
			}
			if tc.chunked == 0 {
				return
			}
			conn = tc.caller.on(t).slowly(tc.method, tc.path, "Transfer-Encoding: chunked\r\n", "")
			if status := statusAfter(t, conn, inChunks(body)); status != tc.chunked {
				t.Errorf("in chunks: status %d, want %d", status, tc.chunked)
			}
		})
	}
}

// TestRefusalsOverHTTP2 gets the same answers on streams of one connection, which goes
// on to be used.
func TestRefusalsOverHTTP2(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) {
		o.MaxBodyBytes, o.MinBodyRate, o.BodyGrace = 10<<20, 1<<40, 100*time.Millisecond
	})
	user := s.user("user")
	server := httptest.NewUnstartedServer(s.handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	send := func(method, path, token string, body io.Reader, length int64) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-API-KEY", token)
		request.Header.Set("Content-Type", "application/json")
		request.ContentLength = length
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		defer response.Body.Close()
		if response.ProtoMajor != 2 {
			t.Errorf("%s", response.Proto)
		}
		return response.StatusCode
	}
	const size = 8 << 20
	zeros := func() io.Reader { return bytes.NewReader(make([]byte, size)) }
	if got := send("POST", "/api/v1/stats/", "wrong", zeros(), size); got != http.StatusForbidden {
		t.Errorf("wrong key: status %d", got)
	}
	if got := send("GET", "/api/v1/stats/", user.token, zeros(), size); got != http.StatusRequestEntityTooLarge {
		t.Errorf("filter: status %d", got)
	}
	slow, writer := io.Pipe()
	defer writer.Close()
	go func() { _, _ = writer.Write([]byte("[")) }()
	if got := send("POST", "/api/v1/stats/", user.token, slow, -1); got != http.StatusRequestTimeout {
		t.Errorf("slow body: status %d", got)
	}
	if got := send("GET", "/api/v1/client/me", user.token, nil, 0); got != http.StatusOK {
		t.Errorf("afterwards: status %d", got)
	}
}
