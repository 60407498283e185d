// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/postgres"
)

// TestTransfersAreAddedUp checks that runs with the same outcome are added up.
func TestTransfersAreAddedUp(t *testing.T) {
	t.Parallel()
	store := setup(t)
	for _, run := range []struct {
		direction, outcome string
		stats              int64
	}{{"push", "done", 3}, {"push", "failed", 0}, {"push", "done", 4}, {"pull", "partly", 5}} {
		if err := store.RecordTransfer(t.Context(), run.direction, run.outcome, run.stats); err != nil {
			t.Fatal(err)
		}
	}
	found, err := store.Transfers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		if found[i].LastAt.Before(start) {
			t.Errorf("%+v has no time", found[i])
		}
		found[i].LastAt = start
	}
	want := []postgres.Transfer{
		{Direction: "pull", Outcome: "partly", Runs: 1, Stats: 5, LastAt: start},
		{Direction: "push", Outcome: "done", Runs: 2, Stats: 7, LastAt: start},
		{Direction: "push", Outcome: "failed", Runs: 1, Stats: 0, LastAt: start},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
