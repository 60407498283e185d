// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// transport connects to proxies without conditions, and to others only if their host name
// does not resolve to a private address. The operator has chosen proxies and literal
// addresses on purpose, and redirects do not change the host.
type transport struct {
	proxy           func(*http.Request) (*url.URL, error)
	direct, proxied *http.Transport
}

// newTransport returns a transport with the settings of base.
func newTransport(base *http.Transport, timeout time.Duration) *transport {
	t := &transport{proxy: base.Proxy, direct: base.Clone(), proxied: base.Clone()}
	unchecked := net.Dialer{Timeout: timeout}
	checked := net.Dialer{Timeout: timeout, ControlContext: refusePrivate}
	t.direct.Proxy = nil
	t.direct.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if isLiteral(address) {
			return unchecked.DialContext(ctx, network, address)
		}
		return checked.DialContext(ctx, network, address)
	}
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.proxy == nil {
		return t.direct.RoundTrip(request)
	}
	if proxy, err := t.proxy(request); proxy != nil || err != nil {
		return t.proxied.RoundTrip(request) // which reports err
	}
	return t.direct.RoundTrip(request)
}

// isLiteral reports whether the host of an address is an IP address. Other numbers, such
// as 0x7f.1, are names to a resolver.
func isLiteral(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

var errPrivate = errors.New("its host name resolves to a private address")

func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if isPrivate(to.Addr()) {
		return errPrivate
	}
	return nil
}

// nat64 holds the IPv4 addresses as IPv6-only networks see them (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// notPublic are ranges that package netip does not count as private.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network; some systems connect to themselves
	netip.MustParsePrefix("100.64.0.0/10"),  // behind the NAT of a provider or a cloud
	netip.MustParsePrefix("198.18.0.0/15"),  // laboratories
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved, and broadcast
	netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64 of one network
	netip.MustParsePrefix("fec0::/10"),      // site-local, the predecessor of fd00::/8
}

func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if nat64.Contains(ip) {
		all := ip.As16()
		ip = netip.AddrFrom4([4]byte(all[12:]))
	}
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() ||
		slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(ip) })
}
