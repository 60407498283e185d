// SPDX-License-Identifier: AGPL-3.0-or-later

// Command soak puts a mixed load on the service for a long time, half of its capacity, and
// checks that nothing grows: memory, goroutines, connections, open files and, in runs of
// 15 minutes and more, the time that requests take.
//
//	go -C tools/loadgen run ./soak -duration 1h
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
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	stopTimeout = time.Minute
	shortest    = 30 * time.Second
)

// options choose the duration and the rate.
type options struct {
	duration time.Duration
	rate     float64 // requests per second; 0: half of the service's capacity
}

func main() { service.Main("soak", run) }

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.DurationVar(&o.duration, "duration", time.Hour, "how long the load lasts")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second (default: half of the service's capacity)")
	if err := service.Parse(flags, args); err != nil {
		return o, err
	}
	if o.duration < shortest || o.rate < 0 {
		return o, fmt.Errorf("-duration must be at least %s, -rate not negative", shortest)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "stats-service-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // under root, PostgreSQL runs as another user
		return err
	}
	log := slog.New(slog.NewTextHandler(progress, nil))
	log.Info("building the service")
	binary := filepath.Join(dir, "stats-service")
	if err := service.Build(ctx, binary); err != nil {
		return err
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: filepath.Join(dir, "db"), NoSync: true, DieWithParent: true})
	if err != nil {
		return err
	}
	defer func() {
		limited, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = errors.Join(err, server.Stop(limited))
	}()
	metrics, err := service.FreeAddress()
	if err != nil {
		return err
	}
	env := service.Environment("DATABASE_URL="+server.URL(), "METRICS_LISTEN="+metrics, "DATA_DIR="+filepath.Join(dir, "data"), "LOG_LEVEL=warn")
	initialize := exec.CommandContext(ctx, binary, "db_init")
	initialize.Env = env
	if err := service.Output(initialize); err != nil {
		return fmt.Errorf("initialize the database: %w", err)
	}
	process, err := service.Start(service.Options{Binary: binary, Env: env, Log: filepath.Join(dir, "service.log")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, process.Stop()) }()
	if err := process.AwaitReady(ctx); err != nil {
		return err
	}
	s := &soak{options: o, log: log, process: process, metrics: "http://" + metrics + "/metrics"}
	return s.soak(ctx, out)
}

// soak is a run.
type soak struct {
	options
	log     *slog.Logger
	process *service.Process
	metrics string
	mix     *mix
}

func (s *soak) soak(ctx context.Context, out io.Writer) (err error) {
	if s.mix, err = newMix(ctx, s.process.URL); err != nil {
		return err
	}
	if s.rate == 0 {
		most, err := s.mix.capacity(ctx)
		if err != nil {
			return err
		}
		s.rate = most / 2
		s.log.Info("measured", "most_requests_per_second", int(most))
	}
	samples, times, err := s.load(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d requests in %s, %d a second.\n\n", times.count(), s.duration, int(s.rate))
	return errors.Join(report(out, samples, s.duration), times.report(out), s.mix.failed())
}

// load puts the load on the service and watches it.
func (s *soak) load(ctx context.Context) (samples []sample, times *latencies, err error) {
	limited, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	times = newLatencies(s.duration)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.mix.run(limited, s.rate, times.note)
	}()
	for tick := time.NewTicker(sampleEvery(s.duration)); ; {
		select {
		case <-tick.C:
			sample, err := s.take(ctx)
			if err != nil {
				return nil, nil, err
			}
			samples = append(samples, sample)
		case <-s.process.Ended():
			return nil, nil, errors.New("the service has ended" + s.process.LogTail())
		case <-done:
			tick.Stop()
			return samples, times, ctx.Err()
		}
	}
}

// sampleEvery returns the sampling interval: some 700 samples per hour, and enough in a
// minute.
func sampleEvery(duration time.Duration) time.Duration {
	return min(max(duration/200, 200*time.Millisecond), 5*time.Second)
}
