// SPDX-License-Identifier: AGPL-3.0-or-later

package architecture

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// modFile is the part of a go.mod that names what a module asks for itself.
type modFile struct {
	Require []struct {
		Path     string
		Indirect bool
	}
	Tool []struct{ Path string }
}

func readModFile(t *testing.T, name string) modFile {
	t.Helper()
	output, err := exec.Command("go", "mod", "edit", "-json", name).Output()
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	var file modFile
	if err := json.Unmarshal(output, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// tableModule matches a module in the first column of a table; its first element
// has a dot, which packages of npm lack.
var (
	tableRow    = regexp.MustCompile("(?m)^\\| (`[^|]+) \\|")
	tableModule = regexp.MustCompile("`([a-z0-9.-]+\\.[a-z]+/[^`]+)`")
)

// TestDependenciesDocumented checks that docs/dependencies.md says what each direct
// dependency and tool is for, and names none that is gone.
func TestDependenciesDocumented(t *testing.T) {
	t.Parallel()
	var documented []string
	for _, row := range tableRow.FindAllStringSubmatch(readDocument(t, "docs/dependencies.md"), -1) {
		for _, match := range tableModule.FindAllStringSubmatch(row[1], -1) {
			documented = append(documented, match[1])
		}
	}
	used := map[string]bool{}
	for _, name := range []string{"go.mod", "tools/go.mod", "tools/release/go.mod", "tools/loadgen/go.mod", "tools/container-lint/go.mod"} {
		file := readModFile(t, filepath.Join(root, name))
		var asked []string
		for _, r := range file.Require {
			if !r.Indirect && !strings.HasPrefix(r.Path, module) {
				asked = append(asked, r.Path)
			}
		}
		for _, tool := range file.Tool {
			asked = append(asked, tool.Path)
		}
		for _, path := range asked {
			i := slices.IndexFunc(documented, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/cmd/") })
			if i < 0 {
				t.Errorf("docs/dependencies.md does not say what %s of %s is for", path, name)
				continue
			}
			used[documented[i]] = true
		}
	}
	for _, d := range documented {
		if !used[d] {
			t.Errorf("docs/dependencies.md names %s, which no go.mod asks for", d)
		}
	}
}

// Tests are named with the package that they are in, as "TestA, TestB (internal/c)",
// or in the table of bounds as "`c` `TestA`".
var (
	namedTests  = regexp.MustCompile(`((?:Test[A-Za-z0-9]+,?\s+)+)\(([a-z/]+)\)`)
	tabledTests = regexp.MustCompile("`([a-z/]+)` ((?:`Test[A-Za-z0-9]+`[, ]*)+)")
	namedTest   = regexp.MustCompile(`Test[A-Za-z0-9]+`)
)

// TestSecurityDocumented checks that the tests exist which docs/security.md names.
func TestSecurityDocumented(t *testing.T) {
	t.Parallel()
	text := readDocument(t, "docs/security.md")
	found := map[string]bool{}
	check := func(folder, names string) {
		sources := readTests(t, folder)
		for _, name := range namedTest.FindAllString(names, -1) {
			found[name] = true
			if !strings.Contains(sources, "\nfunc "+name+"(t *testing.T) {") {
				t.Errorf("docs/security.md names %s, which is not in %s", name, folder)
			}
		}
	}
	for _, match := range namedTests.FindAllStringSubmatch(text, -1) {
		check(match[2], match[1])
	}
	for _, match := range tabledTests.FindAllStringSubmatch(text, -1) {
		check("internal/"+match[1], match[2])
	}
	for _, name := range namedTest.FindAllString(text, -1) {
		if !found[name] {
			t.Errorf("docs/security.md names %s without its package", name)
		}
	}
}

// TestFuzzTargetsAreSeeded checks that each fuzz target begins with what was seen in
// practice: files in testdata.
func TestFuzzTargetsAreSeeded(t *testing.T) {
	t.Parallel()
	target := regexp.MustCompile(`(?ms)^func (Fuzz\w+)\(.*?^}`)
	folders, err := filepath.Glob(filepath.Join(root, "internal/*"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, folder := range folders {
		names, _ := filepath.Glob(filepath.Join(folder, "*_test.go")) // the pattern is valid
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range target.FindAllStringSubmatch(string(source), -1) {
				found++
				corpus, _ := filepath.Glob(filepath.Join(folder, "testdata/fuzz", match[1], "*"))
				if len(corpus) == 0 && !strings.Contains(match[0], "payloads.") && !strings.Contains(match[0], "\"testdata/") {
					t.Errorf("%s in %s has no seeds in testdata", match[1], name)
				}
			}
		}
	}
	if found < 14 {
		t.Errorf("only %d fuzz targets were found", found)
	}
}

// readTests returns all tests of a package.
func readTests(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s has no tests (%v)", folder, err)
	}
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	return text.String()
}

func readDocument(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
