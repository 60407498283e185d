// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Tally counts the distinct analyses that measured subjects, in each part of a period.
type Tally struct {
	analyses map[uuid.UUID]int
	parts    map[Day]map[int64]*bitset
}

// NewTally returns an empty Tally.
func NewTally() *Tally { return &Tally{map[uuid.UUID]int{}, map[Day]map[int64]*bitset{}} }

// Observe adds packed observations of an analysis to a part. If packed is damaged,
// Observe returns an error.
func (t *Tally) Observe(part Day, analysis uuid.UUID, packed []byte) error {
	of, subjects := number(t.analyses, analysis), t.parts[part]
	if subjects == nil {
		subjects = map[int64]*bitset{}
		t.parts[part] = subjects
	}
	return EachSubject(packed, func(subject int64, _ bool) {
		if subjects[subject] == nil {
			subjects[subject] = new(bitset)
		}
		subjects[subject].add(of)
	})
}

// Subjects returns the subjects of all that was added, in no order.
func (t *Tally) Subjects() []int64 {
	all := map[int64]bool{}
	for _, subjects := range t.parts {
		for subject := range subjects {
			all[subject] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// ByKey returns the numbers of analyses by part and key. Subjects missing from known are
// left out.
func (t *Tally) ByKey(known map[int64]Subject) map[Day]map[stats.Key]int {
	counts := make(map[Day]map[stats.Key]int, len(t.parts))
	for part, subjects := range t.parts {
		united := map[stats.Key]*bitset{} // several subjects can have one key
		for subject, analyses := range subjects {
			s, ok := known[subject]
			if !ok {
				continue
			}
			if united[s.Key] == nil {
				united[s.Key] = new(bitset)
			}
			united[s.Key].unite(*analyses)
		}
		counts[part] = make(map[stats.Key]int, len(united))
		for key, analyses := range united {
			counts[part][key] = analyses.len()
		}
	}
	return counts
}
