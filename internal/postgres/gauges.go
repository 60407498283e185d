// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolGauges are metrics of the connections to one server.
type PoolGauges struct {
	Name        string // "primary", or host and port of a replica
	Max         int32
	Acquired    int32 // in use
	Idle        int32
	Waited      int64   // acquisitions that had to wait
	WaitSeconds float64 // total wait
	Canceled    int64   // acquisitions that were given up
}

// Pools returns metrics of the connections to the primary and to each replica, without
// a query.
func (s *Store) Pools() []PoolGauges {
	pools := []PoolGauges{poolGauges("primary", s.pool)}
	s.replicas.EachPool(func(name string, pool *pgxpool.Pool) { pools = append(pools, poolGauges(name, pool)) })
	return pools
}

func poolGauges(name string, pool *pgxpool.Pool) PoolGauges {
	stat := pool.Stat()
	return PoolGauges{
		Name: name, Max: stat.MaxConns(), Acquired: stat.AcquiredConns(), Idle: stat.IdleConns(),
		Waited: stat.EmptyAcquireCount(), WaitSeconds: stat.EmptyAcquireWaitTime().Seconds(), Canceled: stat.CanceledAcquireCount(),
	}
}

// PendingDeltas returns the number of unmerged rollup deltas. Results include them;
// merging keeps results fast.
func (s Maintenance) PendingDeltas(ctx context.Context) (int64, error) {
	count, err := s.queries.CountDeltas(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the unmerged rollup deltas: %w", translate(ctx, err))
	}
	return count, nil
}
