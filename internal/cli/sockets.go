// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/listen"
)

// The names (FileDescriptorName) of sockets of systemd, which decide their use.
const (
	metricsSocket  = "metrics" // as METRICS_LISTEN
	redirectSocket = "http"    // plain HTTP even if TLS is set up
)

// acmeFolder in DATA_DIR holds certificates obtained by ACME, and the account key.
const acmeFolder = "acme"

// sockets holds the sockets of the service by their use.
type sockets struct {
	requests   []listen.Socket
	redirected []listen.Socket // plain ones beside TLS
	metrics    []listen.Socket
	tls        *tls.Config  // nil: none
	redirect   http.Handler // answers redirected ones
}

// openSockets opens the sockets. Those of systemd replace those of the settings.
func (p *program) openSockets(settings config.Config, log *slog.Logger) (_ *sockets, err error) {
	opened := &sockets{}
	if err := opened.setUpTLS(p, settings, log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	activated, err := listen.Activated()
	if err != nil {
		return nil, err
	}
	for _, socket := range activated {
		opened.add(socket)
	}
	if len(opened.requests)+len(opened.redirected) == 0 {
		configured, err := listen.Open(settings.Listen())
		if err != nil {
			return nil, fmt.Errorf("%w (LISTEN, or HOST and PORT, choose another address)", err)
		}
		for _, socket := range configured {
			opened.add(socket)
		}
	}
	if len(opened.metrics) == 0 {
		if opened.metrics, err = listen.Open(settings.MetricsAddresses); err != nil {
			return nil, fmt.Errorf("%w (METRICS_LISTEN chooses another address)", err)
		}
	}
	if len(opened.requests) == 0 {
		return nil, errors.New("no socket takes requests: LISTEN has none but http:// beside TLS, which only redirects")
	}
	return opened, nil
}

// add adds a socket by its name and scheme.
func (s *sockets) add(socket listen.Socket) {
	if s.tls != nil && socket.Scheme == listen.Any && socket.Name != redirectSocket {
		socket.Scheme = listen.HTTPS
	}
	switch {
	case socket.Name == metricsSocket:
		s.metrics = append(s.metrics, socket)
	case s.tls != nil && socket.Scheme != listen.HTTPS && !socket.IsUnix():
		s.redirected = append(s.redirected, socket)
	default:
		s.requests = append(s.requests, socket)
	}
}

// setUpTLS reads the certificate, or prepares to obtain one.
func (s *sockets) setUpTLS(p *program, settings config.Config, log *slog.Logger) error {
	toHTTPS := redirectTo(settings.InstanceURL, settings.ScriptName)
	s.redirect = toHTTPS
	switch {
	case settings.TLSCertFile != "":
		files, err := listen.OpenFiles(settings.TLSCertFile, settings.TLSKeyFile, p.Now, log)
		if err != nil {
			return err
		}
		s.tls = files.Config()
	case len(settings.ACMEDomains) > 0:
		manager := listen.ACME{
			Domains: settings.ACMEDomains, Directory: settings.ACMEDirectory, Email: settings.AdminEmail,
			Folder: filepath.Join(settings.DataDir, acmeFolder),
		}.Manager()
		s.tls = manager.TLSConfig()
		s.tls.MinVersion = tls.VersionTLS12
		s.redirect = manager.HTTPHandler(toHTTPS)
	}
	return nil
}

// redirectTo redirects from http to https: to the address of the instance or, if that is
// not set, to the requested host. Requests have the path prefix already.
func redirectTo(instance, prefix string) http.Handler {
	instance = strings.TrimSuffix(instance, prefix)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + withoutPort(r.Host)
		if strings.HasPrefix(instance, "https://") {
			base = instance
		}
		http.Redirect(w, r, base+cmp.Or(r.URL.RequestURI(), "/"), http.StatusPermanentRedirect)
	})
}

// withoutPort keeps the brackets of an IPv6 address.
func withoutPort(host string) string {
	name, _, err := net.SplitHostPort(host)
	switch {
	case err != nil:
		return host
	case strings.Contains(name, ":"):
		return "[" + name + "]"
	}
	return name
}

// secured returns the listener of a socket, with TLS if its scheme asks for it.
func (s *sockets) secured(socket listen.Socket) net.Listener {
	if socket.Scheme == listen.HTTPS {
		return tls.NewListener(socket, s.tls)
	}
	return socket
}

func (s *sockets) count() int { return len(s.requests) + len(s.redirected) + len(s.metrics) }

func (s *sockets) close() {
	for _, some := range [][]listen.Socket{s.requests, s.redirected, s.metrics} {
		listen.Close(some)
	}
}
