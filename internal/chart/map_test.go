// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/paulmach/orb"
)

func TestParseWorldRefuses(t *testing.T) {
	t.Parallel()
	for _, document := range []string{``, `[]`, `{"countries":[{"rings":"1"}]}`, `{"towns":{"names":["A"],"at":[1]}}`} {
		if _, err := ParseWorld([]byte(document)); err == nil {
			t.Errorf("%s is taken for a world", document)
		}
	}
}

func TestShapesAreCutToTheView(t *testing.T) {
	t.Parallel()
	square := ringOf(orb.Ring{{0, 0}, {10, 0}, {10, 10}, {0, 10}, {0, 0}})
	cut := square.within(orb.Bound{Min: point{5, -5}, Max: point{20, 4}})
	if diff := cmp.Diff(orb.Bound{Min: point{5, 0}, Max: point{10, 4}}, cut.Bound()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if rest := square.within(orb.Bound{Min: point{20, 20}, Max: point{30, 30}}); len(rest) > 0 {
		t.Errorf("outside there is %v", rest)
	}
	if square.center != (point{5, 5}) || square.area != 100 {
		t.Errorf("the middle of %v is %v", square.Ring, square.center)
	}
}

// TestPlacesOnMap finds marks where the places are, and countries around them.
func TestPlacesOnMap(t *testing.T) {
	t.Parallel()
	m := Map{World: worldOfTests(t), Name: func(code string) string { return "Land " + code }, Places: []Place{
		{Latitude: 45, Longitude: -5, Weight: 1}, {Latitude: 45, Longitude: 25, Weight: 9},
	}}
	for _, d := range drawings(t, inline(m)) {
		marks := d.filled(secondary)
		if len(marks) != 2 || marks[0].w <= marks[1].w || marks[0].x <= marks[1].x || marks[0].center()[1] != marks[1].center()[1] {
			t.Errorf("%s: the places are at %v", d.class, marks)
		}
		if d.class == "wide" {
			var names []string
			for _, text := range d.named("text") {
				names = append(names, text.text)
			}
			if got := strings.Join(names, ", "); got != "Land AA, Land BB, Largest, Second, 2, 1" {
				t.Errorf("the map names %s", got)
			}
		}
	}
	near := m
	near.Places = []Place{{Latitude: 45, Longitude: 0, Weight: 1}, {Latitude: 45, Longitude: 0.01, Weight: 1}, {Latitude: 45, Longitude: 25, Weight: 1}}
	for _, d := range drawings(t, inline(near)) {
		if marks := d.filled(secondary); marks[0].touches(marks[1]) {
			t.Errorf("marks of neighbouring places are at %v", marks)
		}
	}
	near.Whole = true
	if all := inline(near); !strings.Contains(all, "</svg>") || len(drawings(t, all)[2].filled(land)) != 1 {
		t.Error("the whole world has no land")
	}
}

// TestNameOfPart writes the name of a country that is shown in part into that part.
func TestNameOfPart(t *testing.T) {
	t.Parallel()
	m := Map{World: worldOfTests(t), Name: func(code string) string { return code }, Places: []Place{{Latitude: 49, Longitude: 8, Weight: 1}}}
	for _, d := range drawings(t, inline(m)) {
		names := map[string]element{}
		for _, text := range d.named("text") {
			names[text.text] = text
		}
		if a, b := names["AA"], names["BB"]; a.w == 0 || b.w == 0 || a.right() > b.x {
			t.Errorf("%s: the countries are named at %v and %v", d.class, a.box, b.box)
		}
	}
}

// TestRingsShowLevels divides the ring of a mark by level and explains the levels once.
func TestRingsShowLevels(t *testing.T) {
	t.Parallel()
	m := Map{
		World: worldOfTests(t), Name: func(string) string { return "" }, Levels: map[Level]string{Low: "Low", Medium: "Medium", High: "High"},
		Places: []Place{{Latitude: 45, Longitude: 0, Weight: 1, Risks: &Shares{Low: 0.5, High: 0.5}}, {Latitude: 45, Longitude: 20, Weight: 1}},
	}
	for _, d := range drawings(t, inline(m)) {
		var high, medium, low []element
		for _, path := range d.named("path") {
			switch path.attr["stroke"] {
			case "var(--high)":
				high = append(high, path)
			case "var(--medium)":
				medium = append(medium, path)
			case "var(--low)":
				low = append(low, path)
			}
		}
		if len(high) != 1 || len(low) != 1 || len(medium) > 0 || high[0].x < low[0].x || high[0].h != low[0].h {
			t.Errorf("%s: half of the risks are high: %v, %v, %v", d.class, high, medium, low)
		}
		var names []string
		for _, text := range d.named("text")[:3] {
			names = append(names, text.text)
		}
		if got := strings.Join(names, " "); got != "High Medium Low" {
			t.Errorf("the legend says %s", got)
		}
	}
}
