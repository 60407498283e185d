// SPDX-License-Identifier: AGPL-3.0-or-later

package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	probeInterval = 2 * time.Second
	// probeTimeout bounds a probe, and how long a query waits to be sent to a
	// replica.
	probeTimeout = 2 * time.Second
	// stallTimeout is how long a replica that fails its probe may leave a query
	// unanswered.
	stallTimeout = 2 * probeTimeout
)

// health is what the last probe of a replica found.
type health int32

const (
	unknown health = iota // not probed yet
	usable
	behind
	down // it cannot be asked, or is no replica of the primary
)

// String implements fmt.Stringer.
func (h health) String() string { return [...]string{"unknown", "usable", "behind", "down"}[h] }

// Health lists what was last seen of each replica: "unknown", "usable", "behind" or
// "down".
func (r *Replicas) Health() []string {
	found := []string{}
	for _, one := range r.all {
		found = append(found, health(one.health.Load()).String())
	}
	return found
}

// keepProbing probes primary and replicas until ctx ends.
func (r *Replicas) keepProbing(ctx context.Context) {
	for {
		r.probe(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.interval):
		case <-r.soon:
		}
	}
}

// probeSoon has the next probe begin now, because the primary seems to be gone.
func (r *Replicas) probeSoon() {
	select {
	case r.soon <- struct{}{}:
	default:
	}
}

// probe samples the primary and then sees which replicas are usable. They must have
// reached what was required before the sample: a replica that is as far as the
// primary was a moment ago catches up when a query comes.
func (r *Replicas) probe(ctx context.Context) {
	required, known := r.tracker.required(time.Now())
	id, err := r.samplePrimary(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "the primary does not say where its log ends; read replicas will go unused", slog.String("error", err.Error()))
	}
	if !known {
		required, known = r.tracker.required(time.Now())
	}
	if err != nil || !known {
		return // acquire knows how long that is good for
	}
	var probes sync.WaitGroup
	for _, one := range r.all {
		probes.Go(func() { r.probeReplica(ctx, one, id, required) })
	}
	probes.Wait()
}

func (r *Replicas) samplePrimary(ctx context.Context) (identity, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	before, taken := r.tracker.count(), time.Now()
	p, err := scanPosition(r.primary.Pool.QueryRow(ctx, endStatement))
	if err != nil {
		r.tracker.lose()
		return identity{}, r.primary.Translate(ctx, err)
	}
	r.tracker.addSample(taken, p, before)
	return r.primary.identify(ctx, r.primary.Pool)
}

func (r *Replicas) probeReplica(ctx context.Context, one *replica, primary identity, required lsn) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	at, err := r.primary.replayedBy(limited, one.pool, primary)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.set(ctx, one, down, err.Error())
		one.conns.CloseStalled(time.Now().Add(-stallTimeout))
	case at < required:
		r.set(ctx, one, behind, fmt.Sprintf("it is behind by %d bytes of the log", required-at))
	default:
		r.set(ctx, one, usable, "")
	}
}

// set notes the health of a replica and logs a change.
func (r *Replicas) set(ctx context.Context, one *replica, now health, reason string) {
	before := health(one.health.Swap(int32(now)))
	if before == now {
		return
	}
	if now == usable {
		r.log.InfoContext(ctx, "read replica is used", slog.String("replica", one.name))
		return
	}
	r.log.WarnContext(ctx, "read replica is not used", slog.String("replica", one.name), slog.String("reason", reason))
}

// failed leaves a replica alone until the next probe where a query could not reach
// it.
func (r *Replicas) failed(ctx context.Context, one *replica, err error) {
	if !errors.Is(err, stats.ErrUnavailable) { // or it is translated already
		err = r.primary.Translate(ctx, err)
	}
	if errors.Is(err, stats.ErrUnavailable) || errors.Is(err, stats.ErrBusy) {
		r.set(ctx, one, down, err.Error())
		return
	}
	r.log.DebugContext(ctx, "read replica failed; asking the primary", slog.String("replica", one.name), slog.Any("error", err))
}

// identity tells databases apart.
type identity struct {
	system      string // of a cluster, and of all replicas of it
	database    string
	distributed bool // an LSN of one node says nothing about the others
}

const identityStatement = `SELECT system_identifier::text, current_database()::text FROM pg_control_system()`

func (p Primary) identify(ctx context.Context, conn Querier) (id identity, err error) {
	if err = conn.QueryRow(ctx, identityStatement).Scan(&id.system, &id.database); err == nil {
		id.distributed, err = p.Distributed(ctx, conn)
	}
	return id, p.Translate(ctx, err)
}

var (
	errDistributed = errors.New("the database is distributed, where read replicas of one node are not consistent: take DATABASE_READ_URL out of the settings")
	errNoReplica   = errors.New("the server is no replica: it accepts writes")
	errOther       = errors.New("the server is a replica of another database than the primary")
)

// replayedBy returns how far a replica of the primary is.
func (p Primary) replayedBy(ctx context.Context, conn Querier, primary identity) (lsn, error) {
	if primary.distributed {
		return 0, errDistributed
	}
	at, err := replayed(ctx, conn)
	if err != nil {
		return 0, p.Translate(ctx, err)
	}
	if at == 0 {
		return 0, errNoReplica
	}
	found, err := p.identify(ctx, conn)
	if err != nil {
		return 0, err
	}
	if found != primary {
		return 0, errOther
	}
	return at, nil
}
