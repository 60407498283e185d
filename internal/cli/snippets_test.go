// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"go/ast"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/config"
)

// snippet matches a block of code with its language.
var snippet = regexp.MustCompile("(?ms)^[ \t]*```([a-z]*)\n(.*?)^[ \t]*```$")

// snippetChecks look at what blocks in a language have in common; to run them is for
// the tests that shownBlocks names.
var snippetChecks = map[string]func(t *testing.T, text string) error{
	"toml":    settingsAreKnown,
	"sh":      shellIsValid,
	"console": func(t *testing.T, text string) error { return shellIsValid(t, typed(text)) },
	"cron":    cronIsValid,
	"apache":  nil, "nginx": nil, "go": nil, "php": nil, "html": nil, "ini": nil, "sql": nil, "text": nil,
}

// shown is a block of code in a document, and what happens to it.
type shown struct {
	document, part string // part: what no other block of the document has
	by             string // the test of this package, or the script, that takes and runs it
	not            string // or why nothing runs it, and what looks at it instead
}

const (
	bareMachine   = "tools/bare-machine"
	testPackages  = "tools/release/test-packages"
	testInstalled = "tools/release/test-installed"
)

// shownBlocks are all blocks of code in the documents.
var shownBlocks = []shown{
	{document: "README.md", part: "go run ./cmd/stats-service demo", by: bareMachine},
	{document: "README.md", part: "sudo apt install", by: testInstalled},
	{document: "README.md", part: "client.New", by: "TestGoSnippets"},
	{document: "CONTRIBUTING.md", part: "check-gen", not: "a list of tasks, most of which CI runs; TestTasksDocumented looks for each"},
	{document: "client/README.md", part: "go get", not: "the module has to be published; the tests of client build programs with it"},
	{document: "client/README.md", part: "client.New", by: "TestGoSnippets"},
	{document: "client/README.md", part: "stats.Delete", by: "TestGoSnippets"},

	{document: "docs/install.md", part: "sha256sum", by: testPackages},
	{document: "docs/install.md", part: "sudo apt install", by: testInstalled},
	{document: "docs/install.md", part: "config_check", by: testInstalled},
	{document: "docs/install.md", part: "sudo dnf", not: "needs a Fedora; test-packages installs, upgrades and removes the package with rpm"},
	{document: "docs/install.md", part: "tar xf", by: testInstalled},
	{document: "docs/install.md", part: "docker build", not: "needs a container engine; test-container runs what the Dockerfile says"},
	{document: "docs/install.md", part: "go build", by: testPackages},
	{document: "docs/install.md", part: "createuser", by: "TestInstallPage"},
	{document: "docs/install.md", part: "database_url", by: "TestInstallPage"},
	{document: "docs/install.md", part: "db_init", by: "TestInstallPage"},
	{document: "docs/install.md", part: "location", by: "TestProxiesChangeNoAnswer"},
	{document: "docs/install.md", part: "statsApi", by: "TestInstallPage"},
	{document: "docs/install.md", part: "collect-stats", not: "the program is MONARC's"},

	{document: "docs/configure.md", part: "database_url_file", by: "TestSettingsFiles"},

	{document: "docs/operating.md", part: "npm pack", by: "TestMirrorPage"},
	{document: "docs/operating.md", part: "db_restore --dry-run", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "30 1 * * *", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "postgres.old", by: testInstalled},
	{document: "docs/operating.md", part: "default_query_exec_mode", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "location", by: "TestProxiesChangeNoAnswer"},
	{document: "docs/operating.md", part: "ProxyPassReverse", by: "TestProxiesChangeNoAnswer"},
	{document: "docs/operating.md", part: "RequestHeader", by: "TestProxiesChangeNoAnswer"},
	{document: "docs/operating.md", part: "client_create", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "client_token_rotate", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "audit_list", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "completion --shell", by: "TestCompletionPage"},
	{document: "docs/operating.md", part: "sync_test", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "stats-service-push.timer", by: testInstalled},
	{document: "docs/operating.md", part: "MAILTO", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "Duplicate stats", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "unix:/run", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "systemctl edit", by: testInstalled},
	{document: "docs/operating.md", part: "TLS_CERT_FILE", by: "TestOperatingPage"},
	{document: "docs/operating.md", part: "OTEL_", by: "TestOperatingPage"},

	{document: "docs/migrating.md", part: "sudo apt install", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "port = 5005", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "db_adopt --dry-run", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "pg_dump", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "db_status", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "DROP SCHEMA", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "-bench Adopt", not: "a measurement of minutes; TestGoTestsDocumented looks for it"},
	{document: "docs/migrating.md", part: "db_export", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "ALTER DATABASE", by: "TestMigratingPage"},
	{document: "docs/migrating.md", part: "migrate-side-by-side.sh", by: "TestOperatingPage"},

	{document: "docs/scenarios.md", part: "tls_cert_file", by: "TestSettingsFiles"},
	{document: "docs/scenarios.md", part: "script_name", by: "TestSettingsFiles"},
	{document: "docs/scenarios.md", part: "remote_stats_server", by: "TestSettingsFiles"},
	{document: "docs/scenarios.md", part: "'Front office'", by: "TestScenariosPage"},
	{document: "docs/scenarios.md", part: "client_list", by: "TestScenariosPage"},
	{document: "docs/scenarios.md", part: "sync_test", by: "TestScenariosPage"},

	{document: "docs/high-availability.md", part: "target_session_attrs", not: "needs three machines; the task high-availability gives the service such addresses"},
	{document: "docs/high-availability.md", part: "-- -haproxy", not: "takes half an hour; TestTasksDocumented looks for the tasks"},

	{document: "docs/scale-out.md", part: "DATABASE_READ_URL", not: "needs two replicas; TestScripts/replicas and the tests of postgres/replica have one"},
	{document: "docs/scale-out.md", part: "max_prepared_transactions", not: "needs Citus, as the task test-citus does"},
	{document: "docs/scale-out.md", part: "citus_add_node", not: "needs Citus and another worker"},
	{document: "docs/scale-out.md", part: "TEST_CITUS_URL", not: "needs Citus; TestTasksDocumented looks for the task"},

	{document: "docs/tour.md", part: "go run ./cmd/stats-service demo", by: bareMachine},
	{document: "docs/tour.md", part: "API=", by: "TestTour"},
	{document: "docs/tour.md", part: "five-types.json", by: "TestTour"},
	{document: "docs/tour.md", part: "get_last", by: "TestTour"},
	{document: "docs/tour.md", part: "processed/list", by: "TestTour"},
	{document: "docs/tour.md", part: "risk_averages\", \"processor_params", by: "TestTour"},
	{document: "docs/tour.md", part: "risks.json", by: "TestTour"},
	{document: "docs/tour.md", part: "2026-02-30", by: "TestTour"},
	{document: "docs/tour.md", part: "-X DELETE", by: "TestTour"},

	{document: "docs/integrating.md", part: "go get", not: "the module has to be published; the tests of client build programs with it"},
	{document: "docs/integrating.md", part: "package main", by: "TestIntegratorDocumented"},
	{document: "docs/integrating.md", part: "STATS_SERVER=", by: "TestIntegratingPage"},
	{document: "docs/integrating.md", part: "stats/compare", by: "TestIntegratingPage"},
	{document: "docs/integrating.md", part: "<img", by: "TestIntegratingPage"},
	{document: "docs/integrating.md", part: "<iframe", by: "TestIntegratingPage"},

	{document: "docs/performance.md", part: "task bench-go", not: "measurements of minutes; TestTasksDocumented looks for them"},
	{document: "docs/performance.md", part: "TestBatchMemory", not: "test-memory runs it; TestGoTestsDocumented looks for it"},
	{document: "docs/performance.md", part: "tools/loadgen", by: "TestPerformancePage"},
	{document: "docs/performance.md", part: "posts,question", not: "a measurement of minutes; TestTasksDocumented looks for it"},

	{document: "docs/architecture.md", part: "openapi/", by: "TestLayoutDocumented"},
	{document: "docs/architecture.md", part: "covdata", not: "compiles everything again, to count for a table"},
	{document: "docs/adr/0023-partitioning.md", part: "PARTITION BY", not: "a sketch of what was decided against"},
}

