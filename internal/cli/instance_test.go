// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/cli"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

// instance is the service with a new database, on a chosen day.
type instance struct {
	t       *testing.T
	environ []string
	now     func() time.Time
}

func newInstance(t *testing.T, now time.Time, environ ...string) instance {
	t.Helper()
	return instance{t, append([]string{
		"DATABASE_URL=" + pgtest.New(t), "SECRET_KEY=a key that is long enough for anything", "DATA_DIR=" + t.TempDir(), "PORT=0",
	}, environ...), func() time.Time { return now }}
}

// run runs a command and returns its standard output.
func (i instance) run(args ...string) string {
	i.t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(i.t.Context(), append([]string{"stats-service"}, args...), cli.Environment{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Environ: i.environ, Now: i.now,
	})
	if code != 0 {
		i.t.Fatalf("%s ended with exit code %d: %s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// serve runs the service until the test ends, and returns its URL without slash at
// the end.
func (i instance) serve() string {
	i.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"stats-service", "serve"}, cli.Environment{
			Stdout: io.Discard, Stderr: writer, Environ: i.environ, Now: i.now,
		})
		writer.Close()
	}()
	i.t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			i.t.Errorf("the service ended with exit code %d", code)
		}
	})
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if match := listensAt.FindStringSubmatch(lines.Text() + "\n"); match != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return match[1]
		}
		i.t.Log(lines.Text())
	}
	i.t.Fatal("the service does not listen")
	return ""
}

// ask sends a request and returns the body of the answer, which has to have the status.
func ask(t *testing.T, status int, method, url, key, body string) []byte {
	t.Helper()
	got, answer, err := send(method, url, key, body)
	if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Fatalf("%s %s answers %d, want %d: %.2000s", method, url, got, status, answer)
	}
	return answer
}

// get decodes what a URL answers.
func get[T any](t *testing.T, url, key, body string) (decoded T) {
	t.Helper()
	if err := json.Unmarshal(ask(t, http.StatusOK, http.MethodGet, url, key, body), &decoded); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return decoded
}
