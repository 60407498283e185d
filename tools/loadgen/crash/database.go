// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// database is a PostgreSQL in a folder, run by this program or by the service.
type database struct {
	dir     string
	server  *localpg.Server // nil: the service runs it
	address string          // for the role of the service; empty: not known yet
}

func (d *database) start(ctx context.Context) (err error) {
	// All settings, including fsync, are those of the service; only the creation is faster.
	d.server, err = localpg.Start(ctx, localpg.Options{Dir: d.dir, NoSync: true, DieWithParent: true, Mirror: localpg.MirrorNone})
	return err
}

// restart starts a server again that was killed or crashed.
func (d *database) restart(ctx context.Context) error {
	return errors.Join(d.server.Stop(ctx), d.start(ctx))
}

// url returns the address for a role; "" is the role of the service.
func (d *database) url(ctx context.Context, role string) (string, error) {
	if d.address == "" { // cache it: reading it takes a connection, which may be impossible later
		address, err := localpg.Attach(ctx, d.dir)
		if err != nil {
			return "", err
		}
		d.address = address
	}
	if role == "" {
		return d.address, nil
	}
	parsed, err := url.Parse(d.address)
	if err != nil {
		return "", err
	}
	parsed.User = url.User(role)
	return parsed.String(), nil
}

// superuser is the role of the database superuser.
const superuser = "postgres"

// query runs statements on a new connection, as superuser. It waits for a server that is
// recovering.
func (d *database) query(ctx context.Context, run func(*pgx.Conn) error) error {
	limited, cancel := context.WithTimeout(ctx, hangLimit)
	defer cancel()
	for {
		conn, err := d.connect(limited)
		if err == nil {
			defer conn.Close(context.WithoutCancel(ctx))
			return run(conn)
		}
		if pause(limited, 20*time.Millisecond) != nil {
			return fmt.Errorf("connect to the database: %w", err)
		}
	}
}

func (d *database) connect(ctx context.Context) (*pgx.Conn, error) {
	address, err := d.url(ctx, superuser)
	if err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, address+"&statement_timeout=0") // faults set it for all others
}

func (d *database) exec(ctx context.Context, statements ...string) error {
	return d.query(ctx, func(conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// terminate ends all other connections.
const terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"

// lockFiles name the process of the server: in the cluster, and beside the socket.
func (d *database) lockFiles() []string {
	home := filepath.Join(d.dir, "postgres")
	return []string{filepath.Join(home, "data", "postmaster.pid"), filepath.Join(home, "socket", ".s.PGSQL.5432.lock")}
}

// postmaster returns the process of the server, or an error if none is running.
func (d *database) postmaster() (int, error) {
	text, err := os.ReadFile(d.lockFiles()[0])
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0, err
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.Contains(command, []byte(d.dir)) {
		return 0, fmt.Errorf("the process %d is not the server of %s", pid, d.dir)
	}
	return pid, nil
}

// processes returns the server and its children.
func (d *database) processes() ([]int, error) {
	server, err := d.postmaster()
	if err != nil {
		return nil, err
	}
	return append([]int{server}, children(server)...), nil
}

func children(of int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended
		}
		// The name of the process is in parentheses and may contain any character.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(of) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func signalAll(pids []int, signal syscall.Signal) error {
	var failed error
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, fmt.Errorf("signal process %d: %w", pid, err))
		}
	}
	return failed
}

// kill kills only the server: its children end when they notice.
func (d *database) kill() error {
	pid, err := d.postmaster()
	if err != nil {
		return err
	}
	return signalAll([]int{pid}, syscall.SIGKILL)
}

// occurrences returns how often the log of the server contains a text.
func (d *database) occurrences(text string) (int, error) {
	log, err := os.ReadFile(filepath.Join(d.dir, "postgres.log"))
	return bytes.Count(log, []byte(text)), err
}

// proxy passes TCP connections on to the socket of the server.
func (d *database) proxy() (*pgtest.Proxy, error) {
	config, err := pgconn.ParseConfig(d.server.URL())
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	at := url.URL{Scheme: "postgres", User: url.User(config.User), Host: listener.Addr().String(), Path: "/" + config.Database, RawQuery: "sslmode=disable"}
	return pgtest.Serve(pgtest.Relay{Listener: listener, URL: at.String(), Dial: func() (net.Conn, error) { return net.Dial(network, address) }}), nil
}

// fakeTime returns the path of libfaketime, which changes the time of programs. It does
// not work for the service: Go programs ask the kernel directly.
func fakeTime() (string, error) {
	found, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(found) == 0 {
		return "", errors.New("libfaketime is not installed: install Debian's package libfaketime, or leave this fault out with -without \"" + clockOfDatabase + "\"")
	}
	return found[0], nil
}

// withFakeTime runs start in an environment in which the programs that it starts read
// their time offset from the file.
func withFakeTime(library, file string, start func() error) error {
	settings := map[string]string{
		"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
		defer os.Unsetenv(name)
	}
	return start()
}

// mountSmall mounts an in-memory file system of this many bytes at dir.
func mountSmall(dir string, bytes int64) error {
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	options := fmt.Sprintf("size=%d,mode=711,uid=%d,gid=%d", bytes, os.Geteuid(), os.Getegid())
	if err := asRoot("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir); err != nil {
		return fmt.Errorf("mount a small file system for the fault %q: %w; this needs root, or sudo without a password; leave the fault out with -without %q",
			fullDisk, err, fullDisk)
	}
	return nil
}

func unmount(dir string) error { return asRoot("umount", "--lazy", dir) }

func asRoot(command ...string) error {
	if os.Geteuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	return service.Output(exec.Command(command[0], command[1:]...))
}

// fill uses up the free space on the file system of dir.
func fill(dir string) (release func() error, err error) {
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	piece := make([]byte, 1<<20)
	for len(piece) > 0 {
		if _, err = file.Write(piece); errors.Is(err, syscall.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			return nil, errors.Join(err, os.Remove(path))
		}
	}
	return func() error { return os.Remove(path) }, nil
}
