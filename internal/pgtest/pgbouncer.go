// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// BehindPooler is set by the build tag pooler: tests then connect through a PgBouncer in
// transaction mode.
var BehindPooler bool

const pgbouncerPort = 6432

// pgbouncerConfig lets every user of the socket connect to any database, with the role
// of the server's address.
const pgbouncerConfig = `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
pool_mode = transaction
auth_type = any
listen_addr =
listen_port = %d
unix_socket_dir = %s
max_client_conn = 1000
default_pool_size = 20
server_idle_timeout = 10
%s`

// startPooler runs a PgBouncer in front of the server until stop is called.
func (s *server) startPooler() (stop func(), err error) {
	program, err := findPgBouncer()
	if err != nil {
		return nil, err
	}
	config, err := pgconn.ParseConfig(s.urlFor(s.maintenance))
	if err != nil {
		return nil, errors.New(err.Error())
	}
	dir, err := os.MkdirTemp("", "pgbouncer-")
	if err != nil {
		return nil, err
	}
	account, err := ownAccount(config.Host, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(pgbouncerConfig, config.Host, strconv.Itoa(int(config.Port)), config.User, pgbouncerPort, dir, account)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var output strings.Builder
	process := exec.Command(program, file)
	process.Stdout, process.Stderr = &output, &output
	if err := process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ended := make(chan struct{})
	go func() { _ = process.Wait(); close(ended) }()
	stop = func() {
		_ = process.Process.Kill()
		<-ended
		_ = os.RemoveAll(dir)
	}
	s.pooled = func(database string) string {
		query := url.Values{"host": {dir}, "port": {strconv.Itoa(pgbouncerPort)}}
		return "postgres://" + config.User + "@/" + database + "?" + query.Encode()
	}
	for {
		if conn, err := pgconn.Connect(context.Background(), s.pooled(s.maintenance)); err == nil {
			return stop, conn.Close(context.Background())
		}
		select {
		case <-ended:
			stop()
			return nil, fmt.Errorf("%s ended: %s", program, &output)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func findPgBouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} { // Debian's folder is not in the PATH of all users
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", errors.New("the build tag pooler needs PgBouncer, such as Debian's package pgbouncer: install it, or leave the tag out")
}

// ownAccount returns the setting that makes PgBouncer run as the owner of the server's
// socket folder if root runs the tests: PgBouncer refuses to run as root.
func ownAccount(socketDir, dir string) (setting string, err error) {
	if os.Geteuid() != 0 {
		return "", nil
	}
	info, err := os.Stat(socketDir)
	if err != nil {
		return "", err
	}
	owner := info.Sys().(*syscall.Stat_t)
	account, err := user.LookupId(strconv.Itoa(int(owner.Uid)))
	if err != nil {
		return "", err
	}
	return "user = " + account.Username + "\n", os.Chown(dir, int(owner.Uid), int(owner.Gid))
}

// WithoutPooler returns the direct address of a database that New or Empty returned.
func WithoutPooler(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || current == nil {
		return address
	}
	return current.urlFor(strings.TrimPrefix(parsed.Path, "/"))
}
