// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// An option with an empty value, like "$UNSET" in a script, never counts as absent: that
// would push the stats of all clients.
//
// Tests that run commands in this process are not parallel: the library writes to a global
// variable whenever it parses a command line.
func TestEmptyOptions(t *testing.T) {
	commands := (&program{}).commands()
	tried := 0
	for _, command := range commands {
		for _, flag := range command.Flags {
			if documented, ok := flag.(cli.DocGenerationFlag); !ok || !documented.TakesValue() {
				continue
			}
			tried++
			option := "--" + flag.Names()[0]
			t.Run(command.Name+" "+option, func(t *testing.T) {
				wantUsageError(t, option, command.Name, option, "")
			})
		}
	}
	if tried < 30 {
		t.Errorf("only %d options were tried", tried)
	}
}

// A value that looks like an empty list is a value.
func TestBracketsAreAValue(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"client_create", "--name", "[]"},
		{"stats_pull", "--client-uuid", "x", "--stats-type", "[]"},
	} {
		app := (&program{}).app()
		for _, c := range app.Commands {
			c.Action = requireOptions
		}
		if err := app.Run(append([]string{appName}, args...)); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// Numbers are decimal, whatever they begin with.
func TestMonthsAreDecimal(t *testing.T) {
	for _, command := range []string{"stats_purge", "stats_remove_duplicate"} {
		for given, want := range map[string]int{"036": 36, "08": 8, "12": 12} {
			var got int
			app := (&program{}).app()
			for _, c := range app.Commands {
				c.Action = func(c *cli.Context) error { got = c.Int("nb-month"); return nil }
			}
			if err := app.Run([]string{appName, command, "--nb-month", given}); err != nil || got != want {
				t.Errorf("%s --nb-month %s is %d (%v), want %d", command, given, got, err, want)
			}
		}
		for _, given := range []string{"0x24", "0b11", "0o44", "1_0", "1e1"} {
			wantUsageError(t, "is not a whole number", command, "--nb-month", given)
		}
	}
}

// wantUsageError runs a command line that cannot be used, and starts nothing.
func wantUsageError(t *testing.T, said string, args ...string) {
	t.Helper()
	var stdout, stderr strings.Builder
	dir := filepath.Join(t.TempDir(), "data")
	code := Run(t.Context(), append([]string{appName}, args...), Environment{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now,
		Environ: []string{"DATA_DIR=" + dir, "REMOTE_STATS_SERVER=http://127.0.0.1:1", "REMOTE_STATS_TOKEN=token"},
	})
	if code != exitUsage || !strings.Contains(stderr.String(), said) || stdout.Len() > 0 {
		t.Errorf("%q: exit code %d, said %q and printed %q; want %d and %q", args, code, stderr.String(), stdout.String(), exitUsage, said)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%q: %s was made", args, dir)
	}
}
