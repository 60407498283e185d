// SPDX-License-Identifier: AGPL-3.0-or-later

// Command skewed is the service with a clock that can be set while it runs: the file that
// CRASH_CLOCK names has the offset, such as -2h. libfaketime cannot do that for a Go
// program, which asks the kernel directly.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/monarc-project/stats-service/internal/cli"
)

const readEvery = 20 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var offset atomic.Int64
	read(os.Getenv("CRASH_CLOCK"), &offset)
	go func() {
		for range time.Tick(readEvery) {
			read(os.Getenv("CRASH_CLOCK"), &offset)
		}
	}()
	environment := cli.System()
	environment.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	code := cli.Run(ctx, os.Args, environment)
	stop()
	os.Exit(code)
}

// read keeps the offset if the file is just being written.
func read(path string, offset *atomic.Int64) {
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	if by, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
		offset.Store(int64(by))
	}
}
