// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestComposeDeclaresItsSecrets checks that the settings in the composition are some of the service's,
// and that each secret it names is declared.
func TestComposeDeclaresItsSecrets(t *testing.T) {
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

// TestUnitsHaveTheWholeSandbox checks that the commands that timers start have the sandbox of the
// service, and that nothing of it is missing in the units.
func TestUnitsHaveTheWholeSandbox(t *testing.T) {
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
