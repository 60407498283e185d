// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"slices"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// TestRefusalsOutsideTheAPIArrive sends all of a large body before it reads an answer that
// no route of the API gives.
func TestRefusalsOutsideTheAPIArrive(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	certificate, key, _ := writeCertificate(t, dir)
	plain, socket := fmt.Sprintf("127.0.0.1:%d", servicetest.FreePort(t)), filepath.Join(dir, "requests")
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "TLS_CERT_FILE="+certificate, "TLS_KEY_FILE="+key,
		"LISTEN=http://"+plain+",unix:"+socket, "TRUSTED_HOSTS=stats.example.org")
	s.startAlone()
	s.awaitTold("READY=1")
	for _, test := range []struct {
		name, network, address, host, path string
		status                             int
	}{
		{"wrong host", "unix", socket, "evil.example", "/api/v1/stats/", http.StatusBadRequest},
		{"health", "unix", socket, "stats.example.org", "/healthz", http.StatusMethodNotAllowed},
		{"http beside TLS", "tcp", plain, "stats.example.org", "/api/v1/stats/", http.StatusPermanentRedirect},
		{"wrong host beside TLS", "tcp", plain, "evil.example", "/api/v1/stats/", http.StatusBadRequest},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked: %t", test.name, chunked), func(t *testing.T) {
				t.Parallel()
				conn, err := net.Dial(test.network, test.address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if got := upload(t, conn, test.host, test.path, chunked); got != test.status {
					t.Errorf("status %d, want %d", got, test.status)
				}
			})
		}
	}
}

// upload posts a body of some megabytes, more than sockets hold, and returns the status
// of the answer.
func upload(t *testing.T, conn net.Conn, host, path string, chunked bool) int {
	t.Helper()
	body := make([]byte, 8<<20)
	length := fmt.Sprintf("Content-Length: %d", len(body))
	if chunked {
		length = "Transfer-Encoding: chunked"
		var pieces bytes.Buffer
		w := httputil.NewChunkedWriter(&pieces)
		for piece := range slices.Chunk(body, 64<<10) {
			_, _ = w.Write(piece) // a buffer never fails
		}
		_ = w.Close()
		body = append(pieces.Bytes(), "\r\n"...)
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", path, host, length); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Write(body); err != nil {
		t.Fatalf("the connection was closed after %d bytes: %v", n, err)
	}
	return statusOn(t, conn)
}
