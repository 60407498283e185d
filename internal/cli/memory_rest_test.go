// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build memory && linux && !race

package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// restingMemory is the maximum memory of a service an hour after its pages were read.
const restingMemory = 60 << 20

// TestMemoryAtRest reads all pages, images and exports of a year. An hour later, the process
// must have returned that memory to the system.
func TestMemoryAtRest(t *testing.T) {
	database := pgtest.New(t)
	addYear(t, database)
	s := newSupervisor(t, "DATABASE_URL="+database, "LOG_LEVEL=error")
	program := filepath.Join(t.TempDir(), "later")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./testdata/later").CombinedOutput(); err != nil {
		t.Fatalf("build the service: %v\n%s", err, out)
	}
	command := exec.Command("sh", "-c", "LISTEN_PID=$$ exec "+program+" serve")
	command.Env, command.ExtraFiles = append(s.environ, "LISTEN_FDS=1"), []*os.File{s.socket}
	service := s.run(command)
	s.awaitTold("READY=1")
	for _, path := range []string{
		"/stats", "/stats/evolution", "/stats/evolution?of=vulnerabilities&top=15", "/stats/evolution?of=risks", "/stats/cartography", "/stats/compliance",
		"/stats/map", "/stats/map?world=1", "/stats/periods", "/stats/report", "/stats/search?q=a", "/stats/data", "/stats/data.zip", "/about", "/help", "/api/v1/",
		"/stats/top-threats.png", "/stats/evolution.png", "/stats/map.png", "/stats/compliance.png", "/stats/threats.json", "/stats/vulnerabilities.json", "/stats/risks.json",
	} {
		if status, _, _ := s.get(path); status != http.StatusOK {
			t.Errorf("%s answers %d", path, status)
		}
	}
	busy := resident(t, service.Process.Pid)
	if err := service.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	rest := busy
	for deadline := time.Now().Add(waitLimit); rest > restingMemory && time.Now().Before(deadline); {
		rest = resident(t, service.Process.Pid)
	}
	t.Logf("the process had %d MB after the pages, %d MB an hour later", busy>>20, rest>>20)
	if rest > restingMemory {
		t.Errorf("an hour after its pages were read, the process has %d bytes of memory, more than %d", rest, restingMemory)
	}
	service.stop()
}

// addYear stores a year of 20 analyses, which are sent every week.
func addYear(t *testing.T, database string) {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Options{URL: database, Secret: secret.New("secret key of the tests"), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	generator := sample.New(sample.Options{Clients: 4, Analyses: 5, Seed: 7, Until: time.Now().UTC().Truncate(24 * time.Hour)})
	for i, organisation := range generator.Organisations() {
		client, err := store.CreateClient(t.Context(), stats.Client{
			Name: organisation.Name, Role: stats.RoleUser, Latitude: &organisation.Latitude, Longitude: &organisation.Longitude,
			Local: organisation.Local, IsSharingEnabled: true, IsActive: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		for analysis := range organisation.Analyses() {
			var items []stats.Item
			for _, date := range generator.Dates() {
				for _, stat := range generator.Stats(i, analysis, date) {
					item, err := stats.ItemOf(stat)
					if err != nil {
						t.Fatal(err)
					}
					items = append(items, item)
				}
			}
			if _, err := store.InsertBatch(t.Context(), client, stats.Batch{Items: items}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// resident returns how much memory a process has, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || !found {
		t.Fatalf("read how much memory the process has: %v", err)
	}
	return kilobytes << 10
}
