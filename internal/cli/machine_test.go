// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// machine is where a test types what the documents show: a folder, and settings that the
// service and its commands find there.
type machine struct {
	t        *testing.T
	dir      string
	settings string   // path of the settings file
	address  string   // of the service
	instead  []string // pairs: what the documents have, and what is there on this machine
}

// newMachine returns a machine whose settings name an empty or a migrated database, and
// what else is given, in TOML.
func newMachine(t *testing.T, database, more string) *machine {
	t.Helper()
	dir, port := t.TempDir(), servicetest.FreePort(t)
	m := &machine{t: t, dir: dir, settings: filepath.Join(dir, "stats-service.toml"), address: fmt.Sprintf("127.0.0.1:%d", port)}
	m.write("stats-service.toml", fmt.Sprintf("database_url = %q\nsecret_key = \"a-key-of-enough-characters\"\ndata_dir = %q\nport = %d\n%s",
		database, dir, port, more))
	return m
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// here is a text of the documents with the names of this machine.
func (m *machine) here(text string) string { return strings.NewReplacer(m.instead...).Replace(text) }

// system stands in for packages, units and users of an operating system. A timer that is
// enabled runs what it starts at once.
const system = `set -eu
apt() { :; }
sudo() {
	case "$1 $2" in
	'-E -u') shift 3; "$@" ;;
	'-u postgres') shift 2; PGUSER=postgres "$@" ;;
	'-u stats-service') shift 2; "$@" ;;
	*) "$@" ;;
	esac
}
systemctl() {
	case "$*" in
	'enable --now stats-service' | 'restart stats-service')
		stats-service serve >serve.log 2>&1 &
		service=$!
		until stats-service healthcheck --ready 2>/dev/null; do kill -0 $service; sleep 0.1; done ;;
	'disable --now stats-service')
		if [ -n "${service:-}" ]; then kill $service; wait $service; service=; fi ;;
	'enable --now stats-service-'*.timer)
		$(sed -n 's|^ExecStart=/usr/bin/||p' "$REPOSITORY/deploy/systemd/${3%.timer}.service") ;;
	*'able --now old-stats-service') ;;
	*) echo "this machine has no systemctl $*" >&2; return 1 ;;
	esac
}
trap 'systemctl disable --now stats-service' EXIT
`

// shell prepares bash for a script. It has no terminal, so that programs ask for
// passwords on standard input.
func (m *machine) shell(script string) *exec.Cmd {
	m.t.Helper()
	repository, err := filepath.Abs(root)
	if err != nil {
		m.t.Fatal(err)
	}
	shell := exec.CommandContext(m.t.Context(), "bash", "-c", script)
	shell.Dir = m.dir
	// The programs of a race test would sleep a second at their end.
	shell.Env = append(os.Environ(), "HOME="+m.dir, "REPOSITORY="+repository, "STATS_CONFIG="+m.settings, "SUDO_USER=alice",
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return shell
}

// types runs a script and returns what it prints; the test fails unless it succeeds.
func (m *machine) types(script string) string {
	m.t.Helper()
	output, err := m.shell(system + m.here(script)).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s%v\n%s", m.here(script), err, output)
	}
	return string(output)
}

// serves runs a script that starts the service, asks when the service listens at the
// addresses, ends it, and returns its log.
func (m *machine) serves(script string, addresses []string, ask func()) string {
	m.t.Helper()
	shell := m.shell(m.here(script))
	var log bytes.Buffer
	shell.Stdout, shell.Stderr = &log, &log
	if err := shell.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	stop := func(signal syscall.Signal) error {
		_ = syscall.Kill(-shell.Process.Pid, signal)
		return <-ended
	}
	defer func() {
		if m.t.Failed() {
			m.t.Logf("%s%s", m.here(script), &log)
		}
	}()
	for _, address := range addresses {
		servicetest.Eventually(m.t, "the service listens at "+address, func() bool {
			select {
			case err := <-ended:
				ended <- err
				return true // and asking it fails
			default:
			}
			network := "tcp"
			if strings.HasPrefix(address, "/") {
				network = "unix"
			}
			conn, err := net.Dial(network, address)
			if err != nil {
				return false
			}
			return conn.Close() == nil
		})
	}
	ask()
	if err := stop(syscall.SIGTERM); err != nil {
		m.t.Errorf("%s%v", m.here(script), err)
	}
	return log.String()
}

// cron runs the lines of a crontab as cron does: with /bin/sh, in the home of a user, in
// an almost empty environment. Cron mails all output, so there must be none.
func (m *machine) cron(table string) {
	m.t.Helper()
	for line := range strings.Lines(table) {
		command := cronLine.FindStringSubmatch(strings.TrimSpace(line))[1]
		if command == "" {
			continue // a variable
		}
		if strings.Contains(strings.ReplaceAll(command, `\%`, ""), "%") {
			m.t.Errorf("cron makes a line break of a %% in %s", line)
		}
		shell := exec.CommandContext(m.t.Context(), "/bin/sh", "-c", m.here(strings.ReplaceAll(command, `\%`, "%")))
		shell.Dir = m.dir
		shell.Env = []string{"HOME=" + m.dir, "LOGNAME=stats-service", "SHELL=/bin/sh", "PATH=/usr/bin:/bin",
			"STATS_CONFIG=" + m.settings, "GORACE=atexit_sleep_ms=0"}
		if output, err := shell.CombinedOutput(); err != nil || len(output) > 0 {
			m.t.Errorf("%s%v: cron mails %q", line, err, output)
		}
	}
}

// wantPrograms fails the test, and says what to do, unless the programs are there.
func wantPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if _, err := os.Stat("/usr/sbin/" + name); err != nil { // which is not on the path of all users
			t.Fatalf("%s is missing: .ci/run installs what these tests need (curl, fish, logrotate, php-cli, postgresql-client, systemd, zsh)", name)
		}
	}
}

// newPeer starts another instance with a client of the token company, and returns its
// address.
func newPeer(t *testing.T) (url string) {
	t.Helper()
	peer := newInstance(t, time.Now())
	peer.run("client_create", "--name", "Company", "--token", "company")
	return peer.serve()
}

// clusterOf returns where the server of the tests listens, and the address of one of its
// databases for one of its users.
func clusterOf(t *testing.T) (host, port string, address func(user, database string) string) {
	t.Helper()
	server, err := url.Parse(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	return server.Query().Get("host"), server.Query().Get("port"), func(user, database string) string {
		server.User, server.Path = url.User(user), "/"+database
		return server.String()
	}
}
