// SPDX-License-Identifier: AGPL-3.0-or-later

package listen_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/listen"
)

// writeCertificate writes a self-signed certificate with a serial number, and its key.
func writeCertificate(t *testing.T, dir string, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// serialOf connects to a server with this configuration, and returns the serial number of
// its certificate.
func serialOf(t *testing.T, config *tls.Config) int64 {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	go func() { _ = tls.Server(far, config).Handshake() }()
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := client.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Errorf("the protocol is %q, want h2", got)
	}
	return client.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificateFilesAreReloaded renews a certificate, first with a damaged key.
func TestCertificateFilesAreReloaded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := writeCertificate(t, dir, 1)
	now := time.Now()
	var log strings.Builder
	files, err := listen.OpenFiles(certificate, key, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	config := files.Config()
	if got := serialOf(t, config); got != 1 {
		t.Errorf("serial number %d, want 1", got)
	}
	if err := os.WriteFile(key, []byte("half of a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if got := serialOf(t, config); got != 1 {
		t.Errorf("serial number %d with a file that cannot be read, want 1", got)
	}
	if !strings.Contains(log.String(), "the previous one stays in use") {
		t.Errorf("the log does not mention it: %s", &log)
	}
	writeCertificate(t, dir, 2)
	now = now.Add(time.Minute)
	if got := serialOf(t, config); got != 2 {
		t.Errorf("serial number %d after the renewal, want 2", got)
	}
	if _, err := listen.OpenFiles(filepath.Join(dir, "missing"), key, time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing certificate was opened")
	}
}
