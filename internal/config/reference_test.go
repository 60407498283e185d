// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
)

// TestReferenceHasEverySetting checks that the reference has every setting, in order and with its default.
func TestReferenceHasEverySetting(t *testing.T) {
	t.Parallel()
	var described []config.Setting
	for _, topic := range config.Reference() {
		for _, d := range topic.Settings {
			described = append(described, config.Setting{Name: d.Name, Value: d.Default})
			if !strings.HasSuffix(d.Meaning, ".") || strings.ContainsAny(d.Meaning, "|\n") {
				t.Errorf("%s: the meaning is %q, want sentences on one line without |", d.Name, d.Meaning)
			}
		}
	}
	if diff := cmp.Diff(load(t, nil).Redacted(), described); diff != "" {
		t.Errorf("reference.go lacks a setting of settings.go, or has them in another order (-settings +described)\n%s", diff)
	}
}

var commented = regexp.MustCompile(`(?m)^#([a-z_]+ = .*)$`)

// TestTemplateIsAccepted reads the settings file of an installed service as it is, and with
// every line that is commented out.
func TestTemplateIsAccepted(t *testing.T) {
	t.Parallel()
	template := config.Template()
	want := defaults()
	want.File, want.Port, want.DataDir = config.DefaultFile, 5005, "/var/lib/stats-service"
	for name, content := range map[string]string{
		"as it is":        template,
		"with every line": commented.ReplaceAllString(template, "$1"),
	} {
		// Settings of a database that is not named would be refused.
		content = regexp.MustCompile(`(?m)^db_(port|name) = .*$`).ReplaceAllString(content, "")
		got := load(t, files{config.DefaultFile: content})
		if diff := cmp.Diff(want, got, compareZones); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	for _, s := range load(t, nil).Redacted() {
		if !regexp.MustCompile(`(?m)^#?` + strings.ToLower(s.Name) + ` = `).MatchString(template) {
			t.Errorf("the template lacks %s", s.Name)
		}
	}
	for line := range strings.Lines(template) {
		if len(line) > 100 && strings.HasPrefix(line, "# ") {
			t.Errorf("a comment is too long: %s", line)
		}
	}
}
