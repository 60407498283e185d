// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// mostWritesPause is how long writes may be interrupted.
	mostWritesPause = 15 * time.Second
	// settled is how many posts and reads must succeed between two events.
	settled = 100
	// returnAfter is how long after writes resume a frozen node continues, or a killed one
	// is restarted.
	returnAfter = 2 * time.Second
)

// event is something that happens to the cluster under load.
type event struct {
	name string
	// strike causes the event, and restore repairs its effects; nil if there are none.
	strike  func(ctx context.Context, c *cluster, primary, standby *node) error
	restore func(c *cluster, primary, standby *node) error
}

func restart(c *cluster, n *node) error {
	<-n.patroni.exited
	return c.startNode(n)
}

var (
	nodeKilled = event{"the primary's node is killed: PostgreSQL and Patroni",
		func(_ context.Context, _ *cluster, primary, _ *node) error {
			primary.signal(syscall.SIGKILL)
			return nil
		},
		func(c *cluster, primary, _ *node) error { return restart(c, primary) }}
	postgresKilled = event{"the primary's PostgreSQL is killed",
		func(_ context.Context, _ *cluster, primary, _ *node) error { primary.crash(); return nil }, nil}
	nodeFrozen = event{"the primary's node freezes, connections stay open",
		func(_ context.Context, _ *cluster, primary, _ *node) error {
			primary.signal(syscall.SIGSTOP)
			return nil
		},
		func(_ *cluster, primary, _ *node) error { primary.signal(syscall.SIGCONT); return nil }}
	standbyKilled = event{"the node of a standby is killed",
		func(_ context.Context, _ *cluster, _, standby *node) error {
			standby.signal(syscall.SIGKILL)
			return nil
		},
		func(c *cluster, _, standby *node) error { return restart(c, standby) }}
	switchedOver = event{"switchover (`patronictl switchover`)",
		func(ctx context.Context, c *cluster, primary, standby *node) error {
			return c.switchOver(ctx, primary, standby)
		}, nil}
)

// trial is a service on a cluster under load.
type trial struct {
	cluster  *cluster
	load     *load
	progress io.Writer
	faults   []error
}

// result has the results of the events of one kind.
type result struct {
	event
	writes, reads, posts []time.Duration
	statuses             map[int]int
}

// run causes an event this many times.
func (t *trial) run(ctx context.Context, e event, times int) (result, error) {
	o := result{event: e, statuses: map[int]int{}}
	for i := range times {
		found, err := t.once(ctx, e)
		if err != nil {
			return o, fmt.Errorf("%s, %d of %d: %w", e.name, i+1, times, err)
		}
		o.writes, o.reads, o.posts = append(o.writes, found.writesPaused), append(o.reads, found.readsPaused), append(o.posts, found.longestPost)
		for status, n := range found.statuses {
			o.statuses[status] += n
		}
		fmt.Fprintf(t.progress, "%s, %d of %d: no write for %s, no read for %s, slowest post %s, refused %v, %d stats acknowledged\n", e.name, i+1, times,
			inSeconds(found.writesPaused), inSeconds(found.readsPaused), inSeconds(found.longestPost), found.statuses, len(found.acknowledged))
	}
	return o, nil
}

// once causes an event, waits until the cluster is complete again, and checks for lost
// stats.
func (t *trial) once(ctx context.Context, e event) (measurement, error) {
	roles, err := t.cluster.awaitWhole(ctx)
	if err != nil {
		return measurement{}, err
	}
	if err := t.load.awaitCalls(ctx, time.Now(), settled); err != nil {
		return measurement{}, err
	}
	t.load.measure(time.Now(), time.Now()) // ignore what happened before
	begun := time.Now()
	primary, standby := roles["leader"], roles["sync_standby"]
	if err := e.strike(ctx, t.cluster, primary, standby); err != nil {
		return measurement{}, err
	}
	if err := t.load.awaitCalls(ctx, time.Now().Add(time.Second), 1); err != nil {
		return measurement{}, err
	}
	if err := pause(ctx, returnAfter); err != nil {
		return measurement{}, err
	}
	if e.restore != nil {
		if err := e.restore(t.cluster, primary, standby); err != nil {
			return measurement{}, err
		}
	}
	if _, err := t.cluster.awaitWhole(ctx); err != nil {
		return measurement{}, err
	}
	if err := t.load.awaitCalls(ctx, time.Now(), settled); err != nil {
		return measurement{}, err
	}
	found := t.load.measure(begun, time.Now())
	return found, t.judge(ctx, e, found)
}

