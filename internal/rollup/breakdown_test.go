// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestBreakdownCountsContributors has two analyses, one of which changes the label of
// its object.
func TestBreakdownCountsContributors(t *testing.T) {
	t.Parallel()
	pack := func(subject int64, rate string) []byte {
		packed, err := rollup.Pack(stats.Threat, []stats.Observation{{Values: [3]udecimal.Decimal{
			udecimal.MustParse("2"), udecimal.MustParse("10"), udecimal.MustParse(rate),
		}}}, []int64{subject})
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	key := stats.Key{Object: "fire"}
	b := rollup.NewBreakdown(func(day rollup.Day) rollup.Day { return day - day%7 })
	one, two := uuid.New(), uuid.New()
	for _, o := range []struct {
		analysis uuid.UUID
		client   int64
		days     []rollup.Day
		packed   []byte
	}{
		{one, 5, []rollup.Day{0, 1, 7}, pack(1, "0.1")},
		{one, 6, []rollup.Day{8}, pack(2, "0.5")}, // another label, another client
		{two, 0, []rollup.Day{7}, pack(1, "3")},   // without a client
	} {
		if err := b.Observe(o.analysis, o.client, o.days, o.packed); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Observe(two, 7, []rollup.Day{1}, []byte{9, 9}); err == nil {
		t.Error("damaged observations count")
	}
	got := b.ByKey(map[int64]rollup.Subject{1: {Type: stats.Threat, Key: key}, 2: {Type: stats.Threat, Key: key}})
	want := map[stats.Key]rollup.Shares{key: {
		Contributors: rollup.Contributors{Analyses: 2, Clients: 2},
		Parts:        map[rollup.Day]rollup.Contributors{0: {Analyses: 1, Clients: 1}, 7: {Analyses: 2, Clients: 2}},
		Means: []rollup.AnalysisMean{
			{Analysis: 0, Values: [3]float64{2, 10, 0.2}}, // of 0.1 three times and 0.5
			{Analysis: 1, Values: [3]float64{2, 10, 3}},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
