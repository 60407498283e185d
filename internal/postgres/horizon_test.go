package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHorizon(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 5, 31, 12, 0, 0, 0, time.UTC)
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	type answer struct {
		At position
		OK bool
	}
	for name, test := range map[string]struct {
		happens func(h *horizon)
		now     time.Time
		want    answer
	}{
		"nothing is known": {func(*horizon) {}, second(0), answer{0, false}},
		"the first sample is required": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, 0)
		}, second(1), answer{100, true}},
		"later samples only when they are old": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, 0)
			h.sampled(second(5), marker{"00000001", 200}, 0)
		}, second(10), answer{100, true}},
		"a sample that is too old counts no more": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, 0)
			h.sampled(second(5), marker{"00000001", 200}, 0)
		}, second(11), answer{200, true}},
		"an idle primary requires nothing new": {func(h *horizon) {
			for i := range 100 {
				h.sampled(second(i), marker{"00000001", 100}, 0)
			}
		}, second(100), answer{100, true}},
		"a primary that was not heard of": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, 0)
			h.advance(marker{"00000001", 150})
		}, second(11), answer{0, false}},
		"a write is required at once": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, 0)
			h.advance(marker{"00000001", 150})
			h.advance(marker{"00000001", 120})
		}, second(1), answer{150, true}},
		"a write without a position": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, h.doubted())
			h.doubt()
		}, second(1), answer{0, false}},
		"a sample that began before the doubt": {func(h *horizon) {
			doubted := h.doubted()
			h.doubt()
			h.sampled(second(0), marker{"00000001", 100}, doubted)
		}, second(1), answer{0, false}},
		"a sample settles a doubt": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 100}, h.doubted())
			h.doubt()
			h.sampled(second(1), marker{"00000001", 170}, h.doubted())
		}, second(2), answer{170, true}},
		"a failover begins anew": {func(h *horizon) {
			h.sampled(second(0), marker{"00000001", 900}, 0)
			h.sampled(second(1), marker{"00000002", 300}, 0)
		}, second(2), answer{300, true}},
		"what is left of the timeline before": {func(h *horizon) {
			h.sampled(second(0), marker{"0000000A", 300}, 0)
			h.advance(marker{"00000009", 900})
			h.sampled(second(1), marker{"00000009", 900}, 0)
		}, second(2), answer{300, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHorizon(10 * time.Second)
			test.happens(h)
			at, ok := h.required(test.now)
			if diff := cmp.Diff(test.want, answer{at, ok}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