// judge records faults. The error is that of the check itself.
func (t *trial) judge(ctx context.Context, e event, found measurement) error {
	if found.writesPaused > mostWritesPause {
		t.faults = append(t.faults, fmt.Errorf("%s: no write for %s", e.name, inSeconds(found.writesPaused)))
	}
	if found.missing > 0 {
		t.faults = append(t.faults, fmt.Errorf("%s: %d reads did not find an acknowledged stat", e.name, found.missing))
	}
	for status, n := range found.statuses {
		if status != 503 {
			t.faults = append(t.faults, fmt.Errorf("%s: %d answers with status %d", e.name, n, status))
		}
	}
	there, twice, err := t.stored(ctx)
	if err != nil {
		return err
	}
	if twice > 0 {
		t.faults = append(t.faults, fmt.Errorf("%s: %d stats are stored twice", e.name, twice))
	}
	lost := 0
	for _, stat := range found.acknowledged {
		if !there[stat.UUID] {
			lost++
		}
	}
	if lost > 0 {
		t.faults = append(t.faults, fmt.Errorf("%s: %d of %d acknowledged stats are lost", e.name, lost, len(found.acknowledged)))
	}
	return nil
}

// stored returns the UUIDs of all stats, and the number of duplicates.
func (t *trial) stored(ctx context.Context) (there map[uuid.UUID]bool, twice int, err error) {
	there = map[uuid.UUID]bool{}
	err = t.cluster.query(ctx, database, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT uuid::text FROM stats")
		if err != nil {
			return err
		}
		var text string
		if _, err = pgx.ForEachRow(rows, []any{&text}, func() error { there[uuid.MustParse(text)] = true; return nil }); err != nil {
			return err
		}
		return conn.QueryRow(ctx, "SELECT count(*) - count(DISTINCT (client_id, anr, type, date, digest)) FROM stats").Scan(&twice)
	})
	return there, twice, err
}

// finish ends the load, after which every post is stored, and compares.
func (t *trial) finish(ctx context.Context) error {
	if err := t.load.end(); err != nil {
		return err
	}
	there, twice, err := t.stored(ctx)
	if err != nil {
		return err
	}
	acknowledged := t.load.measure(time.Now(), time.Now()).acknowledged
	if len(there) != len(acknowledged) || twice > 0 {
		t.faults = append(t.faults, fmt.Errorf("%d stats are stored, %d of them twice, and %d were acknowledged", len(there), twice, len(acknowledged)))
	}
	fmt.Fprintf(t.progress, "%d stats acknowledged, %d stored\n", len(acknowledged), len(there))
	return errors.Join(t.faults...)
}

// table writes results as a table in Markdown.
func table(w io.Writer, through string, results []result) {
	fmt.Fprintf(w, "\n| %s | times | no write, median | no write, most | no read, median | no read, most | slowest post | refused with 503 |\n|---|---|---|---|---|---|---|---|\n", through)
	for _, o := range results {
		if len(o.writes) == 0 {
			continue
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s | %s | %s | %d |\n", o.name, len(o.writes), inSeconds(median(o.writes)), inSeconds(slices.Max(o.writes)),
			inSeconds(median(o.reads)), inSeconds(slices.Max(o.reads)), inSeconds(slices.Max(o.posts)), o.statuses[503])
	}
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
