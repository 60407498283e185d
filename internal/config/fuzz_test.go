// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/config"
)

// FuzzFile loads configuration files with any content: the result is either settings or an
// error that says what is wrong, and neither shows a secret.
func FuzzFile(f *testing.F) {
	shipped, err := os.ReadFile("../../deploy/stats-service.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(shipped), true)
	playbook, err := os.ReadFile("testdata/playbook.env")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(playbook), true)
	f.Add(strings.ReplaceAll(string(playbook), "=", ": "), false)
	for _, content := range []string{
		"", "PORT = 5000\nHOST = \"127.0.0.1\"", "PORT = \"x\"", "[section]\nPORT = 1", "SECRET_KEY = \"a-secret-of-the-file\"\nDB_PASSWORD = [1]", "UNKNOWN = 1", "a.b.c = {d = [1, 2]}", "PORT = 1\nPORT = 2",
		"RATE_LIMIT = nan", "\xff\x00", "PUBLIC_MIN_CLIENTS = 99999999999999999999",
	} {
		f.Add(content, true)
		f.Add(strings.ReplaceAll(content, " = ", ": "), false)
	}
	f.Add("PORT: &a [*a]", false)
	f.Add("a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]", false)
	f.Fuzz(func(t *testing.T, content string, isTOML bool) {
		name := "/settings.yaml"
		if isTOML {
			name = "/settings.toml"
		}
		settings, err := config.Load([]string{"STATS_CONFIG=" + name, "ADMIN_TOKEN=a-secret-of-the-environment"}, func(asked string) ([]byte, error) {
			if asked != name {
				return nil, os.ErrNotExist
			}
			return []byte(content), nil
		})
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "a-secret-of-the-environment") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		for _, setting := range settings.Redacted() {
			if strings.Contains(setting.Value, "a-secret-of-the-environment") {
				t.Errorf("%s is shown as %q", setting.Name, setting.Value)
			}
		}
	})
}
