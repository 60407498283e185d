// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// TestHeaderBound answers 431 to requests whose headers are larger than 32 KB.
func TestHeaderBound(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t))
	s.start()
	s.awaitTold("READY=1")
	for size, want := range map[int]int{20 << 10: http.StatusOK, 40 << 10: http.StatusRequestHeaderFieldsTooLarge, 900 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		if got := statusOf(t, s.connect(), "X-Padding: "+strings.Repeat("x", size)+"\r\n"); got != want {
			t.Errorf("headers of %d bytes: status %d, want %d", size, got, want)
		}
	}
}

// TestConnectionBounds closes a connection beyond the bound of an address at once.
func TestConnectionBounds(t *testing.T) {
	t.Parallel()
	metrics := filepath.Join(ramdisk.Folder(t), "metrics")
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "MAX_CONNECTIONS_PER_ADDRESS=4", "METRICS_LISTEN=unix:"+metrics)
	s.start()
	s.awaitTold("READY=1")
	for range 4 {
		if got := statusOf(t, s.connect(), ""); got != http.StatusOK {
			t.Fatalf("a connection within the bound: status %d", got)
		}
	}
	if answer, err := io.ReadAll(s.connect()); len(answer) > 0 {
		t.Errorf("a connection beyond the bound: %q, %v", answer, err)
	}
	wantMetrics(t, metrics, `stats_service_http_requests_refused_total{reason="connections"} 1`)
}

func (s *supervisor) connect() net.Conn {
	s.t.Helper()
	address, err := url.Parse(s.base)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// statusOf sends a request with more headers on a connection, which stays open.
func statusOf(t *testing.T, conn net.Conn, headers string) int {
	t.Helper()
	go func() { // a request may be refused before its end
		_, _ = fmt.Fprintf(conn, "GET /about.json HTTP/1.1\r\nHost: stats\r\n%s\r\n", headers)
	}()
	return statusOn(t, conn)
}

// statusOn reads an answer to its end.
func statusOn(t *testing.T, conn net.Conn) int {
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
