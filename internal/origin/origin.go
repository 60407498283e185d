// SPDX-License-Identifier: AGPL-3.0-or-later

// Package origin says which network addresses are one caller: an IPv4 address, or a
// /64 of IPv6, of which anybody has as many addresses as they like.
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

// OfText returns the network of an address in text. What is no address, such as the
// name of a Unix socket, has the zero Prefix.
func OfText(address string) netip.Prefix {
	parsed, _ := netip.ParseAddr(address)
	return Of(parsed)
}

// OfConn returns the network of the other side of a connection; a Unix socket has the
// zero Prefix.
func OfConn(conn net.Conn) netip.Prefix {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	return Of(tcp.AddrPort().Addr())
}
