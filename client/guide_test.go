// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = ".."

// TestGuideProgram runs the program of the guide against a service that answers
// the first request of each kind with 503.
func TestGuideProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "integrator")
	if output, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, root+"/docs/examples/integrator").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	runExample(t, program)
}

// runExample runs an example, which posts two stats at once and lists the threats of
// three months in pages of five, against a service that is unavailable at first.
func runExample(t *testing.T, command string, args ...string) {
	t.Helper()
	s := serveAt(t, time.Now)
	stats := s.connect(t, s.key)
	for n := range 12 {
		stat := threatStat(t, n, 0)
		stat.Date.Time = time.Now().UTC().AddDate(0, 0, -n)
		if _, err := stats.Post(t.Context(), stat); err != nil {
			t.Fatal(err)
		}
	}
	s.failing(first(1, http.StatusServiceUnavailable, "Retry-After", "0"))
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Env = append(os.Environ(), "STATS_SERVER="+s.url, "STATS_TOKEN="+s.key)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	line := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d [0-9a-f-]{36} Theft \d+ 1\.5$`)
	if n := len(line.FindAll(output, -1)); n != 14 {
		t.Errorf("%d stats are listed, want 14:\n%s", n, output)
	}
	const post, page = "POST /api/v1/stats/", "GET /api/v1/stats/"
	want := []string{post, post, page, page, page, page} // the first of each is answered 503
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
}

// TestDocFits shows that `go doc` gives an overview of the package on one screen.
func TestDocFits(t *testing.T) {
	t.Parallel()
	output, err := exec.Command("go", "doc", root+"/client").Output()
	if err != nil {
		t.Fatal(err)
	}
	const lines, columns = 48, 100
	all := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(all) > lines {
		t.Errorf("go doc ./client has %d lines, want at most %d", len(all), lines)
	}
	for _, line := range all {
		if len(line) > columns {
			t.Errorf("go doc ./client has a line of %d columns: %s", len(line), line)
		}
	}
}

// TestImportersLinkFewModules keeps what a program links that imports the package.
func TestImportersLinkFewModules(t *testing.T) {
	t.Parallel()
	output, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./", "./data").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]bool{}
	for _, module := range strings.Fields(string(output)) {
		modules[module] = true
	}
	allowed := []string{
		"github.com/monarc-project/stats-service",
		"github.com/apapsch/go-jsonmerge/v2",
		"github.com/google/uuid",
		"github.com/oapi-codegen/runtime",
	}
	for _, module := range allowed {
		delete(modules, module)
	}
	if len(modules) > 0 {
		t.Errorf("the package links %v beside its program and %v", modules, allowed)
	}
}
