// SPDX-License-Identifier: AGPL-3.0-or-later

package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// scrapeTimeout bounds the database queries of a scrape.
const scrapeTimeout = 5 * time.Second

// Store is the database of the service.
type Store interface {
	Pools() []postgres.PoolGauges
	WaitingLists() int64
	WaitingFigures() int64
	PendingDeltas(ctx context.Context) (int64, error)
	Transfers(ctx context.Context) ([]postgres.Transfer, error)
	ReplicaStatuses(ctx context.Context, urls []string) ([]postgres.ReplicaStatus, error)
}

// Cache counts its hits and misses.
type Cache interface {
	Lookups() (hits, misses uint64)
}

// Sources are measured at each scrape.
type Sources struct {
	Store    Store
	ReadURLs []string // of the replicas
	Health   *health.Checker
	Caches   map[string]Cache // by name
}

// Readiness has the readiness of the process and the state of its database. It needs no
// Store, so the alerts about them also work while the first connection is awaited.
type Readiness struct{ Health *health.Checker }

var (
	states = []postgres.State{postgres.StateUp, postgres.StateReadOnly, postgres.StateDown, postgres.StateStalled, postgres.StateBehind, postgres.StateAhead}

	listsDesc       = waitingDesc(List)
	figuresDesc     = waitingDesc(Process)
	stateDesc       = desc("database_state", "1 for the state that the database is in.", "state")
	readyDesc       = desc("ready", "1 when requests should be sent here.")
	maxDesc         = desc("database_connections_max", "Maximum number of connections to the database.", "server")
	connectionsDesc = desc("database_connections", "Connections to the database.", "server", "state")
	waitedDesc      = desc("database_connection_waits_total", "How often a request waited for a connection to the database because all were in use.", "server")
	waitTimeDesc    = desc("database_connection_wait_seconds_total", "Total time spent waiting for connections to the database.", "server")
	canceledDesc    = desc("database_connection_waits_canceled_total", "How often waiting for a connection to the database was cancelled.", "server")
	deltasDesc      = desc("rollup_pending_deltas", "Changes that are not merged into the rollups yet.")
	lagDesc         = desc("replica_lag_seconds", "How far a read replica is behind.", "replica")
	lagBytesDesc    = desc("replica_lag_bytes", "Bytes of the primary's log that a read replica has not replayed yet.", "replica")
	replicaDesc     = desc("replica_up", "1 when a read replica can be used.", "replica")
	transfersDesc   = desc("peer_transfers_total", "Pushes to and pulls from other instances.", "direction", "outcome")
	movedDesc       = desc("peer_stats_total", "Stats that were pushed or pulled.", "direction", "outcome")
	lastDesc        = desc("peer_last_transfer_timestamp_seconds", "When a push or a pull last ended with this outcome; 0: never.", "direction", "outcome")
	lookupsDesc     = desc("cache_lookups_total", "Cache lookups.", "cache", "result")
)

// waitingDesc describes the requests of a class that wait for connections.
func waitingDesc(class Class) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", waitingName), waitingHelp, nil, of(class))
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (Readiness) Describe(to chan<- *prometheus.Desc) {
	to <- readyDesc
	to <- stateDesc
}

// Collect implements [prometheus.Collector].
func (r Readiness) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	report := r.Health.Report(ctx)
	to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, boolValue(report.Status != health.Unavailable))
	for _, state := range states {
		to <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, boolValue(report.Database == state), string(state))
	}
}

// Describe implements [prometheus.Collector].
func (s Sources) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{listsDesc, figuresDesc, maxDesc, connectionsDesc, waitedDesc, waitTimeDesc, canceledDesc,
		deltasDesc, lagDesc, lagBytesDesc, replicaDesc, transfersDesc, movedDesc, lastDesc, lookupsDesc} {
		to <- d
	}
}

// Collect implements [prometheus.Collector]. If the database does not answer, its
// metrics are missing.
func (s Sources) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	set := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for name, cache := range s.Caches {
		hits, misses := cache.Lookups()
		set(lookupsDesc, prometheus.CounterValue, float64(hits), name, "hit")
		set(lookupsDesc, prometheus.CounterValue, float64(misses), name, "miss")
	}
	set(listsDesc, prometheus.GaugeValue, float64(s.Store.WaitingLists()))
	set(figuresDesc, prometheus.GaugeValue, float64(s.Store.WaitingFigures()))
	for _, pool := range s.Store.Pools() {
		set(maxDesc, prometheus.GaugeValue, float64(pool.Max), pool.Name)
		set(connectionsDesc, prometheus.GaugeValue, float64(pool.Acquired), pool.Name, "in_use")
		set(connectionsDesc, prometheus.GaugeValue, float64(pool.Idle), pool.Name, "idle")
		set(waitedDesc, prometheus.CounterValue, float64(pool.Waited), pool.Name)
		set(waitTimeDesc, prometheus.CounterValue, pool.WaitSeconds, pool.Name)
		set(canceledDesc, prometheus.CounterValue, float64(pool.Canceled), pool.Name)
	}
	if report := s.Health.Report(ctx); report.Database != postgres.StateUp && report.Database != postgres.StateReadOnly {
		return
	}
	if deltas, err := s.Store.PendingDeltas(ctx); err == nil {
		set(deltasDesc, prometheus.GaugeValue, float64(deltas))
	}
	if transfers, err := s.Store.Transfers(ctx); err == nil {
		for _, one := range withAllOutcomes(transfers) {
			set(transfersDesc, prometheus.CounterValue, float64(one.Runs), one.Direction, one.Outcome)
			set(movedDesc, prometheus.CounterValue, float64(one.Stats), one.Direction, one.Outcome)
			set(lastDesc, prometheus.GaugeValue, unixTime(one.LastAt), one.Direction, one.Outcome)
		}
	}
	s.collectReplicas(ctx, set)
}

// withAllOutcomes adds the outcomes that a push or a pull has not had yet, without runs.
// Alerts compare outcomes, and a comparison with a missing series is never true.
func withAllOutcomes(transfers []postgres.Transfer) []postgres.Transfer {
	type series struct{ direction, outcome string }
	found := map[series]bool{}
	for _, one := range transfers {
		found[series{one.Direction, one.Outcome}] = true
	}
	all := slices.Clone(transfers)
	for _, one := range transfers {
		for _, outcome := range postgres.TransferOutcomes {
			if missing := (series{one.Direction, outcome}); !found[missing] {
				found[missing] = true
				all = append(all, postgres.Transfer{Direction: one.Direction, Outcome: outcome})
			}
		}
	}
	return all
}

// unixTime returns 0 for the zero time.
func unixTime(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.Unix())
}

func (s Sources) collectReplicas(ctx context.Context, set func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string)) {
	replicas, err := s.Store.ReplicaStatuses(ctx, s.ReadURLs)
	if err != nil {
		return
	}
	for _, replica := range replicas {
		set(replicaDesc, prometheus.GaugeValue, boolValue(replica.Err == nil), replica.Name)
		if replica.Err == nil {
			set(lagDesc, prometheus.GaugeValue, replica.Behind.Seconds(), replica.Name)
			set(lagBytesDesc, prometheus.GaugeValue, float64(replica.BehindBytes), replica.Name)
		}
	}
}

func boolValue(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
