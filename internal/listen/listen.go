// SPDX-License-Identifier: AGPL-3.0-or-later

// Package listen opens the sockets of a server: TCP addresses, Unix sockets, and
// those that systemd hands over.
package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// Scheme is the protocol of a socket.
type Scheme string

// The schemes of addresses.
const (
	Any   Scheme = ""      // TLS if it is configured
	HTTP  Scheme = "http"  // never TLS
	HTTPS Scheme = "https" // always TLS
)

// Address is where to listen.
type Address struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the absolute path of a socket
	Scheme  Scheme
}

// ParseAddress reads host:port, http://host:port, https://host:port or unix:/path.
func ParseAddress(text string) (Address, bool) {
	if path, isUnix := strings.CutPrefix(text, "unix:"); isUnix {
		path = filepath.Clean(path)
		return Address{Network: "unix", Address: path, Scheme: HTTP}, filepath.IsAbs(path)
	}
	address := Address{Network: "tcp", Address: text}
	for _, scheme := range []Scheme{HTTP, HTTPS} {
		if rest, found := strings.CutPrefix(text, string(scheme)+"://"); found {
			address.Scheme, address.Address = scheme, strings.TrimSuffix(rest, "/")
		}
	}
	_, port, err := net.SplitHostPort(address.Address)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	return address, err == nil && notNumber == nil && number <= 65535 && !strings.ContainsAny(address.Address, "/ ")
}

// String returns what ParseAddress reads.
func (a Address) String() string {
	switch {
	case a.Network == "unix":
		return "unix:" + a.Address
	case a.Scheme != Any:
		return string(a.Scheme) + "://" + a.Address
	}
	return a.Address
}

// Socket is an open socket.
type Socket struct {
	net.Listener
	Scheme Scheme
	Name   string // FileDescriptorName of the systemd unit; "" for a socket that Open opened
}

// IsUnix reports whether the socket is a Unix socket.
func (s Socket) IsUnix() bool { return s.Addr().Network() == "unix" }

// Activated returns the sockets that systemd has opened for this process, if any. It
// may be called only once.
func Activated() ([]Socket, error) {
	listeners, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take over the sockets of systemd: %w", err)
	}
	var sockets []Socket
	for name, named := range listeners {
		for _, listener := range named {
			socket := Socket{Listener: listener, Name: name}
			if socket.IsUnix() {
				socket.Scheme = HTTP
			}
			if unix, ok := listener.(*net.UnixListener); ok {
				unix.SetUnlinkOnClose(false) // it is systemd's
			}
			sockets = append(sockets, socket)
		}
	}
	return sockets, nil
}

// unixMode lets the group of the service connect too, so that a proxy can be a member.
const unixMode = 0o660

// Open listens on all addresses, or on none if one of them fails.
func Open(addresses []Address) (sockets []Socket, err error) {
	defer func() {
		if err != nil {
			Close(sockets)
			sockets = nil
		}
	}()
	for _, address := range addresses {
		listener, err := open(address)
		if err != nil {
			return sockets, fmt.Errorf("cannot listen on %s: %w", address, err)
		}
		sockets = append(sockets, Socket{Listener: listener, Scheme: address.Scheme})
	}
	return sockets, nil
}

// Close closes the sockets.
func Close(sockets []Socket) {
	for _, socket := range sockets {
		_ = socket.Close() // otherwise the end of the process closes it
	}
}

func open(address Address) (net.Listener, error) {
	if address.Network != "unix" {
		return net.Listen(address.Network, address.Address)
	}
	listener, err := net.Listen("unix", address.Address)
	if errors.Is(err, syscall.EADDRINUSE) && isAbandoned(address.Address) {
		if err := os.Remove(address.Address); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		listener, err = net.Listen("unix", address.Address)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address.Address, unixMode); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// isAbandoned reports whether a Unix socket is left over from a killed process: no
// process accepts connections on it.
func isAbandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
