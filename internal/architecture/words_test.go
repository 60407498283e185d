// SPDX-License-Identifier: AGPL-3.0-or-later

package architecture

import (
	"bytes"
	_ "embed"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:embed words.txt
var words string

// written are the kinds of files whose words people write; scripts and tasks have none.
var written = []string{"", ".go", ".md", ".sql", ".html", ".toml", ".yaml", ".yml", ".sh", ".txtar", ".mjs"}

// TestWordsOfTheField keeps out the words of words.txt.
func TestWordsOfTheField(t *testing.T) {
	t.Parallel()
	instead := map[string]string{}
	var private []string
	for line := range strings.Lines(words) {
		if word, better, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			instead[word] = better
			private = append(private, regexp.QuoteMeta(word))
		}
	}
	if len(private) < 10 {
		t.Fatalf("words.txt has %d words", len(private))
	}
	pattern := regexp.MustCompile(`(?i)\b(` + strings.Join(private, "|") + `)\b`)
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{"gen", ".git", "node_modules", "dist", "var"}, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains(written, filepath.Ext(path)) {
			return nil
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) >= 0 {
			return nil // a program
		}
		for number, line := range strings.Split(string(content), "\n") {
			for _, word := range pattern.FindAllString(line, -1) {
				t.Errorf("%s:%d: write %q instead of %q", path, number+1, instead[strings.ToLower(word)], word)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
