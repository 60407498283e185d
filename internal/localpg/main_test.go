// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// waitLimit bounds every wait of the tests. It is longer than any of them takes.
const waitLimit = 2 * time.Minute

// The test binary, started again with holderDir set, holds that folder until
// its standard input ends. Tests need it wherever another process matters.
const (
	holderDir   = "LOCALPG_TEST_HOLDER_DIR"
	holderClose = "LOCALPG_TEST_HOLDER_DIE_WITH_PARENT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderDir); dir != "" {
		os.Exit(holdUntilEOF(dir))
	}
	os.Exit(runInFolder(m))
}

// runInFolder collects the temporary files of all tests, also those of
// libraries, in one folder that any user may pass through.
func runInFolder(m *testing.M) int {
	if err := ramdisk.Use(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "lpg-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Chmod(dir, 0o711), os.Setenv("TMPDIR", dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func holdUntilEOF(dir string) int {
	o := fast(dir)
	o.DieWithParent = os.Getenv(holderClose) != ""
	s, err := Start(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("holding", s.instance.pid)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// process is the test binary running as a holder.
type process struct {
	cmd        *exec.Cmd
	stdin      io.WriteCloser
	postmaster int
}

// startHolder runs program, a copy of this test binary, on dir.
func startHolder(t *testing.T, cmd *exec.Cmd, dir string, environ ...string) *process {
	t.Helper()
	cmd.Env = append(os.Environ(), append(environ, holderDir+"="+dir)...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	if _, err := fmt.Sscanf(line, "holding %d", &p.postmaster); err != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("the holder says %q", line)
	}
	t.Cleanup(func() {
		p.kill()
		if serves(p.postmaster, layout{dir: dir}.cluster()) {
			_ = syscall.Kill(p.postmaster, syscall.SIGQUIT)
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// release makes the holder stop its server and end.
func (p *process) release(t *testing.T) {
	t.Helper()
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func self(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// fast returns options without what only the safety of data needs.
func fast(dir string) Options {
	return Options{
		Dir:           dir,
		NoSync:        true,
		DieWithParent: true,
		Settings:      map[string]string{"fsync": "off", "shared_buffers": "16MB"},
	}
}

// start runs a server that is stopped when the test ends.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) }) // a test that cares has stopped it
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// query returns the first column of the first row as text.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	results, err := conn.PgConn().Exec(t.Context(), statement).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

// eventually fails the test when the condition stays false.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !condition(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for: %s", waitLimit, what)
		}
	}
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
}
