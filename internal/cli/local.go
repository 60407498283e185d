// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/listen"
)

// localURL returns how to reach an address from this machine: a URL without a slash at
// the end, or unix: and the path of a socket.
func localURL(address listen.Address, prefix string) string {
	if address.Network == "unix" {
		return address.String()
	}
	scheme := listen.HTTP
	if address.Scheme == listen.HTTPS {
		scheme = listen.HTTPS
	}
	host, port, err := net.SplitHostPort(address.Address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return string(scheme) + "://" + net.JoinHostPort(host, port) + prefix
}

// get sends a request to the service with these settings that listens on an address of
// this machine.
func get(ctx context.Context, settings config.Config, address listen.Address, path string) (*http.Response, error) {
	base := localURL(address, settings.ScriptName)
	transport := &http.Transport{
		DisableKeepAlives: true,
		// The certificate is for a public name; the service is on this machine.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	if len(settings.ACMEDomains) > 0 { // there is a certificate for these names alone
		transport.TLSClientConfig.ServerName = settings.ACMEDomains[0]
	}
	if address.Network == "unix" {
		base = "http://localhost" + settings.ScriptName
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, address.Network, address.Address)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, err
	}
	return (&http.Client{Transport: transport}).Do(request)
}
