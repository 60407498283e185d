// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/postgres/replica"
)

// querier is a connection or a pool of them.
type querier = replica.Querier

// ReplicaStatus is the status of a read replica.
type ReplicaStatus = replica.Status

func primary(pool *pgxpool.Pool) replica.Primary {
	return replica.Primary{Pool: pool, Distributed: isDistributed, Translate: translate}
}

func (s *Store) openReplicas(opts Options) (*replica.Replicas, error) {
	pools := make([]*pgxpool.Config, len(opts.ReadURLs))
	for i, url := range opts.ReadURLs {
		opts.URL = url
		var err error
		if pools[i], err = poolConfig(opts); err != nil {
			return nil, fmt.Errorf("read replica: %w", err)
		}
		if opts.pooled || usesPooler(pools[i].ConnConfig) {
			setPooled(pools[i])
		}
	}
	return replica.Open(replica.Options{
		Primary: primary(s.pool), Pools: pools, MaxLag: opts.MaxLag, ProbeInterval: opts.probeInterval, Log: s.log,
	})
}

// read runs a query on a replica that is up to date, otherwise on the primary. It may run
// the query twice.
func (s *shared) read(ctx context.Context, query func(source db.DBTX) error) error {
	return s.replicas.Read(ctx, primaryDB{s}, query)
}

// ReplicaStatuses probes the replicas with these URLs. The error is the primary's.
func (s *Store) ReplicaStatuses(ctx context.Context, urls []string) ([]ReplicaStatus, error) {
	if len(urls) == 0 {
		return nil, nil
	}
	return replica.Statuses(ctx, primary(s.pool), urls, setConnDefaults)
}
