// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted serves a platform until the test ends, and counts what it is asked.
func counted(t *testing.T) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := setup(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		platform(w, r)
	})
	return server, &asked
}

// TestPrivateAddress asks a platform whose host name resolves to a private address, as it
// does after DNS rebinding.
func TestPrivateAddress(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"localhost", "LocalHost", "LOCALHOST",
		"ｌｏｃａｌｈｏｓｔ", // sent to the resolver as localhost
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			server, asked := counted(t)
			base := strings.Replace(server.URL, "127.0.0.1", host, 1)
			_, err := New(base).Object(t.Context(), published)
			if !errors.Is(err, errPrivate) || !strings.Contains(err.Error(), "MOSP_ALLOW_PRIVATE") || asked.Load() != 0 {
				t.Errorf("got %v after %d requests, want a refusal that names the setting", err, asked.Load())
			}
			answer, err := New(base, WithPrivateAddresses(true)).Object(t.Context(), published)
			if err != nil || !answer.Published {
				t.Errorf("allowed: got %t, %v", answer.Published, err)
			}
		})
	}
}

// TestPrivateAddressLiteral asks a platform at a private address that the operator wrote.
func TestPrivateAddressLiteral(t *testing.T) {
	t.Parallel()
	server, _ := counted(t)
	if answer, err := New(server.URL).Object(t.Context(), published); err != nil || !answer.Published {
		t.Errorf("got %t, %v", answer.Published, err)
	}
}

// TestProxyMayBePrivate asks through a proxy whose host name resolves to a private address.
func TestProxyMayBePrivate(t *testing.T) {
	t.Parallel()
	server, asked := counted(t)
	proxy, err := url.Parse(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport(&http.Transport{Proxy: http.ProxyURL(proxy)}, time.Minute)
	t.Cleanup(transport.proxied.CloseIdleConnections)
	client := New("http://objects.example.org", WithTransport(transport))
	if answer, err := client.Object(t.Context(), published); err != nil || !answer.Published || asked.Load() != 1 {
		t.Errorf("got %t, %v after %d requests to the proxy", answer.Published, err, asked.Load())
	}
}

func TestRefusePrivate(t *testing.T) {
	t.Parallel()
	for address, private := range map[string]bool{
		"127.0.0.1:80": true, "10.1.2.3:80": true, "192.168.0.1:80": true, "169.254.169.254:80": true,
		"[::1]:80": true, "[fd00::1]:80": true, "[fe80::1]:80": true, "[fe80::1%eth0]:80": true, "[::ffff:10.0.0.1]:80": true,
		"0.0.0.0:80": true, "0.1.2.3:80": true, "100.64.0.1:80": true, "100.127.255.255:80": true, "[::ffff:100.64.0.1]:80": true,
		"198.18.0.1:80": true, "255.255.255.255:80": true, "224.0.0.1:80": true, "[fec0::1]:80": true, "[fec0::1%eth0]:80": true,
		"[64:ff9b::10.0.0.1]:80": true, "[64:ff9b::7f00:1]:80": true, "[64:ff9b::100.64.0.1]:80": true, "[64:ff9b:1::1]:80": true,
		"192.0.2.7:443": false, "100.63.255.255:443": false, "100.128.0.1:443": false, "1.0.0.1:443": false,
		"[2001:db8::1]:443": false, "[64:ff9b::192.0.2.7]:443": false,
	} {
		if got := refusePrivate(t.Context(), "tcp", address, nil) != nil; got != private {
			t.Errorf("%s: refused %t, want %t", address, got, private)
		}
	}
}
