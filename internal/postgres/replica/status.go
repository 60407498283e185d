// SPDX-License-Identifier: AGPL-3.0-or-later

package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// closeTimeout bounds how long closing a connection may take.
const closeTimeout = 5 * time.Second

// Status is the state of a replica.
type Status struct {
	Name string // host and port
	// Err says why the replica cannot be used; nil if it can.
	Err error
	// BehindBytes is the number of bytes of the primary's log that it has not replayed.
	BehindBytes int64
	// Behind is the age of its newest transaction while it is behind, otherwise 0. It
	// is too large if nothing was written for a while before.
	Behind time.Duration
}

// Statuses probes the replicas at urls; complete fills in missing connection settings.
// The error is about the primary.
func Statuses(ctx context.Context, primary Primary, urls []string, complete func(*pgx.ConnConfig)) ([]Status, error) {
	id, err := primary.identify(ctx, primary.Pool)
	if err != nil {
		return nil, fmt.Errorf("identify the primary database: %w", err)
	}
	end, err := scanPosition(primary.Pool.QueryRow(ctx, endStatement))
	if err != nil {
		return nil, fmt.Errorf("read the end of the primary's log: %w", primary.Translate(ctx, err))
	}
	statuses := make([]Status, len(urls))
	for i, url := range urls {
		config, err := pgx.ParseConfig(url)
		if err != nil {
			statuses[i].Err = fmt.Errorf("the URL is invalid: %s", err)
			continue
		}
		complete(config)
		statuses[i] = primary.statusOf(ctx, config, id, end.lsn)
	}
	return statuses, nil
}

func (p Primary) statusOf(ctx context.Context, config *pgx.ConnConfig, id identity, end lsn) Status {
	status := Status{Name: nameOf(config)}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		status.Err = p.Translate(ctx, err)
		return status
	}
	defer closeConn(ctx, conn)
	at, err := p.replayedBy(ctx, conn, id)
	if err != nil {
		status.Err = err
		return status
	}
	if at < end {
		status.BehindBytes = int64(end - at)
		status.Behind, err = replayAge(ctx, conn)
		status.Err = p.Translate(ctx, err)
	}
	return status
}

func replayAge(ctx context.Context, conn Querier) (time.Duration, error) {
	const statement = `SELECT coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::double precision`
	var seconds float64
	err := conn.QueryRow(ctx, statement).Scan(&seconds)
	return time.Duration(max(seconds, 0) * float64(time.Second)), err
}

// closeConn closes a connection even if ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx) // the server ends the session anyway
}
