// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
)

// settingRow matches a row of a table of settings: | `NAME` | `default` | meaning |
var settingRow = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (?:`([^`|]*)`|) *\\| [^|]+ \\|$")

// documented returns the settings of a document's tables with their defaults.
func documented(t *testing.T, file string) []config.Setting {
	t.Helper()
	var settings []config.Setting
	for _, row := range settingRow.FindAllStringSubmatch(read(t, file), -1) {
		settings = append(settings, config.Setting{Name: row[1], Value: row[2]})
	}
	return settings
}

func defaults(t *testing.T) []config.Setting {
	t.Helper()
	settings, err := config.Load(nil, func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	if err != nil {
		t.Fatal(err)
	}
	return settings.Redacted()
}

// TestSettingsDocumented checks that operators read of every setting, with
// the default that it has; -update writes the tables.
func TestSettingsDocumented(t *testing.T) {
	file := root + "/docs/configure.md"
	const from, to = "<!-- settings -->\n", "<!-- end of settings -->"
	kept := read(t, file)
	before, rest, _ := strings.Cut(kept, from)
	_, after, found := strings.Cut(rest, to)
	if !found {
		t.Fatalf("docs/configure.md has no place for the settings, between %q and %q", from, to)
	}
	made := before + from + settingsTables() + to + after
	if *update {
		write(t, file, made)
		return
	}
	if diff := cmp.Diff(made, kept); diff != "" {
		t.Errorf("docs/configure.md is not what the settings are: go generate ./internal/cli (-settings +document)\n%s", diff)
	}
}

// settingsTables describes the settings, a table for each topic.
func settingsTables() string {
	var text strings.Builder
	for _, topic := range config.Reference() {
		fmt.Fprintf(&text, "\n## %s\n\n| setting | default | meaning |\n|---|---|---|\n", topic.Title)
		for _, d := range topic.Settings {
			standard, meaning := "", d.Meaning
			if d.Default != "" {
				standard = "`" + d.Default + "` "
			}
			if d.Secret {
				meaning = "*Secret.* " + meaning
			}
			if d.More != "" {
				meaning += " [More](" + d.More + ")."
			}
			fmt.Fprintf(&text, "| `%s` | %s| %s |\n", d.Name, standard, meaning)
		}
	}
	return text.String() + "\n"
}

// TestInstallSettings checks the settings that the page about installing picks out.
func TestInstallSettings(t *testing.T) {
	t.Parallel()
	standard := map[string]string{}
	for _, setting := range defaults(t) {
		standard[setting.Name] = setting.Value
	}
	picked := documented(t, installFile)
	if len(picked) == 0 {
		t.Error("docs/install.md has no table of settings")
	}
	for _, setting := range picked {
		if value, known := standard[setting.Name]; !known || value != setting.Value {
			t.Errorf("docs/install.md says %s is %q by default, the service %q (known: %t)", setting.Name, setting.Value, value, known)
		}
	}
}

var (
	// link matches the target of a link within the repository, and the heading in it.
	link = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	// fenced matches code, in which brackets are no links.
	fenced = regexp.MustCompile("(?s)```.*?```")
	// heading matches a heading that links may lead to.
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// notInAnchors matches what is not in the anchor of a heading.
	notInAnchors = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns what leads to the headings of a document, as "#when-it-fails".
func anchors(content string) (found []string) {
	for _, match := range heading.FindAllStringSubmatch(content, -1) {
		words := strings.ToLower(notInAnchors.ReplaceAllString(match[1], ""))
		found = append(found, "#"+strings.ReplaceAll(words, " ", "-"))
	}
	return found
}

// documents returns the paths of all documents.
func documents(t *testing.T) (found []string) {
	t.Helper()
	for _, pattern := range []string{"/*.md", "/client/*.md", "/docs/*.md", "/docs/adr/*.md"} {
		files, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, files...)
	}
	return found
}

// TestLinksOfDocumentsWork checks that what the documents point to is there.
func TestLinksOfDocumentsWork(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		prose := fenced.ReplaceAllString(read(t, document), "")
		for _, match := range link.FindAllStringSubmatch(prose, -1) {
			target := document
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(document), match[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", document, match[1], err)
				continue
			}
			if match[2] != "" && !slices.Contains(anchors(read(t, target)), match[2]) {
				t.Errorf("%s links to %s%s, which has no such heading", document, match[1], match[2])
			}
		}
	}
}

// TestDecisionsListed checks that the index of the decision records has all.
func TestDecisionsListed(t *testing.T) {
	t.Parallel()
	records, err := filepath.Glob(root + "/docs/adr/0*.md")
	if err != nil || len(records) == 0 {
		t.Fatalf("found no decision records (%v)", err)
	}
	index := read(t, root+"/docs/adr/README.md")
	for _, record := range records {
		if link := "](" + filepath.Base(record) + ")"; !strings.Contains(index, link) {
			t.Errorf("docs/adr/README.md lacks %s", filepath.Base(record))
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestLayoutDocumented checks that the architecture page names every folder of the
// source.
func TestLayoutDocumented(t *testing.T) {
	t.Parallel()
	layout := block(t, "docs/architecture.md", "openapi/")
	for _, pattern := range []string{"cmd/*", "gen/*", "internal/*"} {
		folders, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			line := fmt.Sprintf("\n  %s/ ", filepath.Base(folder))
			if !strings.Contains(layout, line) {
				t.Errorf("the layout in docs/architecture.md lacks %s", strings.TrimPrefix(folder, root+"/"))
			}
		}
	}
}

// TestIntegratorDocumented checks that the guide shows the program that the
// scripts run.
func TestIntegratorDocumented(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(root + "/docs/examples/integrator/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "\npackage main\n")
	if diff := cmp.Diff("package main\n"+code, block(t, "docs/integrating.md", "package main")); diff != "" {
		t.Errorf("docs/integrating.md shows another program than docs/examples/integrator/main.go (-program +page)\n%s", diff)
	}
}

var (
	// commandLine matches a command with what follows it on the line.
	commandLine = regexp.MustCompile(`(?m)(?:^|[ "(` + "`" + `]|/bin/)stats-service ([a-z_]+)\b([^|;#` + "`" + `\n]*)`)
	// asUser matches the user or group that something is run as, who has the same name.
	asUser     = regexp.MustCompile(`-[ug] stats-service `)
	longOption = regexp.MustCompile(`--[a-z-]+`)
	codeBlock  = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
)

// TestCommandsDocumented checks that the commands in the documents exist, with
// their options.
func TestCommandsDocumented(t *testing.T) {
	t.Parallel()
	manual := root + "/docs/man/stats-service.1"
	for _, document := range append(documents(t), manual) {
		content := read(t, document)
		code := strings.Join(codeBlock.FindAllString(content, -1), "\n")
		if document == manual {
			code = strings.NewReplacer(`\fB`, "", `\fR`, "", `\-`, "-").Replace(content)
		}
		code = asUser.ReplaceAllString(code, "")
		found := commandLine.FindAllStringSubmatch(code, -1)
		for _, match := range found {
			help := output(t, []string{match[1], helpOption})
			for _, option := range longOption.FindAllString(match[2], -1) {
				if !strings.Contains(help, option) {
					t.Errorf("%s: %s has no option %s", document, match[1], option)
				}
			}
		}
	}
}

const helpOption = "--help"
