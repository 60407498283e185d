// SPDX-License-Identifier: AGPL-3.0-or-later

package architecture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRulesCatchViolations shows that each rule catches what it is there for.
func TestRulesCatchViolations(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pkg  listed
		want []string
	}{
		"new package": {
			listed{ImportPath: module + "/internal/novelty"},
			[]string{"is not in the table of allowed imports; add it there with the packages it may import"},
		},
		"domain to domain": {
			listed{ImportPath: module + "/internal/processor", Imports: []string{"time", module + "/internal/stats"}},
			nil,
		},
		"domain to adapter": {
			listed{ImportPath: module + "/internal/stats", Imports: []string{module + "/internal/postgres"}},
			[]string{"must not import internal/postgres"},
		},
		"adapter to adapter": {
			listed{ImportPath: module + "/internal/httpapi", Imports: []string{module + "/internal/localpg"}},
			[]string{"must not import internal/localpg"},
		},
		"wiring": {
			listed{ImportPath: module + "/internal/cli", Imports: []string{module + "/internal/postgres", "github.com/urfave/cli/v2"}},
			nil,
		},
		"wiring of a test package": {
			listed{ImportPath: module + "/internal/cli", Imports: []string{module + "/internal/pgtest"}},
			[]string{"must not import internal/pgtest, which is for tests"},
		},
		"processor with context and log": {
			listed{ImportPath: module + "/internal/processor", Imports: []string{"context", "log/slog"}},
			[]string{"must not import context", "must not import log/slog"},
		},
		"driver in the domain": {
			listed{ImportPath: module + "/internal/stats", Imports: []string{"github.com/jackc/pgx/v5/pgconn"}},
			[]string{"must not import github.com/jackc/pgx/v5/pgconn, which only gen/db, internal/localpg, internal/pgtest, internal/postgres, internal/postgres/replica may"},
		},
		"client that pulls in a driver and the service": {
			listed{ImportPath: module + "/gen/client", Deps: []string{"github.com/jackc/pgx/v5", "github.com/labstack/echo/v4", module + "/internal/stats"}},
			[]string{
				"must not depend on github.com/jackc/pgx/v5",
				"must not depend on github.com/labstack/echo/v4",
				"must not depend on " + module + "/internal/stats: it is for others to import",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := append(importProblems(tt.pkg), dependencyProblems(tt.pkg)...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestClockUses(t *testing.T) {
	t.Parallel()
	src := "package p\nimport \"time\"\nvar now = time.Now\nfunc f(at time.Time) bool { return time.Since(at) > time.Hour && at.After(at) }\n"
	want := []string{"time.Now", "time.Since"}
	if diff := cmp.Diff(want, clockUses(t, "p.go", src)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
