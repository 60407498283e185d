// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures the service and prints a table: how many stats it
// takes, how long its answers take, what memory it uses, and beside each figure
// its floor: the same rows through bare SQL, or the same bytes from a plain
// net/http handler. It ends with the goals and whether they were met.
//
//	go -C tools/loadgen run ./bench -quick
//
// It builds the service, and runs it on a PostgreSQL of its own in a temporary
// folder. Nothing is left behind.
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

// options say what is measured, and how thoroughly.
type options struct {
	quick    bool
	only     []string      // names of scenarios; none: all
	sizes    []int         // rows a type for the answers
	others   []int         // analyses beside those that the front office asks for
	posts    int           // requests for each number of writers; a multiple of postRounds times the writers
	spell    time.Duration // of counting requests
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

// scenarioNames in the order in which they run.
var scenarioNames = []string{"posts", "service", "question", "answers"}

// scenario returns what measures one. Each has databases of its own.
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
	flags.DurationVar(&o.limit, "limit", 0, "stop after this time and print what there is (default 60m, with -quick 10m)")
	flags.StringVar(&o.binary, "binary", "", "stats-service to measure (default: build it)")
	flags.StringVar(&o.markdown, "markdown", "", "absolute path of a file to write the tables to as well; of docs/performance.md, only they are replaced")
	only := flags.String("only", "", "comma-separated scenarios of posts, service, question, answers (default: all)")
	sizes := flags.String("sizes", "", "comma-separated rows a type for the answers (default 1040,10400,104000, with -quick the first two)")
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
			return fmt.Errorf("-only names the unknown scenario %q; there are %s", name, strings.Join(scenarioNames, ", "))
		}
	}
	return nil
}

// chooseSizes reads ascending multiples of what one analysis adds.
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
		return errors.New("-sizes must ascend: each is reached by adding to the one before")
	}
	return nil
}
