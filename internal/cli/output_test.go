// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/cli"
	"github.com/monarc-project/stats-service/internal/pgtest"
)

// fullDisk is standard output redirected to a disk that is full.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestUnwritableResult(t *testing.T) {
	tests := map[string][]string{
		"text":       {"client_create", "--name", "NC3"},
		"JSON":       {"client_create", "--name", "NC3", "--json"},
		"a sentence": {"db_empty", "--yes"},
		"completion": {"completion", "--shell", "bash"},
		"manual":     {"manual"},
		"help":       {"--help"},
		"of one":     {"stats_push", "--help"},
		"version":    {"--version"},
		"the same":   {"version"},
		"help of":    {"help", "client_list"},
	}
	for name, arguments := range tests {
		t.Run(name, func(t *testing.T) {
			var stderr strings.Builder
			code := cli.Run(t.Context(), append([]string{"stats-service"}, arguments...), cli.Environment{
				Stdin: strings.NewReader(""), Stdout: fullDisk{}, Stderr: &stderr, Now: time.Now,
				Environ: []string{"DATABASE_URL=" + pgtest.New(t), "SECRET_KEY=a key that is long enough for anything", "DATA_DIR=" + t.TempDir()},
			})
			want := "Error: the command succeeded, but its result cannot be written: no space left on device\n"
			if name == "JSON" {
				want = `{"error":"the command succeeded, but its result cannot be written: no space left on device","exit_code":1}` + "\n"
			}
			if code != 1 || stderr.String() != want {
				t.Errorf("exit code %d, said %q; want 1 and %q", code, stderr.String(), want)
			}
		})
	}
}
