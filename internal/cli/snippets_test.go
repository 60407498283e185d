// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/monarc-project/stats-service/internal/config"
)

// snippet matches a block of code with its language.
var snippet = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// snippetChecks are for the languages of blocks. Blocks in nginx and apache are put in
// front of the service by TestProxies, those in go and php are parts of programs that
// run as tests, and html is looked at by none.
var snippetChecks = map[string]func(t *testing.T, text string) error{
	"toml":    settingsAreKnown,
	"sh":      shellIsValid,
	"console": func(t *testing.T, text string) error { return shellIsValid(t, typed(text)) },
	"cron":    cronIsValid,
	"apache":  nil, "nginx": nil, "go": nil, "php": nil, "html": nil,
}

// TestSnippets checks that blocks of code in the documents can be used.
func TestSnippets(t *testing.T) {
	t.Parallel()
	checked := map[string]int{}
	for _, document := range append(documents(t), root+"/client/README.md") {
		for _, match := range snippet.FindAllStringSubmatch(read(t, document), -1) {
			check, known := snippetChecks[match[1]]
			if !known {
				t.Errorf("%s has a block in %q, which no test checks", document, match[1])
			}
			if check == nil {
				continue
			}
			checked[match[1]]++
			if err := check(t, match[2]); err != nil {
				t.Errorf("%s: %v in:\n%s", document, err, match[2])
			}
		}
	}
	for language, check := range snippetChecks {
		if check != nil && checked[language] == 0 {
			t.Errorf("found no block in %s", language)
		}
	}
}

// typed are the lines of a transcript that were typed.
func typed(transcript string) string {
	var lines strings.Builder
	continued := false
	for line := range strings.Lines(transcript) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		if isCommand || continued {
			lines.WriteString(command)
		}
		continued = (isCommand || continued) && strings.HasSuffix(line, "\\\n")
	}
	return lines.String()
}

func shellIsValid(t *testing.T, text string) error {
	command := exec.CommandContext(t.Context(), "bash", "-n")
	command.Stdin = strings.NewReader(text)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// settingsAreKnown reads a settings file as the service does.
func settingsAreKnown(_ *testing.T, text string) error {
	_, err := config.Load([]string{"STATS_CONFIG=snippet.toml"}, func(name string) ([]byte, error) {
		switch {
		case name == "snippet.toml":
			return []byte(text), nil
		case strings.HasSuffix(name, "url"):
			return []byte("postgresql://stats:password@localhost/statsservice"), nil
		}
		return []byte("a-secret-of-enough-characters"), nil
	})
	return err
}

// cronLine matches a time, the user and what is run as that user.
var cronLine = regexp.MustCompile(`^(?:[A-Z]+=\S+|(?:[0-9*/,-]+\s+){5}[a-z-]+\s+/\S+.*)$`)

func cronIsValid(_ *testing.T, text string) error {
	for line := range strings.Lines(text) {
		if !cronLine.MatchString(strings.TrimSpace(line)) {
			return fmt.Errorf("cron does not read %q", line)
		}
	}
	return nil
}

// TestCompose checks that the settings in the composition are some of the service's,
// and that each secret it names is declared.
func TestCompose(t *testing.T) {
	t.Parallel()
	var composition struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Secrets     []string
			Command     []string
		}
		Secrets map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, root+"/deploy/compose.yaml")), &composition); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for name, service := range composition.Services {
		for variable, value := range service.Environment {
			secret, isFile := strings.CutPrefix(value, "/run/secrets/")
			if isFile && !slices.Contains(service.Secrets, secret) {
				t.Errorf("%s: %s names the secret %s, which the service does not get", name, variable, secret)
			}
			if isFile && composition.Secrets[secret] == nil {
				t.Errorf("%s: the secret %s is not declared", name, secret)
			}
		}
		if service.Image != "stats-service" {
			continue
		}
		ours++
		var file strings.Builder
		for variable, value := range service.Environment {
			fmt.Fprintf(&file, "%s = %q\n", variable, value)
		}
		if err := settingsAreKnown(t, file.String()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(service.Command) > 0 {
			output(t, append(service.Command, helpOption))
		}
	}
	if ours != 2 {
		t.Errorf("the composition has %d services of ours, want the service and its tables", ours)
	}
}

// TestSandbox checks that the commands that timers start have the sandbox of the
// service, and that nothing of it is missing in the units.
func TestSandbox(t *testing.T) {
	t.Parallel()
	_, ofService, _ := strings.Cut(read(t, root+"/deploy/systemd/stats-service.service"), "\nStateDirectory=")
	ofService, _, _ = strings.Cut(ofService, "\n[Install]")
	_, ofCommands, _ := strings.Cut(read(t, root+"/deploy/systemd/commands.conf"), "\nStateDirectory=")
	if strings.TrimSpace(ofService) != strings.TrimSpace(ofCommands) || !strings.Contains(ofService, "SystemCallFilter=") {
		t.Errorf("stats-service.service and commands.conf differ from StateDirectory on:\n%s\n---\n%s", ofService, ofCommands)
	}
	units, err := filepath.Glob(root + "/deploy/systemd/*.service")
	if err != nil || len(units) < 5 {
		t.Fatalf("found the units %v (%v)", units, err)
	}
	for _, unit := range units {
		_, command, _ := strings.Cut(read(t, unit), "\nExecStart=/usr/bin/stats-service ")
		command, _, _ = strings.Cut(command, "\n")
		words := strings.Fields(command)
		if len(words) == 0 {
			t.Errorf("%s does not start the service", unit)
			continue
		}
		help := output(t, []string{words[0], helpOption})
		for _, option := range longOption.FindAllString(command, -1) {
			if !strings.Contains(help, option) {
				t.Errorf("%s: %s has no option %s", unit, words[0], option)
			}
		}
		if _, err := os.Stat(strings.TrimSuffix(unit, ".service") + ".timer"); words[0] != "serve" && err != nil {
			t.Errorf("nothing starts %s: %v", unit, err)
		}
	}
}
