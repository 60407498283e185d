// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	startRepeats  = 5
	meConnections = 16
	// idleAfter is how long a service is left alone before it counts as idle.
	idleAfter = 3 * time.Second
)

// measureService measures what does not depend on the stats: the time of a start, the
// memory of an idle service, and the rate of the smallest answer.
func (b *bench) measureService(ctx context.Context) error {
	database, err := b.database(ctx, "service")
	if err != nil {
		return err
	}
	key, err := b.fillSome(ctx, database)
	if err != nil {
		return err
	}
	table := b.report.table("The service itself",
		"Ready is the time from the start of the process to its first answer to `client/me`. Baseline of the requests: as many bytes from a plain handler.",
		"what", "measured", "baseline", "share of the baseline")
	ready, err := b.measureStarts(ctx, "DATABASE_URL="+database)
	if err != nil {
		return fmt.Errorf("start on a database: %w", err)
	}
	table.row("ready on an existing database", ms(ready), none, none)
	b.report.goals.reach(readyTime, ready.Seconds()*1000)
	if ready, err = b.measureStarts(ctx); err != nil {
		return fmt.Errorf("start with the private database: %w", err)
	}
	table.row("ready with the private database, which starts too", ms(ready), none, none)
	return b.measureIdle(ctx, database, key, table)
}

// fillSome stores 10 weeks of 20 analyses and returns the API key of a client.
func (b *bench) fillSome(ctx context.Context, database string) (key string, err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	plan := load.Plan{Seed: 1, Clients: 4, Analyses: 5, Days: 70, Step: 7, Until: time.Now().UTC(), Changed: usual}
	dataset, _, err := b.fill(ctx, s, plan, 4, false)
	if err != nil {
		return "", err
	}
	return load.Token(dataset.Names()[0]), nil
}

// measureStarts returns the median of several starts, after one that may create files.
func (b *bench) measureStarts(ctx context.Context, settings ...string) (time.Duration, error) {
	var took []time.Duration
	for i := range 1 + startRepeats {
		s, err := b.serve(ctx, settings...)
		if err != nil {
			return 0, err
		}
		if err := s.Stop(); err != nil {
			return 0, err
		}
		if i > 0 {
			took = append(took, s.Ready)
		}
	}
	return median(took), nil
}

func (b *bench) measureIdle(ctx context.Context, database, key string, table *section) (err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := pause(ctx, idleAfter); err != nil {
		return err
	}
	if now, _, err := service.Memory(s.PID); err == nil {
		table.row("resident memory, idle after the start", megabytes(now), none, none)
		b.report.goals.reach(idleMemory, float64(now)/1e6)
	}
	return b.measureMe(ctx, s, key, table)
}

func (b *bench) measureMe(ctx context.Context, s *service.Process, key string, table *section) error {
	me := request{path: "/api/v1/client/me", key: key}
	t, err := times(ctx, s.URL, 200, b.spell, func(int) request { return me })
	if err != nil {
		return err
	}
	perSec, err := rate(ctx, s.URL, meConnections, b.spell, me, http.StatusOK)
	if err != nil {
		return err
	}
	baseline, err := plainRate(ctx, fixed(t.last.bytes), meConnections, b.spell, me, http.StatusOK)
	if err != nil {
		return err
	}
	table.row(fmt.Sprintf("`client/me`, %d connections", meConnections), perSecond(perSec), perSecond(baseline), percent(perSec/baseline))
	b.report.goals.reach(meRate, perSec)
	return nil
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
