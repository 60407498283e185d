// SPDX-License-Identifier: AGPL-3.0-or-later

package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// reloadInterval is how long a certificate is used before its files are read again.
const reloadInterval = time.Second

// Files is a certificate in two files, which are read again when they change, so that
// renewing a certificate needs no restart. It is safe for concurrent use.
type Files struct {
	certificate, key string // paths
	now              func() time.Time
	log              *slog.Logger

	mu      sync.Mutex
	read    [2][]byte // content of the files when they were last read
	current *tls.Certificate
	checked time.Time
}

// OpenFiles reads a certificate, with its intermediate certificates, and its key.
func OpenFiles(certificate, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	f := &Files{certificate: certificate, key: key, now: now, log: log}
	if err := f.reload(); err != nil {
		return nil, fmt.Errorf("read the certificate of TLS_CERT_FILE and TLS_KEY_FILE: %w", err)
	}
	return f, nil
}

// Config returns the settings of a server with this certificate.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return f.get(), nil
		},
	}
}

// Expires returns the end of the certificate's validity.
func (f *Files) Expires() time.Time { return f.get().Leaf.NotAfter }

// get returns the certificate. If the files cannot be read, perhaps because only one of
// them has been replaced yet, the previous certificate stays in use.
func (f *Files) get() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.checked) >= reloadInterval {
		if err := f.reload(); err != nil {
			f.log.Error("the changed certificate cannot be used; the previous one stays in use", "file", f.certificate, "error", err.Error())
		}
	}
	return f.current
}

// reload reads the files and switches to a changed certificate.
func (f *Files) reload() error {
	f.checked = f.now()
	var read [2][]byte
	for i, path := range []string{f.certificate, f.key} {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read[i] = content
	}
	if f.current != nil && bytes.Equal(read[0], f.read[0]) && bytes.Equal(read[1], f.read[1]) {
		return nil
	}
	renewed := f.current != nil
	certificate, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return err
	}
	f.read, f.current = read, &certificate
	if renewed {
		f.log.Info("the certificate was reloaded", "file", f.certificate, "expires", certificate.Leaf.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// ACME configures how certificates are obtained by the ACME protocol (RFC 8555).
type ACME struct {
	Domains   []string // names that need certificates
	Directory string   // URL of the authority; "": Let's Encrypt
	Email     string   // contact for the authority; may be empty
	Folder    string   // stores certificates and the account key
}

// Manager returns a manager that obtains the certificate of a domain on its first
// request, and renews it. It accepts the terms of the authority.
func (a ACME) Manager() *autocert.Manager {
	allowed := autocert.HostWhitelist(a.Domains...)
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS,
		HostPolicy: func(ctx context.Context, host string) error {
			// The name has a port where an authority validates on another than 80.
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			return allowed(ctx, host)
		},
		Cache:  autocert.DirCache(a.Folder),
		Email:  a.Email,
		Client: &acme.Client{DirectoryURL: a.Directory},
	}
}
