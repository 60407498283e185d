// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures the service: how many stats per second it stores, how long its
// answers take and how much memory it uses. It compares each figure with a baseline: the
// same rows through bare SQL, or the same bytes from a plain net/http handler. The report
// ends with the goals and whether they were met.
//
//	go -C tools/loadgen run ./bench -quick
//
// It builds the service, runs it on a separate PostgreSQL in a temporary folder, and
// removes that folder at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// options choose what is measured, and how thoroughly.
type options struct {
	quick    bool
	only     []string      // names of scenarios; none: all
	sizes    []int         // rows per type for the answers
	others   []int         // analyses besides those that the front office requests
	posts    int           // requests for each number of writers; a multiple of postRounds times the writers
	spell    time.Duration // how long requests are counted
	limit    time.Duration // of the whole run
	binary   string        // "": build it
	markdown string        // file to write the tables to as well
}

func main() { service.Main("bench", run) }

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	log := slog.New(slog.NewTextHandler(progress, nil))
	b, err := setUp(ctx, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.tearDown()) }()
	failed := b.measure(ctx)
	if err := b.write(ctx, out); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("not measured: %s", strings.Join(failed, ", "))
	}
	return nil
}

// scenarioNames lists the scenarios in the order in which they run.
var scenarioNames = []string{"posts", "service", "question", "answers"}

// scenario returns the function that measures a scenario. Each has its own databases.
func (b *bench) scenario(name string) func(context.Context) error {
	switch name {
	case "posts":
		return b.measurePosts
	case "service":
		return b.measureService
	case "question":
		return b.measureQuestion
	default:
		return b.measureAnswers
	}
}

// measure runs the scenarios and returns the names of those that failed.
func (b *bench) measure(ctx context.Context) (failed []string) {
	for _, name := range scenarioNames {
		if len(b.only) > 0 && !slices.Contains(b.only, name) {
			continue
		}
		b.log.Info("scenario", "name", name)
		if err := b.scenario(name)(ctx); err != nil {
			b.log.Error("the scenario was cut short", "name", name, "error", err)
			failed = append(failed, name)
		}
	}
	return failed
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.BoolVar(&o.quick, "quick", false, "smaller and shorter: a few minutes instead of ten or more")
	flags.DurationVar(&o.limit, "limit", 0, "stop after this time and print the results so far (default 60m, with -quick 10m)")
	flags.StringVar(&o.binary, "binary", "", "stats-service to measure (default: build it)")
	flags.StringVar(&o.markdown, "markdown", "", "absolute path of a file to also write the tables to; in docs/performance.md, only the tables are replaced")
	only := flags.String("only", "", "comma-separated scenarios of posts, service, question, answers (default: all)")
	sizes := flags.String("sizes", "", "comma-separated rows per type for the answers (default 1040,10400,104000, with -quick the first two)")
	if err := service.Parse(flags, args); err != nil {
		return o, err
	}
	o.defaults()
	return o, errors.Join(o.choose(*only), o.chooseSizes(*sizes))
}

func (o *options) defaults() {
	o.sizes, o.others, o.posts, o.spell = []int{1_040, 10_400, 104_000}, []int{asked, 100 * asked}, 384, 2*time.Second
	limit := time.Hour
	if o.quick {
		o.sizes, o.others, o.posts, o.spell = o.sizes[:2], []int{asked, 10 * asked}, 128, time.Second
		limit = 10 * time.Minute
	}
	if o.limit <= 0 {
		o.limit = limit
	}
}

func (o *options) choose(only string) error {
	if only == "" {
		return nil
	}
	o.only = strings.Split(only, ",")
	for _, name := range o.only {
		if !slices.Contains(scenarioNames, name) {
			return fmt.Errorf("-only names the unknown scenario %q; known are %s", name, strings.Join(scenarioNames, ", "))
		}
	}
	return nil
}

// chooseSizes reads ascending multiples of the rows that one client adds.
func (o *options) chooseSizes(sizes string) error {
	if sizes == "" {
		return nil
	}
	o.sizes = nil
	for text := range strings.SplitSeq(sizes, ",") {
		size, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || size < smallest || size%smallest != 0 {
			return fmt.Errorf("-sizes has %q; accepted are multiples of %d", text, smallest)
		}
		o.sizes = append(o.sizes, size)
	}
	if !slices.IsSorted(o.sizes) {
		return errors.New("-sizes must ascend: each database grows from the previous one")
	}
	return nil
}
