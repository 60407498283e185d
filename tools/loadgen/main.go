// SPDX-License-Identifier: AGPL-3.0-or-later

// Command loadgen fills an instance of the service over its API with sample data, and
// reports the speed.
//
//	go -C tools/loadgen run . -server http://127.0.0.1:5000 -admin-token KEY -clients 4 -analyses 5
//
// It creates the clients with the admin's key. The data depends on the flags alone:
// filling an instance a second time stores nothing new.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

func main() { service.Main("loadgen", run) }

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	filler, plan, err := parse(args, time.Now(), progress)
	if err != nil {
		return err
	}
	dataset, err := load.New(plan)
	if err != nil {
		return err
	}
	if isTerminal(progress) {
		filler.Progress = func(done, of int) { fmt.Fprintf(progress, "\r%d of %d requests", done, of) }
		defer fmt.Fprintln(progress)
	}
	result, err := filler.Fill(ctx, dataset)
	if result.Posts > 0 {
		report(out, dataset, result)
	}
	return err
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// parse reads the flags.
func parse(args []string, now time.Time, usage io.Writer) (load.Filler, load.Plan, error) {
	filler, plan := load.Filler{}, load.Plan{Until: now.UTC()}
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&filler.Server, "server", "http://127.0.0.1:5000", "base URL of the instance")
	flags.StringVar(&filler.AdminToken, "admin-token", "", "API key of an admin, who creates the clients (default: ADMIN_TOKEN)")
	flags.IntVar(&filler.Writers, "writers", 4, "number of concurrent requests")
	flags.IntVar(&plan.Clients, "clients", 4, "clients, each an organisation")
	flags.IntVar(&plan.Analyses, "analyses", 5, "analyses of each client")
	flags.IntVar(&plan.Days, "days", 365, "length of the period in days")
	flags.IntVar(&plan.Step, "step", 7, "days between two stats of an analysis")
	flags.IntVar(&plan.Changed, "changed", 10, "on how many of 100 days an analysis differs from the day before")
	flags.Uint64Var(&plan.Seed, "seed", 1, "another seed gives other clients with other data")
	flags.IntVar(&plan.PerPost, "per-post", 0, "analyses in one request, 0 for all of a client")
	flags.BoolVar(&plan.Thin, "thin", false, "leave out data that no result needs, for many rows on a small disk")
	flags.IntVar(&plan.Objects, "objects", 0, "with -thin, the most threats or vulnerabilities of a stat, 0 for all")
	flags.IntVar(&plan.Distinct, "distinct", 0, "generate this many analyses and repeat their data, 0 to generate each")
	types := flags.String("types", "", "comma-separated types of stats (default: all five)")
	until := flags.String("until", "", "last day of the period, YYYY-MM-DD (default: today)")
	if err := service.Parse(flags, args); err != nil {
		return filler, plan, err
	}
	err := finish(&filler, &plan, *types, *until)
	return filler, plan, err
}

// finish checks and parses the values that the flag package cannot.
func finish(filler *load.Filler, plan *load.Plan, types, until string) error {
	if filler.AdminToken == "" {
		filler.AdminToken = os.Getenv("ADMIN_TOKEN") // not the flag's default, which -help would show
	}
	if filler.AdminToken == "" {
		return errors.New("set -admin-token, or ADMIN_TOKEN, to the API key of an admin of the instance")
	}
	if filler.Writers < 1 {
		return errors.New("-writers must be at least 1")
	}
	if types != "" {
		for name := range strings.SplitSeq(types, ",") {
			plan.Types = append(plan.Types, stats.Type(strings.TrimSpace(name)))
		}
	}
	if until == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, until)
	if err != nil {
		return fmt.Errorf("-until is %q; accepted is a day such as 2026-03-31", until)
	}
	plan.Until = day
	return nil
}

func report(out io.Writer, d *load.Dataset, r load.Result) {
	fmt.Fprintf(out, "%d requests with %d stats, %.1f MB, in %.1f s\n", r.Posts, r.Stats, float64(r.Bytes)/1e6, r.Elapsed.Seconds())
	fmt.Fprintf(out, "%.1f requests/s, %.0f stats/s, %.1f MB/s\n", r.PostsPerSecond(), r.StatsPerSecond(), r.BytesPerSecond()/1e6)
	if r.Busy > 0 {
		fmt.Fprintf(out, "the service was busy %d times\n", r.Busy)
	}
	if r.Posts == d.Len() {
		fmt.Fprintf(out, "the first client is %q, its API key %s\n", d.Names()[0], load.Token(d.Names()[0]))
	}
}
