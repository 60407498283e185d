// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

// Command crash repeatedly kills the service and its database, and causes other failures
// that happen in practice, while front offices post and delete. After each failure, every
// acknowledged stat must be stored once, every acknowledged deletion must be done, and the
// rollups must match the stats.
//
//	go -C tools/loadgen run ./crash -kills 200
//
// It builds the service, and runs it on separate PostgreSQL servers in a temporary folder,
// which it removes unless something was wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// options choose the failures and their number.
type options struct {
	kills   int // 0: each fault once
	seed    uint64
	without []string // names of faults that are left out
	only    string   // part of the names of the faults to cause
}

func main() { service.Main("crash", run) }

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&o.kills, "kills", 0, "how often processes are killed; other faults are a quarter as frequent each (default: each fault once)")
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the random choices of another run (default: random)")
	flags.StringVar(&o.only, "only", "", "cause only faults whose names contain this")
	flags.Func("without", "name of a fault to leave out; may be repeated", func(name string) error {
		if !slices.ContainsFunc(allFaults, func(f fault) bool { return f.name == name }) {
			return fmt.Errorf("no fault has the name %q", name)
		}
		o.without = append(o.without, name)
		return nil
	})
	if err := service.Parse(flags, args); err != nil {
		return o, err
	}
	if o.kills < 0 {
		return o, errors.New("-kills must not be negative")
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1 << 32)
	}
	return o, nil
}

// random returns the random numbers of a stream.
func (o *options) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(o.seed, stream)) }

// plan returns the faults in order: first those with a configured database, then those
// with a private one.
func (o options) plan() (plan []fault) {
	chosen := slices.DeleteFunc(slices.Clone(allFaults), func(f fault) bool {
		return slices.Contains(o.without, f.name) || !strings.Contains(f.name, o.only)
	})
	kills := 0
	for _, f := range chosen {
		if f.kill {
			kills++
		}
	}
	n := 0
	for _, f := range chosen {
		times := 1
		switch {
		case o.kills > 0 && f.kill:
			times = o.kills / kills
			if n < o.kills%kills {
				times++
			}
			n++
		case o.kills > 0:
			times = max(1, o.kills/max(1, kills)/4)
		}
		for range times {
			plan = append(plan, f)
		}
	}
	o.random(0).Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	slices.SortStableFunc(plan, func(a, b fault) int {
		switch {
		case a.private == b.private:
			return 0
		case b.private:
			return -1
		}
		return 1
	})
	return plan
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stats-service-crash-")
	if err != nil {
		return err
	}
	r := &runner{options: o, dir: dir, log: slog.New(slog.NewTextHandler(progress, nil)), started: time.Now(), results: map[string]*result{}}
	r.log.Info("crash", "seed", o.seed, "faults", len(o.plan()))
	err = r.all(ctx)
	r.write(out)
	if r.wrong() || err != nil {
		return errors.Join(err, fmt.Errorf("something was wrong; -seed %d repeats the choices; logs and databases are in %s", o.seed, dir))
	}
	return os.RemoveAll(dir)
}

// runner is a run.
type runner struct {
	options
	dir     string
	log     *slog.Logger
	started time.Time
	results map[string]*result // by the name of the fault
	ends    faults             // at the end of a stage, by the API
}

func (r *runner) all(ctx context.Context) error {
	if err := os.Chmod(r.dir, 0o711); err != nil { // under root, PostgreSQL's user passes through
		return err
	}
	binary, skewed := filepath.Join(r.dir, "stats-service"), filepath.Join(r.dir, "skewed")
	r.log.Info("building the service")
	if err := service.Build(ctx, binary); err != nil {
		return err
	}
	if err := service.BuildPackage(ctx, "./crash/skewed", skewed); err != nil {
		return err
	}
	plan := r.plan()
	middle := slices.IndexFunc(plan, func(f fault) bool { return f.private })
	if middle < 0 {
		middle = len(plan)
	}
	for i, part := range [][]fault{plan[:middle], plan[middle:]} {
		if len(part) == 0 {
			continue
		}
		small := slices.ContainsFunc(part, func(f fault) bool { return f.name == fullDisk })
		s, err := newStage(ctx, filepath.Join(r.dir, []string{"given", "own"}[i]), binary, skewed, i == 1, small)
		if err != nil {
			return err
		}
		if err := errors.Join(r.play(ctx, s, part, uint64(i+1)), s.close()); err != nil {
			return err
		}
	}
	return nil
}

// play causes the faults one after the other.
func (r *runner) play(ctx context.Context, s *stage, plan []fault, stream uint64) error {
	c, err := newCrowd(ctx, s.url(), service.AdminToken, r.seed)
	if err != nil {
		return err
	}
	with := &dice{r.random(stream), 2 * time.Second}
	if r.kills == 0 {
		with.longest = time.Second
	}
	c.start(ctx)
	defer c.end()
	for i, f := range plan {
		if err := r.one(ctx, s, c, with, f); err != nil {
			return fmt.Errorf("%s (%d of %d): %w", f.name, i+1, len(plan), err)
		}
	}
	c.pause.Lock()
	defer c.pause.Unlock()
	found, err := s.compareContents(ctx, c)
	r.ends.add(found)
	panics, readable := s.panics()
	if panics > 0 {
		err = errors.Join(err, fmt.Errorf("the log of the service contains the word panic %d times", panics))
	}
	return errors.Join(err, readable)
}

// one causes a fault and checks its effects.
func (r *runner) one(ctx context.Context, s *stage, c *crowd, with *dice, f fault) error {
	if err := pause(ctx, 200*time.Millisecond+time.Duration(with.Int64N(int64(400*time.Millisecond)))); err != nil {
		return err
	}
	since, err := f.happen(ctx, s, with)
	if err != nil {
		return err
	}
	recovery, err := c.recovery(ctx, since)
	if err != nil {
		words := s.process.LogTail()
		select {
		case <-s.process.Ended():
			words = "; the service has crashed" + words
		default:
			s.process.Dump() // the log says what hangs
		}
		return fmt.Errorf("%w%s", err, words)
	}
	if err := with.moment(ctx); err != nil {
		return err
	}
	c.pause.Lock()
	defer c.pause.Unlock()
	found, err := s.compare(ctx, c)
	if err != nil {
		return err
	}
	underived := s.checkRollups(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused := c.complaints()
	if len(refused) > 0 {
		causes, err := s.failuresLogged()
		if err != nil {
			return err
		}
		r.log.Error("the service has logged", "failures", causes)
	}
	posts, deletions := c.acknowledged()
	r.note(f, result{
		times: 1, posts: posts, deletions: deletions, faults: found, refused: refused, underived: underived, longest: recovery,
	})
	return nil
}
