// SPDX-License-Identifier: AGPL-3.0-or-later

package listen_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/listen"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]listen.Address{
		"127.0.0.1:5000":     {Network: "tcp", Address: "127.0.0.1:5000"},
		":80":                {Network: "tcp", Address: ":80"},
		"http://[::1]:80":    {Network: "tcp", Address: "[::1]:80", Scheme: listen.HTTP},
		"https://a.org:443":  {Network: "tcp", Address: "a.org:443", Scheme: listen.HTTPS},
		"unix:/run/x/y.sock": {Network: "unix", Address: "/run/x/y.sock", Scheme: listen.HTTP},
	} {
		got, ok := listen.ParseAddress(text)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: ok is %t (-want +got)\n%s", text, ok, diff)
		}
		if got.String() != text {
			t.Errorf("%s is written %s", text, got)
		}
	}
	for _, text := range []string{"", "5000", "host", "host:http", "host:70000", "ftp://host:1", "unix:relative", "http://host:1/path", "a b:1"} {
		if got, ok := listen.ParseAddress(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func unixAddress(t *testing.T) listen.Address {
	t.Helper()
	return listen.Address{Network: "unix", Address: filepath.Join(ramdisk.Folder(t), "s"), Scheme: listen.HTTP}
}

// TestSocketsOfEachKindAreOpened listens on several sockets of each kind.
func TestSocketsOfEachKindAreOpened(t *testing.T) {
	t.Parallel()
	local := unixAddress(t)
	sockets, err := listen.Open([]listen.Address{{Network: "tcp", Address: "127.0.0.1:0"}, local})
	if err != nil {
		t.Fatal(err)
	}
	for _, socket := range sockets {
		go func() {
			if conn, err := socket.Accept(); err == nil {
				conn.Write([]byte("hello"))
				conn.Close()
			}
		}()
		conn, err := net.Dial(socket.Addr().Network(), socket.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if said, err := io.ReadAll(conn); string(said) != "hello" {
			t.Errorf("%s says %q, %v", socket.Addr(), said, err)
		}
	}
	if info, err := os.Stat(local.Address); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the Unix socket has mode %v, %v", info.Mode(), err)
	}
	listen.Close(sockets)
	if _, err := os.Stat(local.Address); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the Unix socket is left behind: %v", err)
	}
}

// TestAbandonedSocketIsReplaced checks that the socket of a killed process is replaced, but
// neither a socket in use nor another file.
func TestAbandonedSocketIsReplaced(t *testing.T) {
	t.Parallel()
	address := unixAddress(t)
	first, err := listen.Open([]listen.Address{address})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen.Open([]listen.Address{address}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("beside another process: %v", err)
	}
	first[0].Listener.(*net.UnixListener).SetUnlinkOnClose(false) // as after SIGKILL
	listen.Close(first)
	second, err := listen.Open([]listen.Address{address})
	if err != nil {
		t.Fatal(err)
	}
	listen.Close(second)
	if err := os.WriteFile(address.Address, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen.Open([]listen.Address{address}); err == nil {
		t.Error("a file was replaced with a socket")
	}
	if kept, _ := os.ReadFile(address.Address); string(kept) != "kept" {
		t.Error("the file is gone")
	}
}

// TestAllOrNone checks that a failing address closes the sockets opened before it.
func TestAllOrNone(t *testing.T) {
	t.Parallel()
	address := unixAddress(t)
	if _, err := listen.Open([]listen.Address{address, {Network: "unix", Address: "/missing/folder/s"}}); err == nil {
		t.Fatal("listening in a missing folder succeeded")
	}
	if _, err := os.Stat(address.Address); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first socket is left behind: %v", err)
	}
}
