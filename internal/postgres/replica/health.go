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
	// probeTimeout bounds a probe, and how long a query waits for a replica.
	probeTimeout = 2 * time.Second
	// stallTimeout is how long a query may wait for a replica that fails its probe.
	stallTimeout = 2 * probeTimeout
)

// health is the result of the last probe of a replica.
type health int32

const (
	unknown health = iota // not probed yet
	usable
	behind
	down // it is unreachable, or not a replica of the primary
)

// String implements fmt.Stringer.
func (h health) String() string { return [...]string{"unknown", "usable", "behind", "down"}[h] }

// Health returns the last known health of each replica: "unknown", "usable", "behind"
// or "down".
func (r *Replicas) Health() []string {
	found := []string{}
	for _, one := range r.all {
		found = append(found, health(one.health.Load()).String())
	}
	return found
}

// keepProbing probes the primary and the replicas until ctx ends.
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

// probeSoon starts the next probe now, because the primary seems to be lost.
func (r *Replicas) probeSoon() {
	select {
	case r.soon <- struct{}{}:
	default:
	}
}

// probe samples the primary and then checks which replicas are usable. A replica must
// have reached the LSN that was required before the sample: it can catch up with the
// rest while a query waits.
func (r *Replicas) probe(ctx context.Context) {
	required, known := r.tracker.required(time.Now())
	id, err := r.samplePrimary(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "cannot read the end of the primary's log; read replicas are not used", slog.String("error", err.Error()))
	}
	if !known {
		required, known = r.tracker.required(time.Now())
	}
	if err != nil || !known {
		return // acquire limits how long the old sample is used
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

// set records the health of a replica and logs changes.
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

// failed takes a replica out of use until the next probe, if a query could not reach
// it.
func (r *Replicas) failed(ctx context.Context, one *replica, err error) {
	if !errors.Is(err, stats.ErrUnavailable) { // otherwise it has been translated already
		err = r.primary.Translate(ctx, err)
	}
	if errors.Is(err, stats.ErrUnavailable) || errors.Is(err, stats.ErrBusy) {
		r.set(ctx, one, down, err.Error())
		return
	}
	r.log.DebugContext(ctx, "read replica failed; using the primary", slog.String("replica", one.name), slog.Any("error", err))
}

// identity identifies a database.
type identity struct {
	system      string // shared by a cluster and all of its replicas
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
	errDistributed = errors.New("the database is distributed, so read replicas of one node are not consistent: remove DATABASE_READ_URL from the settings")
	errNoReplica   = errors.New("the server is not a replica: it accepts writes")
	errOther       = errors.New("the server is not a replica of the primary, but of another database")
)

// replayedBy returns the LSN that a replica of the primary has replayed.
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
