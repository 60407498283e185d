package postgres

import (
	"context"
	"time"

	"github.com/monarc-project/stats-service/gen/db"
)

// WithProbeInterval makes a Store probe replicas more often than in production.
func (o Options) WithProbeInterval(interval time.Duration) Options {
	o.probeInterval = interval
	return o
}

// WithAdoptionPage has Adopt copy fewer stats at a time than in production.
func (o Options) WithAdoptionPage(stats int) Options {
	o.adoptionPage = stats
	return o
}

// ReadsFromReplica reports whether a replica answers now.
func (s *Store) ReadsFromReplica(ctx context.Context) (replica bool, err error) {
	return s.ReadsFromReplicaAfter(ctx, func() {})
}

// ReadsFromReplicaAfter is ReadsFromReplica, with something that happens each
// time when it is decided where the query goes and nothing is sent yet.
func (s *Store) ReadsFromReplicaAfter(ctx context.Context, happens func()) (replica bool, err error) {
	err = s.read(ctx, func(source db.DBTX) error {
		happens()
		return source.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&replica)
	})
	return replica, err
}

// ReplicaHealth lists what was last seen of the replicas.
func (s *Store) ReplicaHealth() []string { return s.replicas.Health() }
