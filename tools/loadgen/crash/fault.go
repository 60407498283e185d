// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// Names of faults that need something that not every machine has.
const (
	fullDisk        = "the disk is full"
	clockOfDatabase = "the clock of the database jumps"
)

// fault is one kind of failure.
type fault struct {
	name    string
	kill    bool // processes are killed
	private bool // for a service with a private database
	// happen causes the failure and repairs it, as an operator or a supervisor would.
	// since is when the failure ended, or when a process was killed that is started again.
	happen func(ctx context.Context, s *stage, with *dice) (since time.Time, err error)
}

var allFaults = []fault{
	{"the service is killed", true, false, killService},
	{"the database is killed", true, false, killDatabase},
	{"one process of the database is killed", true, false, killOne},
	{"service and database are killed", true, false, killBoth},
	{"connections to the database are cut", false, false, cut},
	{"packets to the database are dropped", false, false, drop},
	{"packets to the database are delayed", false, false, delay},
	{"the database is frozen", false, false, freeze},
	{"statement_timeout ends statements", false, false, timeOut},
	{"another session's lock uses up the pool", false, false, lock},
	{"other clients take all connections", false, false, exhaust},
	{fullDisk, false, false, fillDisk},
	{clockOfDatabase, false, false, putClockOfDatabase},
	{"the clock of the service jumps", false, false, putClockOfService},
	{"private database: the service is killed", true, true, killService},
	{"private database: the database is killed", true, true, killOwnDatabase},
	{"private database: everything is killed", true, true, killEverything},
	{"private database: power cut, stale lock files", true, true, cutPower},
}

// dice makes the random choices of a fault. Equal seeds make equal choices.
type dice struct {
	*rand.Rand
	longest time.Duration // upper limit for the duration of a failure
}

// coin is true half of the time.
func (d *dice) coin() bool { return d.IntN(2) == 0 }

// duration chooses how long a failure lasts.
func (d *dice) duration() time.Duration {
	return d.longest/4 + time.Duration(d.Int64N(int64(3*d.longest/4)))
}

// last waits for the duration of a failure.
func (d *dice) last(ctx context.Context) error { return pause(ctx, d.duration()) }

// untilTimeout chooses how long a failure lasts during which requests only wait: one time in
// three longer than they may.
func (d *dice) untilTimeout() time.Duration {
	if d.IntN(3) == 0 {
		return requestTimeout + time.Second
	}
	return d.duration()
}

// moment waits for up to a tenth of a second.
func (d *dice) moment(ctx context.Context) error {
	return pause(ctx, time.Duration(d.Int64N(int64(100*time.Millisecond))))
}
