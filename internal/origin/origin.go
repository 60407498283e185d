// SPDX-License-Identifier: AGPL-3.0-or-later

// Package origin maps network addresses to callers: an IPv4 address is one caller, and so
// is an IPv6 /64, in which a caller can use any number of addresses.
package origin

import (
	"net"
	"net/netip"
)

// Of returns the network of an address. That of the zero Addr is the zero Prefix.
func Of(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	network, _ := address.Prefix(bits) // bits fit the family
	return network
}

// OfText returns the network of an address in text form, or the zero Prefix for any other
// text, such as the name of a Unix socket.
func OfText(address string) netip.Prefix {
	parsed, _ := netip.ParseAddr(address)
	return Of(parsed)
}

// OfConn returns the network of the other side of a connection, or the zero Prefix for a
// Unix socket.
func OfConn(conn net.Conn) netip.Prefix {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	return Of(tcp.AddrPort().Addr())
}
