// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
)

var now = time.Date(2026, 3, 31, 15, 0, 0, 0, time.UTC)

func TestFlagsOfTheGenerator(t *testing.T) {
	t.Parallel()
	filler, plan, err := parse(strings.Fields("-server http://stats.example -admin-token key -writers 16 -clients 40 -analyses 50"+
		" -days 364 -step 7 -changed 25 -seed 9 -types vulnerability,threat -thin -objects 60 -distinct 20 -per-post 10 -until 2026-01-31"), now, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	wantFiller := load.Filler{Server: "http://stats.example", AdminToken: "key", Writers: 16}
	if diff := cmp.Diff(wantFiller, filler); diff != "" {
		t.Errorf("filler (-want +got):\n%s", diff)
	}
	wantPlan := load.Plan{
		Seed: 9, Clients: 40, Analyses: 50, Days: 364, Step: 7, Until: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		Types: []stats.Type{stats.Vulnerability, stats.Threat}, Thin: true, Objects: 60, Distinct: 20, PerPost: 10, Changed: 25,
	}
	if diff := cmp.Diff(wantPlan, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestParseTakesTheTokenFromTheEnvironment(t *testing.T) {
	t.Setenv("ADMIN_TOKEN", "key of the environment")
	filler, plan, err := parse(nil, now, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if filler.AdminToken != "key of the environment" || !plan.Until.Equal(now) {
		t.Errorf("token %q, until %s", filler.AdminToken, plan.Until)
	}
	var help strings.Builder
	if _, _, err := parse([]string{"-help"}, now, &help); !errors.Is(err, flag.ErrHelp) || strings.Contains(help.String(), "of the environment") {
		t.Errorf("error %v, and the help shows the token: %v", err, strings.Contains(help.String(), "of the environment"))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Setenv("ADMIN_TOKEN", "")
	tests := []struct{ args, want string }{
		{"", "set -admin-token, or ADMIN_TOKEN"},
		{"-admin-token k fill", `unexpected argument "fill"`},
		{"-admin-token k -writers 0", "-writers must be at least 1"},
		{"-admin-token k -until tomorrow", `-until is "tomorrow"`},
		{"-clients many", "invalid value"},
	}
	for _, tt := range tests {
		if _, _, err := parse(strings.Fields(tt.args), now, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.args, err, tt.want)
		}
	}
}

func TestReportOfARun(t *testing.T) {
	t.Parallel()
	d, err := load.New(load.Plan{Clients: 1, Analyses: 1, Days: 2, Step: 1, Until: now})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	report(&out, d, load.Result{Posts: 2, Stats: 10, Bytes: 4_000_000, Busy: 3, Elapsed: 2 * time.Second})
	want := "2 requests with 10 stats, 4.0 MB, in 2.0 s\n1.0 requests/s, 5 stats/s, 2.0 MB/s\nthe service was busy 3 times\n" +
		`the first client is "Load 0, organisation 1", its API key ` + load.Token("Load 0, organisation 1") + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
