// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDialerLimitsUnacknowledgedData reads the limit for unacknowledged data from a TCP connection.
func TestDialerLimitsUnacknowledgedData(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := dialer().DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		if err != nil || time.Duration(got)*time.Millisecond != unackedTimeout {
			t.Errorf("%d ms, %v; want %s", got, err, unackedTimeout)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
