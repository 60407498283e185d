// SPDX-License-Identifier: AGPL-3.0-or-later

package metrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// transferStore is a database in which some pushes and pulls have ended.
type transferStore []postgres.Transfer

func (s transferStore) Transfers(context.Context) ([]postgres.Transfer, error) { return s, nil }

func (transferStore) State(context.Context) (postgres.State, error) { return postgres.StateUp, nil }
func (transferStore) Pools() []postgres.PoolGauges                  { return nil }
func (transferStore) WaitingLists() int64                           { return 0 }
func (transferStore) WaitingFigures() int64                         { return 0 }
func (transferStore) PendingDeltas(context.Context) (int64, error)  { return 0, nil }
func (transferStore) ReplicaStatuses(context.Context, []string) ([]postgres.ReplicaStatus, error) {
	return nil, nil
}

// TestOutcomesOfTransfers checks that a push or a pull has a series for every outcome from
// its first run on: the alert rules compare them. One that never ran has none.
func TestOutcomesOfTransfers(t *testing.T) {
	t.Parallel()
	failed := postgres.Transfer{Direction: "push", Outcome: postgres.TransferFailed, Runs: 3, LastAt: time.Unix(1000, 0)}
	pushes := []string{`{direction="push",outcome="done"} 0`, `{direction="push",outcome="failed"} 1000`, `{direction="push",outcome="partly"} 0`}
	for name, tt := range map[string]struct {
		transfers transferStore
		want      []string
	}{
		"none":            {nil, nil},
		"only failed":     {transferStore{failed}, pushes},
		"both directions": {transferStore{{Direction: "pull", Outcome: postgres.TransferDone, LastAt: time.Unix(2000, 0)}, failed}, slices.Concat([]string{`{direction="pull",outcome="done"} 2000`, `{direction="pull",outcome="failed"} 0`, `{direction="pull",outcome="partly"} 0`}, pushes)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, seriesOf(t, tt.transfers, "stats_service_peer_last_transfer_timestamp_seconds")); diff != "" {
				t.Errorf("last transfers (-want +got)\n%s", diff)
			}
			if got := seriesOf(t, tt.transfers, "stats_service_peer_transfers_total"); len(got) != len(tt.want) {
				t.Errorf("counters of transfers: %q", got)
			}
		})
	}
}

// seriesOf scrapes the metrics of a database and returns the series of one, in order.
func seriesOf(t *testing.T, store transferStore, name string) (series []string) {
	t.Helper()
	checker := health.New(health.Options{Now: time.Now})
	checker.Serve(store)
	m := New(stats.Types())
	m.Collect(Sources{Store: store, Health: checker})
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(recorder.Body.String()) {
		if one, found := strings.CutPrefix(strings.TrimSpace(line), name); found {
			series = append(series, one)
		}
	}
	return series
}
