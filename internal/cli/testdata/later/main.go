// SPDX-License-Identifier: AGPL-3.0-or-later

// Command later is stats-service, for which an hour passes at each SIGUSR1.
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
	environment.Ticks = func(time.Duration) <-chan time.Time { return ticks }
	go func() {
		for range later {
			passed.Add(int64(time.Hour))
			ticks <- environment.Now()
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args, environment)
	stop()
	os.Exit(code)
}
