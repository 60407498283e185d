// SPDX-License-Identifier: AGPL-3.0-or-later

// Package architecture tests the structure of the repository: the domain imports no
// adapter, adapters import only the domain and the store, and internal/cli wires them.
// Generated code imports no internal package.
package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/monarc-project/stats-service"

// anything marks the packages that wire the others.
const anything = "*"

// allowed lists, for each package of the module, the packages of the module
// that its code (not its tests) may import. A new package needs a line here.
var allowed = map[string][]string{
	"cmd/stats-service": {"internal/buildinfo", "internal/cli"},

	// an example of a program of others
	"docs/examples/integrator": {"client", "client/data"},

	// for programs of others
	"client":      {"client/data", "gen/api", "gen/client", "openapi/lenient"},
	"client/data": {},

	// generated code and what is embedded beside it
	"gen/api":           {"openapi/lenient"},
	"gen/client":        {"gen/api"},
	"gen/server":        {"gen/api"},
	"gen/server/public": {"gen/api"},
	"gen/db":            {},
	"openapi":           {},
	"openapi/lenient":   {},
	"sql/migrations":    {},

	// the domain
	"internal/processor": {"internal/stats"},
	"internal/rollup":    {"internal/processor", "internal/stats"},
	"internal/stats":     {},

	// adapters; there is one store, so those that ask it import it instead of
	// declaring interfaces with a single implementation
	"internal/postgres":           {"gen/db", "internal/audit", "internal/backup", "internal/postgres/conntrack", "internal/postgres/replica", "internal/processor", "internal/rollup", "internal/secret", "internal/stats", "sql/migrations"},
	"internal/postgres/replica":   {"gen/db", "internal/postgres/conntrack", "internal/stats"},
	"internal/postgres/conntrack": {},
	"internal/httpapi":            {"gen/api", "gen/server", "gen/server/public", "internal/answer", "internal/audit", "internal/buildinfo", "internal/cache", "internal/disclosure", "internal/fieldmask", "internal/logging", "internal/metrics", "internal/origin", "internal/postgres", "internal/prefix", "internal/processor", "internal/stats", "internal/tracing", "internal/upload", "internal/webheaders", "internal/wrongkeys", "openapi", "openapi/lenient"},
	// what the public sees comes from disclosure control, never from the store
	"internal/disclosure": {"internal/cache", "internal/postgres", "internal/processor", "internal/rollup", "internal/stats"},
	"internal/publicapi":  {"gen/api", "gen/server/public", "internal/answer", "internal/buildinfo", "internal/cache", "internal/disclosure", "internal/fieldmask", "internal/prefix", "internal/processor", "internal/stats"},
	"internal/dashboard":  {"internal/answer", "internal/buildinfo", "internal/cache", "internal/disclosure", "internal/chart", "internal/prefix", "internal/processor", "internal/stats"},
	"internal/health":     {"internal/postgres"},
	"internal/metrics":    {"internal/buildinfo", "internal/health", "internal/postgres", "internal/stats"},
	"internal/peer":       {"client", "gen/api", "gen/client", "internal/postgres", "internal/processor", "internal/stats", "openapi/lenient"},
	"internal/answer":     {"internal/fieldmask"},
	"internal/mosp":       {},
	"internal/localpg":    {},

	// building blocks without knowledge of each other
	"internal/audit":      {"internal/origin"},
	"internal/backup":     {},
	"internal/buildinfo":  {},
	"internal/chart":      {},
	"internal/cache":      {},
	"internal/config":     {"internal/listen", "internal/suggest"},
	"internal/fieldmask":  {},
	"internal/webheaders": {},
	"internal/wrongkeys":  {},
	"internal/connlimit":  {"internal/origin"},
	"internal/origin":     {},
	"internal/upload":     {},
	"internal/licenses":   {},
	"internal/listen":     {},
	"internal/logging":    {},
	"internal/prefix":     {},
	"internal/secret":     {},
	"internal/suggest":    {},
	"internal/tracing":    {"internal/buildinfo"},
	"internal/sample":     {"internal/processor", "internal/stats"},

	"internal/cli": {anything},

	// for tests only: no package above may import these
	"internal/architecture": {},
	"internal/payloads":     {},
	"internal/pgtest":       {"internal/localpg", "internal/ramdisk"},
	"internal/ramdisk":      {},
	"internal/servicetest":  {"internal/disclosure", "internal/httpapi", "internal/pgtest", "internal/postgres", "internal/publicapi", "internal/secret", "internal/stats", "sql/migrations"},
}

