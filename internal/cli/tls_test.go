// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// writeCertificate writes the certificate of httptest, which is for 127.0.0.1, and its
// key, and returns settings of a client that trusts it.
func writeCertificate(t *testing.T, dir string) (certificate, key string, trust *tls.Config) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	private, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: server.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return certificate, key, &tls.Config{RootCAs: roots}
}

// onSocket returns a client whose requests go to a Unix socket.
func onSocket(t *testing.T, path string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestTLS serves HTTP/2 with a certificate, redirects plain HTTP, and serves requests and
// metrics on Unix sockets at the same time.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	certificate, key, trust := writeCertificate(t, dir)
	secure, plain := servicetest.FreePort(t), servicetest.FreePort(t)
	requests, metrics := filepath.Join(dir, "requests"), filepath.Join(dir, "metrics")
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "TLS_CERT_FILE="+certificate, "TLS_KEY_FILE="+key,
		fmt.Sprintf("LISTEN=127.0.0.1:%d,http://127.0.0.1:%d,unix:%s", secure, plain, requests), "METRICS_LISTEN=unix:"+metrics)
	service := s.startAlone()
	s.awaitTold("READY=1")
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, body := fetch(t, client, fmt.Sprintf("https://127.0.0.1:%d/about.json", secure))
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Errorf("%s %s: %s", response.Proto, response.Status, body)
	}
	response, _ = fetch(t, client, fmt.Sprintf("http://127.0.0.1:%d/stats?days=7", plain))
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != "https://127.0.0.1/stats?days=7" {
		t.Errorf("without TLS: %s, to %s", response.Status, got)
	}
	s.wantFound(t, 4)
	if response, body := fetch(t, onSocket(t, requests), "http://localhost/about.json"); response.StatusCode != http.StatusOK {
		t.Errorf("on a Unix socket: %s %s", response.Status, body)
	}
	local := onSocket(t, metrics)
	// A request is counted when it ends, which may be after its answer has arrived.
	servicetest.Eventually(t, "both requests are counted", func() bool {
		_, body = fetch(t, local, "http://localhost/metrics")
		return strings.Contains(body, "\n"+`stats_service_http_requests_total{method="GET",route="/about.json",status="200"} 2`+"\n")
	})
	for _, want := range []string{
		`stats_service_ready 1`, `stats_service_database_state{state="up"} 1`, `stats_service_rollup_pending_deltas 0`,
		`stats_service_database_connections_max{server="primary"} 16`,
		`stats_service_http_requests_waiting{class="list"} 0`, `stats_service_http_requests_waiting{class="process"} 0`, `stats_service_http_requests_waiting{class="write"} 0`, `stats_service_cache_lookups_total{cache="tokens",result="hit"} 0`,
	} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if response, body := fetch(t, local, "http://localhost/debug/pprof/cmdline"); response.StatusCode != http.StatusOK || !strings.Contains(body, "serve") {
		t.Errorf("profiles: %s %s", response.Status, body)
	}
	if response, _ := fetch(t, client, fmt.Sprintf("https://127.0.0.1:%d/metrics", secure)); response.StatusCode != http.StatusNotFound {
		t.Errorf("metrics beside the API: %s", response.Status)
	}
	if streams := streamsOf(t, fmt.Sprintf("127.0.0.1:%d", secure), trust); streams != 32 {
		t.Errorf("a connection of HTTP/2 may have %d requests at a time, want 32", streams)
	}
	client.CloseIdleConnections()
	service.stop()
}

// wantFound checks that healthcheck and config_check find the service on the addresses of
// its settings.
func (s *supervisor) wantFound(t *testing.T, addresses int) {
	t.Helper()
	say := func(args ...string) (string, error) {
		program := exec.CommandContext(t.Context(), "stats-service", args...)
		program.Env = s.environ
		output, err := program.CombinedOutput()
		return string(output), err
	}
	// The database of a busy machine may seem stalled for a moment.
	servicetest.Eventually(t, "healthcheck finds the service ready", func() bool {
		said, err := say("healthcheck", "--ready")
		return err == nil && said == "ready\n"
	})
	said, err := say("config_check")
	if found := strings.Count(said, " is in use by a stats service"); err != nil || found != addresses {
		t.Errorf("config_check (%v) finds the service on %d addresses, want %d:\n%s", err, found, addresses, said)
	}
}

// streamsOf returns how many requests at a time a server announces to take on a
// connection of HTTP/2 (RFC 9113, 6.5).
func streamsOf(t *testing.T, address string, trust *tls.Config) uint32 {
	t.Helper()
	config := trust.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const preface, noSettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(conn, preface+noSettings); err != nil {
		t.Fatal(err)
	}
	var frame struct {
		Length      [3]byte
		Type, Flags uint8
		Stream      uint32
	}
	if err := binary.Read(conn, binary.BigEndian, &frame); err != nil || frame.Type != 4 {
		t.Fatalf("the first frame is %+v: %v", frame, err)
	}
	settings := make([]struct {
		Name  uint16
		Value uint32
	}, (int(frame.Length[1])<<8|int(frame.Length[2]))/6)
	if err := binary.Read(conn, binary.BigEndian, settings); err != nil {
		t.Fatal(err)
	}
	for _, setting := range settings {
		if setting.Name == 3 { // SETTINGS_MAX_CONCURRENT_STREAMS
			return setting.Value
		}
	}
	return math.MaxUint32 // without a bound
}

func fetch(t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}
