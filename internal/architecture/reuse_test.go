// SPDX-License-Identifier: AGPL-3.0-or-later

package architecture

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// annotation is a part of REUSE.toml.
type annotation struct {
	Path      string
	Licence   string `toml:"SPDX-License-Identifier"`
	Copyright any    `toml:"SPDX-FileCopyrightText"`
}

// TestEveryFileHasALicence checks the rules of https://reuse.software/spec-3.3/:
// REUSE.toml covers every file, and LICENSES has the text of each licence and no other.
func TestEveryFileHasALicence(t *testing.T) {
	t.Parallel()
	const root = "../.."
	var reuse struct{ Annotations []annotation }
	if _, err := toml.DecodeFile(root+"/REUSE.toml", &reuse); err != nil {
		t.Fatal(err)
	}
	var named []string
	coversAll := false
	for _, a := range reuse.Annotations {
		if a.Copyright == nil || a.Licence == "" {
			t.Errorf("REUSE.toml: %s lacks a copyright or a licence", a.Path)
		}
		coversAll = coversAll || a.Path == "**"
		named = append(named, strings.Split(a.Licence, " AND ")...)
		if files, err := os.ReadDir(filepath.Join(root, strings.TrimSuffix(a.Path, "**"))); err != nil || len(files) == 0 {
			t.Errorf("REUSE.toml names %s, where no file is: %v", a.Path, err)
		}
	}
	if !coversAll {
		t.Error("REUSE.toml does not cover all files")
	}
	for _, folder := range []string{"client", "cmd", "docs", "internal", "openapi", "sql", "tools"} {
		wantHeaders(t, filepath.Join(root, folder))
	}
	texts, err := filepath.Glob(root + "/LICENSES/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		texts[i] = strings.TrimSuffix(filepath.Base(text), ".txt")
		if !slices.Contains(named, texts[i]) {
			t.Errorf("LICENSES/%s.txt is the licence of no file", texts[i])
		}
	}
	for _, licence := range named {
		if !slices.Contains(texts, licence) {
			t.Errorf("LICENSES/%s.txt is missing", licence)
		}
	}
}

// wantHeaders checks that each Go file below a folder names its licence first of all.
func wantHeaders(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		content, err := os.ReadFile(path)
		if !bytes.HasPrefix(content, []byte("// SPDX-License-Identifier: AGPL-3.0-or-later\n\n")) {
			t.Errorf("%s does not begin with its licence", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