// TestSnippetsAreValid checks that every block of code in the documents is run or has a reason
// why not, and that the checks of its language find no fault in it.
func TestSnippetsAreValid(t *testing.T) {
	t.Parallel()
	found, tests := map[shown]int{}, takingTests(t)
	for _, path := range documents(t) {
		document := strings.TrimPrefix(path, root+"/")
		for _, match := range snippet.FindAllStringSubmatch(read(t, path), -1) {
			check, known := snippetChecks[match[1]]
			if !known {
				t.Errorf("%s has a block in the language %q, which no test checks:\n%s", document, match[1], match[2])
			}
			if check != nil {
				if err := check(t, match[2]); err != nil {
					t.Errorf("%s: %v in:\n%s", document, err, match[2])
				}
			}
			entries := 0
			for _, s := range shownBlocks {
				if s.document == document && strings.Contains(match[2], s.part) {
					found[s]++
					entries++
					wantRun(t, s, match[2], tests)
				}
			}
			if entries != 1 {
				t.Errorf("%s has a block that %d lines of shownBlocks are about, want 1:\n%s", document, entries, match[2])
			}
		}
	}
	for _, s := range shownBlocks {
		if found[s] != 1 {
			t.Errorf("%s has %d blocks with %q, want 1", s.document, found[s], s.part)
		}
	}
}

