package picture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseWorld(t *testing.T) {
	t.Parallel()
	w := worldOfTests(t)
	var got [][4]float64
	for _, r := range w.rings {
		got = append(got, [4]float64{r.west, r.south, r.east, r.north})
	}
	// The country across the line of dates is there on both sides.
	want := [][4]float64{{-10, 40, 10, 50}, {10, 40, 30, 50}, {170, -30, 185, -20}, {-190, -30, -175, -20}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("west, south, east, north (-want +got)\n%s", diff)
	}
}

func TestParseWorldRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		``, `[]`, strings.Replace(outlineOfTwo, "[[3]]", "[[9]]", 1), strings.Replace(outlineOfTwo, "[[3]]", `"3"`, 1),
	} {
		if _, err := ParseWorld([]byte(document)); err == nil {
			t.Errorf("%.40s is taken for a world", document)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	square := ringOf([][2]float64{{0, 0}, {10, 0}, {10, 10}, {0, 10}})
	cut := ringOf(square.within(bounds{west: 5, south: -5, east: 20, north: 4}))
	if diff := cmp.Diff([4]float64{5, 0, 10, 4}, [4]float64{cut.west, cut.south, cut.east, cut.north}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if rest := square.within(bounds{west: 20, south: 20, east: 30, north: 30}); len(rest) > 0 {
		t.Errorf("outside there is %v", rest)
	}
}
