// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Duplicates that were removed here do not come back from a peer that has them.
func TestRemovedDuplicatesDoNotComeBack(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	copies := []stats.Stat{riskStat(500, 1), riskStat(500, 1), riskStat(500, 1)}
	for i := range copies {
		copies[i].UUID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "copy", i))
	}
	insert(t, p.local.store, p.client, copies...)
	wantCounts(t, counts{Sent: 3}, push(t, p.pushOptions(t)))
	if n, err := p.local.store.RemoveDuplicates(t.Context(), postgres.DuplicateQuery{}, nil); n != 2 || err != nil {
		t.Fatalf("removed %d, %v", n, err)
	}
	opts := p.pullOptions(t)
	opts.DryRun = true
	wantCounts(t, counts{Sent: 100, AlreadyThere: 3}, pull(t, opts))
	opts.DryRun = false
	wantCounts(t, counts{Sent: 100, AlreadyThere: 3}, pull(t, opts))
	opts.Full = true
	wantCounts(t, counts{AlreadyThere: 103}, pull(t, opts))
	if n, err := p.local.store.RemoveDuplicates(t.Context(), postgres.DuplicateQuery{}, nil); n != 0 || err != nil {
		t.Errorf("%d duplicates came back (%v)", n, err)
	}
	wantCounts(t, counts{AlreadyThere: 101}, push(t, p.pushOptions(t)))
}

// Of duplicates that a peer has, a pull takes the first. Those of another client
// are none.
func TestPullOfDuplicates(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	other := newClient(t, p.local.store, "other")
	copies := []stats.Stat{riskStat(500, 1), riskStat(500, 1), riskStat(500, 1)}
	for i := range copies {
		copies[i].UUID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "copy", i))
	}
	insert(t, p.remote.store, p.as, copies[:2]...)
	insert(t, p.local.store, other, copies[2])
	wantCounts(t, counts{Sent: 101, AlreadyThere: 1}, pull(t, p.pullOptions(t)))
}

// What was purged here stays away, unless it is asked for.
func TestPurgedStatsDoNotComeBack(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	insert(t, p.remote.store, p.as, riskStat(600, 400), riskStat(601, 500))
	opts := p.pullOptions(t)
	opts.Types = []stats.Type{stats.Risk}
	wantCounts(t, counts{Sent: 52}, pull(t, opts))
	if n, err := p.local.store.PurgeStats(t.Context(), today.AddDate(0, 0, -450), nil); n != 1 || err != nil {
		t.Fatalf("purged %d, %v", n, err)
	}
	opts.Full = true
	wantCounts(t, counts{AlreadyThere: 51}, pull(t, opts))
	other := opts
	other.Client = newClient(t, p.local.store, "another, from the beginning")
	wantCounts(t, counts{AlreadyThere: 51}, pull(t, other))
	opts.Full, opts.From = false, today.AddDate(0, 0, -510)
	wantCounts(t, counts{Sent: 1, AlreadyThere: 51}, pull(t, opts))
	if _, err := p.local.store.PurgeStats(t.Context(), today.AddDate(0, 0, -5), nil); err != nil {
		t.Fatal(err)
	}
	opts.From = time.Time{}
	if summary := pull(t, opts); summary.Sent != 0 { // within the overlap of a week
		t.Errorf("%d came back", summary.Sent)
	}
}

// A first pull leaves out what lies before a purge, and says so once.
func TestFirstPullTellsOfAPurge(t *testing.T) {
	t.Parallel()
	p := newPullPair(t)
	before := today.AddDate(0, 0, -450)
	if _, err := p.local.store.PurgeStats(t.Context(), before, nil); err != nil {
		t.Fatal(err)
	}
	told := func(opts peer.PullOptions) int {
		var log bytes.Buffer
		opts.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		pull(t, opts)
		return strings.Count(log.String(), `"purged before"=`+before.Format(time.DateOnly))
	}
	opts := p.pullOptions(t)
	from := opts
	from.Client = newClient(t, p.local.store, "another")
	from.From = today.AddDate(0, 0, -500)
	if diff := cmp.Diff([]int{1, 0, 0}, []int{told(opts), told(opts), told(from)}); diff != "" {
		t.Errorf("told by the first pull, the next, one with --date-from (-want +got):\n%s", diff)
	}
}