// wantRun checks that what is to run a block is there, and takes it from the document;
// tests are the functions of this package.
func wantRun(t *testing.T, s shown, text string, tests map[string]*ast.FuncDecl) {
	t.Helper()
	switch {
	case (s.by == "") == (s.not == ""):
		t.Errorf("%s: %q needs either what runs it, or a reason", s.document, s.part)
	case s.by == bareMachine:
		script := read(t, root+"/"+s.by)
		for line := range strings.Lines(text) {
			command, _, _ := strings.Cut(line, "#")
			if command = strings.TrimSpace(command); !strings.Contains(script, command) {
				t.Errorf("%s does not run %q of %s", s.by, command, s.document)
			}
		}
	case strings.Contains(s.by, "/"):
		if taken := fmt.Sprintf("block %s '%s'", s.document, s.part); !strings.Contains(read(t, root+"/"+s.by), taken) {
			t.Errorf("%s does not take the block: %s", s.by, taken)
		}
	case s.by != "":
		if test, there := tests[s.by]; !there || !takesBlock(test, s) {
			t.Errorf("%s: there is no %s that takes %q", s.document, s.by, s.part)
		}
	}
}

// block returns a block of code that shownBlocks has.
func block(t *testing.T, document, part string) string {
	t.Helper()
	for _, match := range snippet.FindAllStringSubmatch(read(t, root+"/"+document), -1) {
		if strings.Contains(match[2], part) {
			if match[1] == "console" {
				return typed(match[2])
			}
			return match[2]
		}
	}
	t.Fatalf("%s has no block with %q", document, part)
	return ""
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)

// testFunctions are the names of tests and benchmarks in a folder, also of those
// behind build tags.
func testFunctions(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		for _, match := range testFunction.FindAllStringSubmatch(read(t, file), -1) {
			names[match[1]] = true
		}
	}
	return names
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

// cronLine matches a time, the user and what is run as that user; or a variable.
var cronLine = regexp.MustCompile(`^(?:[A-Z]+=\S+|(?:[0-9*/,-]+\s+){5}[a-z-]+\s+(/\S+.*))$`)

func cronIsValid(_ *testing.T, text string) error {
	for line := range strings.Lines(text) {
		if !cronLine.MatchString(strings.TrimSpace(line)) {
			return fmt.Errorf("cron does not read %q", line)
		}
	}
	return nil
}
