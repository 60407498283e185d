// SPDX-License-Identifier: AGPL-3.0-or-later

// Pusher pushes all stats of a database, as a process that tests can measure
// and kill. Its arguments are the address of the database, that of the peer, the
// token, and the number of stats in a batch. It prints the summary as JSON, with
// the most memory that it had, in kilobytes, where the system tells (Linux).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return errors.New("usage: pusher DATABASE SERVER TOKEN BATCH")
	}
	count, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, postgres.Options{URL: args[0], Secret: secret.New("secret key of the tests")})
	if err != nil {
		return err
	}
	defer store.Close()
	clients, err := store.Clients(ctx)
	if err != nil {
		return err
	}
	summary, err := peer.Push(ctx, peer.PushOptions{
		Remote: peer.Remote{Server: args[1], Token: args[2]}, Store: store, Clients: clients, BatchCount: count,
		From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		peer.Summary
		PeakMemory int `json:"peak_memory"`
	}{summary, peakMemory()})
}

// peakMemory is of this program alone. The ru_maxrss that its parent gets counts,
// on Linux, what the parent had when it forked.
func peakMemory() (kilobytes int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			_, _ = fmt.Sscan(value, &kilobytes) // what cannot be read is not known
		}
	}
	return kilobytes
}
