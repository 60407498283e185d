package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseWorldRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{``, `[]`, `{"countries":[{"rings":"1"}]}`} {
		if _, err := ParseWorld([]byte(document)); err == nil {
			t.Errorf("%s is taken for a world", document)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	square := ringOf([]point{{0, 0}, {10, 0}, {10, 10}, {0, 10}})
	cut := ringOf(square.within(bounds{west: 5, south: -5, east: 20, north: 4}))
	if diff := cmp.Diff([4]float64{5, 0, 10, 4}, [4]float64{cut.west, cut.south, cut.east, cut.north}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if rest := square.within(bounds{west: 20, south: 20, east: 30, north: 30}); len(rest) > 0 {
		t.Errorf("outside there is %v", rest)
	}
	if square.center != (point{5, 5}) || square.area != 100 {
		t.Errorf("the middle of %v is %v", square.points, square.center)
	}
}

// TestPlacesOnMap finds marks where the places are, and countries around them.
func TestPlacesOnMap(t *testing.T) {
	t.Parallel()
	m := Map{World: worldOfTests(t), Name: func(code string) string { return "Land " + code }, Places: []Place{
		{Latitude: 45, Longitude: -5, Weight: 1}, {Latitude: 45, Longitude: 25, Weight: 9},
	}}
	for _, d := range drawings(t, inline(m)) {
		marks := d.filled(series + 1)
		if len(marks) != 2 || marks[0].w <= marks[1].w || marks[0].x <= marks[1].x || marks[0].center()[1] != marks[1].center()[1] {
			t.Errorf("%s: the places are at %v", d.class, marks)
		}
		if d.class == "wide" {
			if text := d.named("text")[0].text; text != "Land AA" && text != "Land BB" {
				t.Errorf("a country is called %s", text)
			}
		}
	}
	near := m
	near.Places = []Place{{Latitude: 45, Longitude: 0, Weight: 1}, {Latitude: 45, Longitude: 0.01, Weight: 1}, {Latitude: 45, Longitude: 25, Weight: 1}}
	for _, d := range drawings(t, inline(near)) {
		if marks := d.filled(series + 1); marks[0].touches(marks[1]) {
			t.Errorf("marks of places beside each other are at %v", marks)
		}
	}
	near.Whole = true
	if all := inline(near); !strings.Contains(all, "</svg>") || len(drawings(t, all)[2].filled(land)) != 1 {
		t.Error("the whole world has no land")
	}
}
