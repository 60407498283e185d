// SPDX-License-Identifier: AGPL-3.0-or-later

package replica

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequiredLSN(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 5, 31, 12, 0, 0, 0, time.UTC)
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	type answer struct {
		At lsn
		OK bool
	}
	for name, test := range map[string]struct {
		happens func(tr *tracker)
		now     time.Time
		want    answer
	}{
		"nothing is known": {func(*tracker) {}, second(0), answer{0, false}},
		"the first sample is required": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, counts{})
		}, second(1), answer{100, true}},
		"later samples only when they are old": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, counts{})
			tr.addSample(second(5), position{"00000001", 200}, counts{})
		}, second(10), answer{100, true}},
		"an expired sample is dropped": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, counts{})
			tr.addSample(second(5), position{"00000001", 200}, counts{})
		}, second(11), answer{200, true}},
		"an idle primary requires nothing new": {func(tr *tracker) {
			for i := range 100 {
				tr.addSample(second(i), position{"00000001", 100}, counts{})
			}
		}, second(100), answer{100, true}},
		"a primary that does not answer": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, counts{})
			tr.advance(position{"00000001", 150})
		}, second(11), answer{0, false}},
		"a write is required at once": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, counts{})
			tr.advance(position{"00000001", 150})
			tr.advance(position{"00000001", 120})
		}, second(1), answer{150, true}},
		"a write without a position": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnlocated()
		}, second(1), answer{0, false}},
		"a sample that began before a write without a position": {func(tr *tracker) {
			before := tr.count()
			tr.addUnlocated()
			tr.addSample(second(0), position{"00000001", 100}, before)
		}, second(1), answer{0, false}},
		"a sample covers a write without a position": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnlocated()
			tr.addSample(second(1), position{"00000001", 170}, tr.count())
		}, second(2), answer{170, true}},
		"a commit without an answer": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnanswered()
		}, second(1), answer{0, false}},
		"a commit without an answer, of a primary that is lost": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnanswered()
			tr.lose()
		}, second(1), answer{100, true}},
		"a write without a position, of a primary that is lost": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnlocated()
			tr.lose()
		}, second(1), answer{0, false}},
		"a sample covers a commit without an answer": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 100}, tr.count())
			tr.addUnanswered()
			tr.lose()
			tr.addSample(second(1), position{"00000001", 170}, tr.count())
		}, second(2), answer{170, true}},
		"a failover starts over": {func(tr *tracker) {
			tr.addSample(second(0), position{"00000001", 900}, counts{})
			tr.addSample(second(1), position{"00000002", 300}, counts{})
		}, second(2), answer{300, true}},
		"positions of the previous timeline are ignored": {func(tr *tracker) {
			tr.addSample(second(0), position{"0000000A", 300}, counts{})
			tr.advance(position{"00000009", 900})
			tr.addSample(second(1), position{"00000009", 900}, counts{})
		}, second(2), answer{300, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTracker(10 * time.Second)
			test.happens(tr)
			at, ok := tr.required(test.now)
			if diff := cmp.Diff(test.want, answer{at, ok}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
