// SPDX-License-Identifier: AGPL-3.0-or-later

// Command stats-service collects the statistics of MONARC risk analyses and returns them,
// filtered or averaged. See stats-service --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/monarc-project/stats-service/internal/cli"
)

// The heap is small, so garbage collection at Go's default, whenever the heap has doubled,
// takes a fifth of the processor time of a post. These settings let it triple, up to
// memoryLimit bytes in all. GOGC and GOMEMLIMIT in the environment override them.
const (
	gcPercent   = 200
	memoryLimit = 400 << 20
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A closed pipe must not kill the process before its database: writes fail instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := cli.Run(ctx, os.Args, cli.System())
	stop()
	os.Exit(code)
}
