// SPDX-License-Identifier: AGPL-3.0-or-later

// Command later is stats-service, for which an hour passes at each SIGUSR1, with all its
// ticks.
package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/monarc-project/stats-service/internal/cli"
)

func main() {
	later, ticks := make(chan os.Signal, 1), make(chan time.Time)
	signal.Notify(later, syscall.SIGUSR1)
	var passed atomic.Int64
	environment := cli.System()
	environment.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	var interval atomic.Int64
	environment.Ticks = func(every time.Duration) <-chan time.Time {
		interval.Store(int64(every))
		return ticks
	}
	go func() {
		for range later {
			for range int64(time.Hour) / interval.Load() {
				passed.Add(interval.Load())
				ticks <- environment.Now()
			}
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args, environment)
	stop()
	os.Exit(code)
}
