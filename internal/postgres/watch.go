package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// watch looks at primary and replicas every few seconds until ctx ends.
func (r *replicas) watch(ctx context.Context) {
	for {
		r.look(ctx)
		if sleep(ctx, r.pause) != nil {
			return
		}
	}
}

// look samples the primary and then sees which replicas are usable. What they
// must have reached is what was required before: who is as far as the primary
// was a moment ago catches up when it is asked.
func (r *replicas) look(ctx context.Context) {
	required, known := r.horizon.required(time.Now())
	origin, err := r.sample(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "the primary cannot be asked how far it is, and read replicas go unused before long", "error", err.Error())
	}
	if !known {
		required, known = r.horizon.required(time.Now())
	}
	if err != nil || !known {
		return // acquire knows how long that is good for
	}
	var looks sync.WaitGroup
	for _, one := range r.all {
		looks.Go(func() { r.lookAt(ctx, one, origin, required) })
	}
	looks.Wait()
}

// origin tells databases apart.
type origin struct {
	system      string // identifies a cluster, and all replicas of it
	database    string
	distributed bool // positions of one node say nothing about others
}

const originStatement = `SELECT system_identifier::text, current_database()::text FROM pg_control_system()`

func readOrigin(ctx context.Context, conn querier) (o origin, err error) {
	if err = conn.QueryRow(ctx, originStatement).Scan(&o.system, &o.database); err != nil {
		return o, err
	}
	o.distributed, err = isDistributed(ctx, conn)
	return o, err
}

func (r *replicas) sample(ctx context.Context) (origin, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	doubted, taken := r.horizon.doubted(), time.Now()
	m, err := scanMarker(r.primary.QueryRow(ctx, markerStatement))
	if err != nil {
		return origin{}, translate(ctx, err)
	}
	r.horizon.sampled(taken, m, doubted)
	o, err := readOrigin(ctx, r.primary)
	return o, translate(ctx, err)
}

func (r *replicas) lookAt(ctx context.Context, one *replica, primary origin, required position) {
	lookCtx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	at, err := replicaPosition(lookCtx, one.pool, primary)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.become(ctx, one, gone, err.Error())
		one.lines.hangUp(time.Now().Add(-silence))
	case at < required:
		r.become(ctx, one, behind, fmt.Sprintf("it is behind by %d bytes of the log", required-at))
	default:
		r.become(ctx, one, usable, "")
	}
}

var (
	errDistributed = errors.New("the database is distributed, where read replicas of one node are not consistent: take DATABASE_READ_URL out of the settings")
	errNoReplica   = errors.New("the server is no replica: it accepts writes")
	errOther       = errors.New("the server is a replica of another database than the primary")
)

// replicaPosition tells how far a replica of the primary is.
func replicaPosition(ctx context.Context, conn querier, primary origin) (position, error) {
	if primary.distributed {
		return 0, errDistributed
	}
	at, err := replayed(ctx, conn)
	if err != nil {
		return 0, translate(ctx, err)
	}
	if at == 0 {
		return 0, errNoReplica
	}
	found, err := readOrigin(ctx, conn)
	if err != nil {
		return 0, translate(ctx, err)
	}
	if found != primary {
		return 0, errOther
	}
	return at, nil
}

// ReplicaStatus is what a replica looks like from here.
type ReplicaStatus struct {
	Name string // host and port
	// Err says why the replica cannot be used, nil when it can be asked.
	Err error
	// BehindBytes are bytes of the primary's log that it has not replayed.
	BehindBytes int64
	// Behind is how old its newest transaction is while it is behind, otherwise 0.
	// It is too long when nothing was written for a while before.
	Behind time.Duration
}

// ReplicaStatuses looks at the replicas with these URLs. The error is that of
// the primary.
func (s *Store) ReplicaStatuses(ctx context.Context, urls []string) ([]ReplicaStatus, error) {
	if len(urls) == 0 {
		return nil, nil
	}
	primary, err := readOrigin(ctx, s.pool)
	if err != nil {
		return nil, fmt.Errorf("identify the primary database: %w", translate(ctx, err))
	}
	m, err := scanMarker(s.pool.QueryRow(ctx, markerStatement))
	if err != nil {
		return nil, fmt.Errorf("ask the primary how far it is: %w", translate(ctx, err))
	}
	statuses := make([]ReplicaStatus, len(urls))
	for i, url := range urls {
		statuses[i] = replicaStatus(ctx, url, primary, m.at)
	}
	return statuses, nil
}

func replicaStatus(ctx context.Context, url string, primary origin, end position) ReplicaStatus {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return ReplicaStatus{Err: fmt.Errorf("the URL is not understood: %s", err)}
	}
	setConnDefaults(config)
	status := ReplicaStatus{Name: replicaName(config)}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		status.Err = translate(ctx, err)
		return status
	}
	defer closeSoon(ctx, conn)
	at, err := replicaPosition(ctx, conn, primary)
	if err != nil {
		status.Err = err
		return status
	}
	if at >= end {
		return status
	}
	status.BehindBytes = int64(end - at)
	status.Behind, status.Err = replayAge(ctx, conn)
	return status
}

func replayAge(ctx context.Context, conn querier) (time.Duration, error) {
	const statement = `SELECT coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::double precision`
	var seconds float64
	err := conn.QueryRow(ctx, statement).Scan(&seconds)
	return time.Duration(max(seconds, 0) * float64(time.Second)), translate(ctx, err)
}
