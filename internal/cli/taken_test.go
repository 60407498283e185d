// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// blocksBy returns the blocks of code that shownBlocks has for the running test.
func blocksBy(t *testing.T) (texts []string) {
	t.Helper()
	for _, s := range shownBlocks {
		if s.by == t.Name() {
			texts = append(texts, block(t, s.document, s.part))
		}
	}
	if len(texts) == 0 {
		t.Fatalf("shownBlocks has no block for %s", t.Name())
	}
	return texts
}

// unchanged changes nothing.
func unchanged(text string) string { return text }

// wantTaken checks that a test, which takes whole pages and changes them, has taken all its
// blocks.
func wantTaken(t *testing.T, taken string, change func(text string) string, blocks []string) {
	t.Helper()
	for _, text := range blocks {
		if !strings.Contains(taken, change(text)) {
			t.Errorf("the test does not take the block\n%s", text)
		}
	}
}

// takingTests returns the test functions of this package, also of those behind build tags.
func takingTests(t *testing.T) map[string]*ast.FuncDecl {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]*ast.FuncDecl{}
	for _, file := range files {
		for name, test := range functionsOf(t, read(t, file)) {
			tests[name] = test
		}
	}
	return tests
}

func functionsOf(t *testing.T, source string) map[string]*ast.FuncDecl {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*ast.FuncDecl{}
	for _, declared := range file.Decls {
		if function, is := declared.(*ast.FuncDecl); is {
			functions[function.Name.Name] = function
		}
	}
	return functions
}

// takesBlock reports whether a test takes a block: it calls block or converse with its document
// and part, or blocksBy, which returns all blocks of the test.
func takesBlock(test *ast.FuncDecl, s shown) bool {
	constants, taken := map[string]string{}, false
	ast.Inspect(test.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ValueSpec:
			for i, value := range node.Values {
				constants[node.Names[i].Name] = textOf(value, nil)
			}
		case *ast.CallExpr:
			name, args := called(node), node.Args
			if len(args) > 0 && (name == "block" || name == "converse") {
				last := len(args) - 1
				taken = taken || last > 0 && textOf(args[last-1], constants) == s.document && textOf(args[last], constants) == s.part
			}
			taken = taken || name == "blocksBy"
		}
		return true
	})
	return taken
}

// called returns the name of the function or method that is called.
func called(call *ast.CallExpr) string {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		return function.Name
	case *ast.SelectorExpr:
		return function.Sel.Name
	}
	return ""
}

// textOf returns the text of a literal or a constant, or "" if it is neither.
func textOf(expr ast.Expr, constants map[string]string) string {
	switch expr := expr.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(expr.Value)
		return text
	case *ast.Ident:
		return constants[expr.Name]
	}
	return ""
}

// TestTakesBlock checks which tests count as those that take a block.
func TestTakesBlock(t *testing.T) {
	t.Parallel()
	s := shown{document: "docs/page.md", part: "the part"}
	for body, want := range map[string]bool{
		`m.types(block(t, "docs/page.md", "the part"))`:                    true,
		`const page = "docs/page.md"; m.types(block(t, page, "the part"))`: true,
		`m.converse("docs/page.md", "the part")`:                           true,
		`for _, text := range blocksBy(t) { m.types(text) }`:               true,
		``:                                      false,
		`m.types("the part of docs/page.md")`:   false,
		`block(t, "docs/page.md", "another")`:   false,
		`block(t, "docs/other.md", "the part")`: false,
		`block(t, page, "the part")`:            false,
	} {
		test := functionsOf(t, "package p\nfunc TestPage() {\n"+body+"\n}\n")["TestPage"]
		if got := takesBlock(test, s); got != want {
			t.Errorf("%q takes the block: %t, want %t", body, got, want)
		}
	}
}
