// SPDX-License-Identifier: AGPL-3.0-or-later

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

// WithAdoptionPage makes Adopt copy fewer stats at a time than in production.
func (o Options) WithAdoptionPage(stats int) Options {
	o.adoptionPage = stats
	return o
}

// MigrateTo creates the tables of an earlier release.
func MigrateTo(ctx context.Context, url string, version int64) error {
	conn, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer closeSoon(ctx, conn)
	return migrateTo(ctx, conn.Config(), version)
}

// ReadsFromReplica reports whether a replica answers a query now.
func (s *Store) ReadsFromReplica(ctx context.Context) (replica bool, err error) {
	return s.ReadsFromReplicaAfter(ctx, func() {})
}

// ReadsFromReplicaAfter is ReadsFromReplica, but calls happens each time after the server
// is chosen and before the query is sent.
func (s *Store) ReadsFromReplicaAfter(ctx context.Context, happens func()) (replica bool, err error) {
	err = s.shared.read(ctx, func(source db.DBTX) error {
		happens()
		return source.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&replica)
	})
	return replica, err
}

// ReplicaHealth returns the last known health of each replica.
func (s *Store) ReplicaHealth() []string { return s.replicas.Health() }
