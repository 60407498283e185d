// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// TestTallyCountsEachAnalysisOnce has analyses that send an object several times, under
// several labels.
func TestTallyCountsEachAnalysisOnce(t *testing.T) {
	t.Parallel()
	pack := func(subjects ...int64) []byte {
		one := stats.Observation{Values: [3]udecimal.Decimal{udecimal.One, udecimal.One, udecimal.One}}
		packed, err := rollup.Pack(stats.Threat, slices.Repeat([]stats.Observation{one}, len(subjects)), subjects)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	tally := rollup.NewTally()
	one, two := uuid.New(), uuid.New()
	for _, o := range []struct {
		part     rollup.Day
		analysis uuid.UUID
		packed   []byte
	}{
		{0, one, pack(1, 3)}, {0, one, pack(2)}, {0, two, pack(1)}, {7, two, pack(2)},
	} {
		if err := tally.Observe(o.part, o.analysis, o.packed); err != nil {
			t.Fatal(err)
		}
	}
	if err := tally.Observe(7, one, []byte{9, 9}); err == nil {
		t.Error("damaged observations count")
	}
	if got := slices.Sorted(slices.Values(tally.Subjects())); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("the subjects are %v", got)
	}
	fire, flood := stats.Key{Object: "fire"}, stats.Key{Object: "flood"}
	got := tally.ByKey(map[int64]rollup.Subject{1: {Key: fire}, 2: {Key: fire}, 3: {Key: flood}})
	want := map[rollup.Day]map[stats.Key]int{0: {fire: 2, flood: 1}, 7: {fire: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
