// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// supervisor starts the service as systemd does: with a listening socket, and with a socket
// for the notifications of the service.
type supervisor struct {
	t        *testing.T
	socket   *os.File // stays open whatever process serves it
	base     string   // URL of what is served on the socket
	told     *net.UnixConn
	toldPath string
	environ  []string
}

func newSupervisor(t *testing.T, environ ...string) *supervisor {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // the file keeps it listening
	t.Cleanup(func() { socket.Close() })
	path := filepath.Join(ramdisk.Folder(t), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	return &supervisor{
		t: t, socket: socket, base: "http://" + listener.Addr().String(), told: told, toldPath: path,
		environ: append([]string{"PATH=" + os.Getenv("PATH"), "DATA_DIR=" + t.TempDir(), "NOTIFY_SOCKET=" + path}, environ...),
	}
}

// process is one run of the service.
type process struct {
	*exec.Cmd
	t   *testing.T
	log *bytes.Buffer // complete once the process has ended
}

// start starts a process of the service on the socket.
func (s *supervisor) start() *process {
	s.t.Helper()
	// Only the process itself knows the number that LISTEN_PID is.
	command := exec.Command("sh", "-c", "LISTEN_PID=$$ exec stats-service serve")
	command.Env = append(s.environ, "LISTEN_FDS=1")
	command.ExtraFiles = []*os.File{s.socket}
	return s.run(command)
}

// startAlone starts a process that opens its own socket.
func (s *supervisor) startAlone() *process {
	s.t.Helper()
	command := exec.Command("stats-service", "serve")
	command.Env = s.environ
	return s.run(command)
}

func (s *supervisor) run(command *exec.Cmd) *process {
	s.t.Helper()
	log := &bytes.Buffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &process{Cmd: command, t: s.t, log: log}
	s.t.Cleanup(func() {
		if command.ProcessState == nil {
			_ = command.Process.Kill()
			_ = command.Wait()
		}
		if s.t.Failed() {
			s.t.Logf("the service:\n%s", log)
		}
	})
	return p
}

// stop ends the process as systemd does, and fails the test unless it ends well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		p.t.Fatalf("the service ended with %v", err)
	}
}

// awaitTold waits for a notification that contains the text, and returns all
// notifications until then.
func (s *supervisor) awaitTold(text string) (all []string) {
	s.t.Helper()
	if err := s.told.SetReadDeadline(time.Now().Add(waitLimit)); err != nil {
		s.t.Fatal(err)
	}
	for buffer := make([]byte, 4096); ; {
		n, err := s.told.Read(buffer)
		if err != nil {
			s.t.Fatalf("the service sent %q, and never %q: %v", all, text, err)
		}
		all = append(all, string(buffer[:n]))
		if strings.Contains(all[len(all)-1], text) {
			return all
		}
	}
}

// get returns status, header and body of an answer.
func (s *supervisor) get(path string) (int, http.Header, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), waitLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// createClients returns the keys of new clients.
func (s *supervisor) createClients(t *testing.T, n int) (keys []string) {
	t.Helper()
	admin, err := client.New(s.base, "admin-token")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		account, err := admin.CreateAccount(t.Context(), fmt.Sprintf("organisation %d", i), "")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, account.Token)
	}
	return keys
}

// TestDatabaseDownAtStart starts the service before its database: it listens, answers 503,
// and notifies systemd that it is ready only once the database is up.
func TestDatabaseDownAtStart(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	proxy.Cut()
	metrics := filepath.Join(ramdisk.Folder(t), "metrics")
	s := newSupervisor(t, "DATABASE_URL="+proxy.URL, "METRICS_LISTEN=unix:"+metrics)
	service := s.start()
	s.awaitTold("EXTEND_TIMEOUT_USEC=")
	if status, _, body := s.get("/healthz"); status != http.StatusOK || body != `{"status":"ok"}`+"\n" {
		t.Errorf("/healthz: %d %s", status, body)
	}
	if status, _, body := s.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"process":"starting","database":"down"`) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	for _, path := range []string{"/api/v1/client/me", "/stats/threats.json", "/", "/about.json"} {
		status, header, body := s.get(path)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `{"message":"The database cannot be reached.`) {
			t.Errorf("%s: %d %v %s", path, status, header, body)
		}
	}
	wantMetrics(t, metrics, `stats_service_ready 0`, `stats_service_database_state{state="down"} 1`, `stats_service_database_state{state="up"} 0`,
		`stats_service_http_requests_refused_total{reason="unavailable"} 4`)
	proxy.Pass()
	for _, told := range s.awaitTold("READY=1") {
		if strings.Contains(told, "WATCHDOG") {
			t.Errorf("told %q before it was ready", told)
		}
	}
	if status, _, body := s.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz with the database: %d %s", status, body)
	}
	if status, _, body := s.get("/stats/threats.json"); status != http.StatusOK {
		t.Errorf("/stats/threats.json with the database: %d %s", status, body)
	}
	service.stop()
	s.awaitTold("STOPPING=1")
}

// wantMetrics checks that the metrics on a Unix socket have these lines.
func wantMetrics(t *testing.T, socket string, lines ...string) {
	t.Helper()
	_, body := fetch(t, onSocket(t, socket), "http://localhost/metrics")
	for _, line := range lines {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestStoppedBeforeItsDatabase stops a service that still waits for its database.
func TestStoppedBeforeItsDatabase(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	proxy.Cut()
	s := newSupervisor(t, "DATABASE_URL="+proxy.URL)
	service := s.start()
	s.awaitTold("EXTEND_TIMEOUT_USEC=")
	service.stop()
}
