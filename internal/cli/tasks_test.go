// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var (
	// taskCall matches a task with the flags that are handed on to its command.
	taskCall = regexp.MustCompile(`\btask ([a-z][a-z-]*)((?: -- [^` + "`" + `#\n]*)?)`)
	// taskProgram matches a program of ours that a task runs with those flags.
	taskProgram = regexp.MustCompile(`go -C (\S+) run (\S+) \{\{\.CLI_ARGS\}\}`)
	goFlag      = regexp.MustCompile(`(?:^|\s)-([a-z]+)`)
)

// TestTasksDocumented checks that the tasks in the documents exist, with the flags
// of the programs that they run.
func TestTasksDocumented(t *testing.T) {
	t.Parallel()
	var file struct{ Tasks map[string]yaml.Node }
	if err := yaml.Unmarshal([]byte(read(t, root+"/Taskfile.yml")), &file); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, document := range documents(t) {
		for _, code := range codeBlock.FindAllString(read(t, document), -1) {
			for _, call := range taskCall.FindAllStringSubmatch(code, -1) {
				found++
				node, known := file.Tasks[call[1]]
				if !known {
					t.Errorf("%s: there is no task %s", document, call[1])
					continue
				}
				text, err := yaml.Marshal(&node)
				if err != nil {
					t.Fatal(err)
				}
				if program := taskProgram.FindSubmatch(text); program != nil {
					wantFlags(t, document, filepath.Join(root, string(program[1]), string(program[2])), call[2])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d tasks in the documents", found)
	}
}

// wantFlags checks that the program in a folder defines the flags of a call.
func wantFlags(t *testing.T, document, folder, args string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no program (%v)", folder, err)
	}
	var source strings.Builder
	for _, file := range files {
		source.WriteString(read(t, file))
	}
	for _, flag := range goFlag.FindAllStringSubmatch(strings.TrimPrefix(args, " --"), -1) {
		if !strings.Contains(source.String(), `"`+flag[1]+`"`) {
			t.Errorf("%s: the program in %s has no flag -%s", document, folder, flag[1])
		}
	}
}

var (
	// goTest matches a call of go test; its line may be folded in prose.
	goTest       = regexp.MustCompile("go(?: -C \\S+)? test\\s[^`#]*?(?:`|\n(?:[^ ]|$)|$)")
	testChoice   = regexp.MustCompile(`\s-(run|bench)[\s=]+('[^']*'|\S+)`)
	testPackage  = regexp.MustCompile(`\s(\./[a-z0-9/]+)(?:\s|$)`)
	subtestOf    = regexp.MustCompile(`/.*`)
	testKinds    = map[string][]string{"run": {"Test", "Example"}, "bench": {"Benchmark"}}
	noTest       = []string{"^$", "."}
	foldedInText = regexp.MustCompile(`\s+`)
)

// TestGoTestsDocumented checks that the tests and benchmarks which the documents
// tell readers to run are in the packages that they name.
func TestGoTestsDocumented(t *testing.T) {
	t.Parallel()
	found := 0
	for _, document := range documents(t) {
		for _, code := range codeBlock.FindAllString(read(t, document), -1) {
			for _, call := range goTest.FindAllString(code, -1) {
				call = foldedInText.ReplaceAllString(strings.Trim(call, "`\n"), " ")
				packages := testPackage.FindAllStringSubmatch(call, -1)
				for _, choice := range testChoice.FindAllStringSubmatch(call, -1) {
					pattern := strings.Trim(choice[2], "'")
					if slices.Contains(noTest, pattern) || len(packages) == 0 {
						continue
					}
					found++
					wantTests(t, document, packages[0][1], choice[1], pattern)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d calls of tests in the documents", found)
	}
}

// wantTests checks that each alternative of a pattern is the name of a test.
func wantTests(t *testing.T, document, folder, flag, pattern string) {
	t.Helper()
	names := testFunctions(t, filepath.Join(root, folder))
	for alternative := range strings.SplitSeq(subtestOf.ReplaceAllString(pattern, ""), "|") {
		expression, err := regexp.Compile(alternative)
		if err != nil {
			t.Errorf("%s: %v", document, err)
			continue
		}
		there := false
		for name := range names {
			for _, kind := range testKinds[flag] {
				there = there || strings.HasPrefix(name, kind) && expression.MatchString(name)
			}
		}
		if !there {
			t.Errorf("%s: go test -%s %s: %s has none", document, flag, alternative, folder)
		}
	}
}
