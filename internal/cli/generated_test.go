// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/cli"
)

// generated are the documents made from the commands and the settings, and what
// makes them.
var generated = map[string][]string{
	"/docs/completion/stats-service.bash": {"completion", "--shell", "bash"},
	"/docs/completion/_stats-service":     {"completion", "--shell", "zsh"},
	"/docs/completion/stats-service.fish": {"completion", "--shell", "fish"},
	"/docs/man/stats-service.1":           {"manual"},
	"/docs/man/stats-service.toml.5":      {"manual", "--section", "5"},
	"/deploy/stats-service.toml":          {"config_template"},
}

// output runs a command that needs no settings.
func output(t *testing.T, args []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(context.Background(), append([]string{"stats-service"}, args...), cli.Environment{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now,
	})
	if code != 0 || stderr.Len() > 0 {
		t.Fatalf("stats-service %s ended with %d: %s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// TestGeneratedDocumentsAreCurrent checks that the documents are those of the commands; -update
// writes them.
func TestGeneratedDocumentsAreCurrent(t *testing.T) {
	for name, args := range generated {
		made := output(t, args)
		if *update {
			write(t, root+name, made)
		}
		kept, err := os.ReadFile(root + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made, string(kept)); diff != "" {
			t.Errorf("%s is not what the commands are: go generate ./internal/cli (-commands +document)\n%s", name, diff)
		}
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBashCompletion lets a shell complete.
func TestBashCompletion(t *testing.T) {
	tests := map[string]struct {
		words string // the last one is completed
		want  string
	}{
		"command":         {"stats-service client_c", "client_create client_coordinates_set client_coordinates_unset"},
		"global option":   {"stats-service --v", "--version"},
		"option":          {"stats-service stats_push --d", "--date-from --date-to --dry-run"},
		"value":           {"stats-service client_create --role ''", "user admin"},
		"several options": {"stats-service stats_pull --stats-type c", "cartography compliance"},
		"free text":       {"stats-service client_create --name NC3 --u", "--uuid"},
		"nothing":         {"stats-service unknown --x", ""},
	}
	script := output(t, []string{"completion", "--shell", "bash"})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			shell := exec.Command("bash", "--norc", "-c", script+
				"COMP_WORDS=("+tt.words+"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _stats_service; echo \"${COMPREPLY[*]}\"")
			got, err := shell.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, got)
			}
			if diff := cmp.Diff(tt.want, strings.TrimSpace(string(got))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
