// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPutInto(t *testing.T) {
	t.Parallel()
	marked := "# Text\n" + reportBegins + "old\n" + reportEnds + "more\n"
	tests := map[string]struct{ document, want string }{
		"a document with a part for reports": {marked, "# Text\n" + reportBegins + "\nnew\n" + reportEnds + "more\n"},
		"any other file":                     {"something\n", "new\n"},
		"no end of the part":                 {reportBegins + "old\n", "new\n"},
		"no file yet":                        {"", "new\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file.md")
			if tt.document != "" {
				if err := os.WriteFile(path, []byte(tt.document), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := putInto(path, []byte("new\n")); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteNamesTheMachine(t *testing.T) {
	t.Parallel()
	b := bench{machine: machine{processor: "a processor", postgres: "15.1", loadBefore: "0.42", started: time.Now()}}
	b.report.table("One", "", "x").row("y")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := b.write(ctx, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cores of a processor", "PostgreSQL 15.1", "was 0.42", "cut short (context canceled)", "### One", "### Goals"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}
