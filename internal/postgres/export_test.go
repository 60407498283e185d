package postgres

import (
	"context"
	"time"

	"github.com/monarc-project/stats-service/gen/db"
)

// WithProbePause makes a Store look at replicas more often than in production.
func (o Options) WithProbePause(pause time.Duration) Options {
	o.probePause = pause
	return o
}

// WithAdoptionPage has Adopt copy fewer stats at a time than in production.
func (o Options) WithAdoptionPage(stats int) Options {
	o.adoptionPage = stats
	return o
}

// ReadsFromReplica tells where a question goes now.
func (s *Store) ReadsFromReplica(ctx context.Context) (replica bool, err error) {
	return s.ReadsFromReplicaAfter(ctx, func() {})
}

// ReadsFromReplicaAfter is ReadsFromReplica, with something that happens each
// time when it is decided where the question goes and nothing is sent yet.
func (s *Store) ReadsFromReplicaAfter(ctx context.Context, happens func()) (replica bool, err error) {
	err = s.read(ctx, func(source db.DBTX) error {
		happens()
		return source.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&replica)
	})
	return replica, err
}

// ReplicaStates are what was last seen of the replicas.
func (s *Store) ReplicaStates() []string {
	states := []string{}
	for _, one := range s.replicas.all {
		states = append(states, stateNames[state(one.state.Load())])
	}
	return states
}
