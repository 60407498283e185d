package architecture

import (
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
