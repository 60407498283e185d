// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// acmeDomain is a name that only the name server of the authority knows.
const acmeDomain = "stats.example.org"

// authority is Pebble, the authority that Let's Encrypt provides for tests of ACME
// clients. It really validates its challenges.
type authority struct {
	*httptest.Server
	roots   *x509.CertPool // of the certificates that it issues
	trusted string         // file with the certificate of its own address
	tls     int            // port on which it validates tls-alpn-01
	http    int            // port on which it validates http-01
}

func (a *authority) start(t *testing.T) {
	t.Helper()
	// Otherwise it waits up to 5 seconds before each validation.
	if err := os.Setenv("PEBBLE_VA_NOSLEEP", "1"); err != nil {
		t.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(quiet, a.http, a.tls, true, startNameServer(t), store)
	front := wfe.New(quiet, store, validator, issuer, []string{"authority.example.org"}, true, false, 0, 0)
	a.Server = httptest.NewTLSServer(front.Handler())
	t.Cleanup(a.Close)
	a.roots = x509.NewCertPool()
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	a.trusted = filepath.Join(t.TempDir(), "authority.pem")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(a.trusted, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
}

// startNameServer starts a name server for which every name is this machine, and
// returns its address.
func startNameServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	server := &dns.Server{Listener: listener, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(answerLoopback)}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return listener.Addr().String()
}

func answerLoopback(w dns.ResponseWriter, request *dns.Msg) {
	answer := new(dns.Msg).SetReply(request)
	for _, question := range request.Question {
		if question.Qtype == dns.TypeA {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
			answer.Answer = append(answer.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		}
	}
	_ = w.WriteMsg(answer)
}

// settings returns the settings of a service that gets its certificates from the authority.
func (a *authority) settings(t *testing.T, secure, plain int) []string {
	t.Helper()
	return []string{
		"DATABASE_URL=" + pgtest.New(t), "ACME_DOMAINS=" + acmeDomain, "ACME_DIRECTORY=" + a.URL + wfe.DirectoryPath,
		"ADMIN_EMAIL=operator@example.org", "SSL_CERT_FILE=" + a.trusted,
		fmt.Sprintf("LISTEN=127.0.0.1:%d,http://127.0.0.1:%d", secure, plain),
	}
}

// certificateOf returns the certificate that a service has for a host, if the roots
// trust it.
func certificateOf(roots *x509.CertPool, port int, host string) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: waitLimit}
	conn, err := tls.DialWithDialer(dialer, "tcp", fmt.Sprint("127.0.0.1:", port), &tls.Config{RootCAs: roots, ServerName: host})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// TestACME obtains a certificate with each of the challenges, and still serves with it after
// a restart while the authority is unreachable.
func TestACME(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			secure, plain := servicetest.FreePort(t), servicetest.FreePort(t)
			a := authority{tls: secure, http: servicetest.FreePort(t)}
			if challenge == "http-01" {
				a = authority{tls: servicetest.FreePort(t), http: plain}
			}
			a.start(t)
			s := newSupervisor(t, a.settings(t, secure, plain)...)
			service := s.startAlone()
			s.awaitTold("READY=1")
			first, err := certificateOf(a.roots, secure, acmeDomain)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := certificateOf(a.roots, secure, "other.example.org"); err == nil {
				t.Error("a certificate was obtained for a name that is not in ACME_DOMAINS")
			}
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{RootCAs: a.roots, ServerName: acmeDomain}, ForceAttemptHTTP2: true,
			}}
			response, body := fetch(t, client, fmt.Sprintf("https://127.0.0.1:%d/about.json", secure))
			if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
				t.Errorf("%s %s: %s", response.Proto, response.Status, body)
			}
			client.CloseIdleConnections()
			s.wantFound(t, 2)
			service.stop()
			if want := `host "other.example.org" not configured`; !strings.Contains(service.log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, service.log)
			}

			a.Close()
			service = s.startAlone()
			s.awaitTold("READY=1")
			again, err := certificateOf(a.roots, secure, acmeDomain)
			if err != nil {
				t.Fatal(err)
			}
			if !again.Equal(first) {
				t.Error("the certificate is another one after a restart")
			}
			service.stop()
		})
	}
}

// TestACMERenewal starts with a certificate that has less than a third of its lifetime left,
// which the service must renew.
func TestACMERenewal(t *testing.T) {
	t.Parallel()
	secure := servicetest.FreePort(t)
	a := authority{tls: secure, http: servicetest.FreePort(t)}
	a.start(t)
	data := t.TempDir()
	old := x509.NewCertPool()
	old.AddCert(writeOldCertificate(t, filepath.Join(data, "acme")))
	s := newSupervisor(t, append(a.settings(t, secure, servicetest.FreePort(t)), "DATA_DIR="+data)...)
	service := s.startAlone()
	s.awaitTold("READY=1")
	if _, err := certificateOf(old, secure, acmeDomain); err != nil {
		t.Errorf("with the old certificate: %v", err)
	}
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(10 * time.Millisecond) {
		_, err := certificateOf(a.roots, secure, acmeDomain)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no other certificate: %v", err)
		}
	}
	service.stop()
}

// writeOldCertificate writes a certificate and its key as they are kept in DATA_DIR.
func writeOldCertificate(t *testing.T, folder string) *x509.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{acmeDomain},
		NotBefore: time.Now().Add(-70 * day), NotAfter: time.Now().Add(20 * day),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, acmeDomain), text, 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}
