// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// adoptVariable has the test binary take the database over that it names, instead of
// running tests.
const adoptVariable = "STATS_SERVICE_TEST_ADOPT"

// adoptStepwise takes a database over in small pages.
func adoptStepwise(url string) {
	options := postgres.Options{URL: url, Secret: servicetest.Secret(), Now: new(clock).now}.WithAdoptionPage(20)
	stepwise(func(progress postgres.Progress) error {
		_, err := postgres.Adopt(context.Background(), options, progress)
		return err
	})
}

// stepwise works, and waits after each step for a byte from the parent process.
func stepwise(work func(progress postgres.Progress) error) {
	next := make([]byte, 1)
	err := work(func(done, total int64) {
		fmt.Println(done, total)
		_, _ = io.ReadFull(os.Stdin, next)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// kill starts this test binary with a variable that makes it work stepwise, and kills it
// in the step after the one for which due is true.
func kill(t *testing.T, variable string, due func(step string) bool) {
	t.Helper()
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append(os.Environ(), variable)
	var stderr strings.Builder
	program.Stderr = &stderr
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for isDue := false; !isDue; {
		if !lines.Scan() {
			t.Fatalf("the process ended too early: %v: %s", program.Wait(), &stderr)
		}
		isDue = due(lines.Text())
		if _, err := stdin.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
	}
	_ = program.Process.Kill() // fails if the last step was faster
	if err := program.Wait(); err != nil && !strings.Contains(err.Error(), "signal: killed") {
		t.Fatalf("%v: %s", err, &stderr)
	}
}

// An adoption that is killed at ten random moments, and finally while it replaces the old
// tables, gives the same database as one without interruptions.
func TestAdoptKilled(t *testing.T) {
	t.Parallel()
	url := pythonDatabase(t, 2)
	before := lines(t, url, strings.Replace(oldStats, "data,", "replace(data::text, '3.0', '3'),", 1))
	for range 10 {
		steps := 1 + rand.IntN(7)
		t.Logf("killed after %d steps", steps)
		kill(t, adoptVariable+"="+url, func(string) bool { steps--; return steps == 0 })
	}
	full := 0
	kill(t, adoptVariable+"="+url, func(step string) bool { // the second time, this is the only step left
		done, total, _ := strings.Cut(step, " ")
		if done == total {
			full++
		}
		return full == 2
	})
	if _, err := postgres.Adopt(t.Context(), options(t, url), nil); err != nil && !errors.Is(err, postgres.ErrNothingToAdopt) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, lines(t, url, newStats)); diff != "" {
		t.Errorf("stats (-before +after)\n%s", diff)
	}
	checkAdopted(t, url, 2)
}