// confined lists libraries that would tie a package to a technology, with the
// packages whose business that technology is.
var confined = map[string][]string{
	"github.com/labstack/echo":  {"gen/server", "gen/server/public", "internal/cli", "internal/dashboard", "internal/httpapi", "internal/publicapi"},
	"github.com/jackc/pgx":      {"gen/db", "internal/localpg", "internal/pgtest", "internal/postgres", "internal/postgres/replica"},
	"github.com/pressly/goose":  {"internal/postgres"},
	"github.com/urfave/cli":     {"internal/cli"},
	"github.com/go-text":        {"internal/chart"},
	"github.com/maypok86/otter": {"internal/cache", "internal/wrongkeys"},
	"go.opentelemetry.io":       {"internal/tracing"},
	"git.sr.ht/~sbinet/gg":      {"internal/chart"},
	"github.com/paulmach/orb":   {"internal/chart"},
	"database/sql":              {"internal/localpg", "internal/pgtest", "internal/postgres"},
}

// banned lists what the code of a package must not import, directly.
var banned = map[string][]string{
	"internal/chart":     {"database", "log", "net", "os"},
	"internal/processor": {"context", "database", "log", "net", "os"},
	"internal/rollup":    {"context", "database", "log", "net", "os"},
	"internal/stats":     {"database", "log", "net/http", "os"},
}

// light lists packages that others import into their programs, with the
// libraries that must not come along, however indirectly.
var light = map[string][]string{
	"gen/api":    {"github.com/labstack/echo", "github.com/jackc/pgx"},
	"gen/client": {"github.com/labstack/echo", "github.com/jackc/pgx"},
	"client":     {"github.com/labstack/echo", "github.com/jackc/pgx"},
}

// clockless lists the packages that never read the clock.
var clockless = []string{"internal/chart", "internal/processor", "internal/rollup", "internal/stats"}

// listed is the output of go list about a package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// name is the import path without that of the module.
func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func listPackages(t *testing.T) []listed {
	t.Helper()
	watchSources(t)
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("read the output of go list: %v", err)
		}
		packages = append(packages, p)
	}
}

// watchSources reads every source file, so that the go command does not use a cached result
// of these tests after a change in another package.
func watchSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"client", "cmd", "docs", "gen", "internal", "openapi", "sql"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestImportsFollowTheRule(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	if len(packages) == 0 {
		t.Fatal("go list found no package of the module")
	}
	for _, p := range packages {
		for _, problem := range slices.Concat(importProblems(p), dependencyProblems(p)) {
			t.Errorf("%s %s", p.name(), problem)
		}
	}
}

// TestGeneratedFilesAreMarked checks that gen has no hand-written files: they would be lost, or be
// mistaken for generated ones.
func TestGeneratedFilesAreMarked(t *testing.T) {
	t.Parallel()
	marked := regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	err := filepath.WalkDir(filepath.Join("..", "..", "gen"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if !marked.Match(content) {
			t.Errorf("%s is not generated: move it out of gen", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDomainTakesTheTimeAsParameter(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if !slices.Contains(clockless, p.name()) {
			continue
		}
		for _, file := range p.GoFiles {
			for _, use := range clockUses(t, filepath.Join(p.Dir, file), nil) {
				t.Errorf("%s/%s uses %s; take the time as a parameter", p.name(), file, use)
			}
		}
	}
}

// importProblems checks the direct imports of a package.
func importProblems(p listed) []string {
	may, known := allowed[p.name()]
	if !known {
		return []string{"is not in the table of allowed imports; add it there with the packages it may import"}
	}
	var problems []string
	for _, path := range p.Imports {
		ours, isOurs := strings.CutPrefix(path, module+"/")
		if isOurs && !slices.Contains(may, ours) && !slices.Contains(may, anything) {
			problems = append(problems, "must not import "+ours)
		}
		if isTestOnly(ours) && !isTestOnly(p.name()) {
			problems = append(problems, "must not import "+ours+", which is for tests")
		}
		for library, users := range confined {
			if within(path, library) && !slices.Contains(users, p.name()) {
				problems = append(problems, "must not import "+path+", which only "+strings.Join(users, ", ")+" may")
			}
		}
		for _, library := range banned[p.name()] {
			if within(path, library) {
				problems = append(problems, "must not import "+path)
			}
		}
	}
	return problems
}

// dependencyProblems checks all direct and indirect dependencies of a package.
func dependencyProblems(p listed) []string {
	var problems []string
	for _, path := range p.Deps {
		for _, library := range light[p.name()] {
			if within(path, library) {
				problems = append(problems, "must not depend on "+path)
			}
		}
		if (within(p.name(), "gen") || within(p.name(), "client")) && within(path, module+"/internal") {
			problems = append(problems, "must not depend on "+path+": it is for others to import")
		}
	}
	return problems
}

func isTestOnly(name string) bool {
	return slices.Contains([]string{"internal/architecture", "internal/payloads", "internal/pgtest", "internal/ramdisk", "internal/servicetest"}, name)
}

// within reports whether path is root or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// clockUses lists the calls of package time in a file that depend on when they
// run. The source is read from the file when src is nil.
func clockUses(t *testing.T, file string, src any) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTicker", "NewTimer"}
	var uses []string
	ast.Inspect(tree, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
			uses = append(uses, "time."+selector.Sel.Name)
		}
		return true
	})
	return uses
}
