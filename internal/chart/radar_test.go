// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"math"
	"strings"
	"testing"
)

func TestRadarIsClockwise(t *testing.T) {
	t.Parallel()
	r := radarOf("", 4)
	for i, name := range []string{"North", "East", "South", "West"} {
		r.Items[i] = Item{Label: Label{name}, Values: two(0.4, 0.8)}
	}
	d := drawings(t, inline(r))[1]
	at := map[string]box{}
	for _, e := range d.named("text") {
		at[e.text] = e.box
	}
	north, east, south, west := at["North"], at["East"], at["South"], at["West"]
	if north.y >= east.y || east.y >= south.y || west.x >= north.x || east.x <= north.x {
		t.Errorf("the names are at %v", at)
	}
	for _, ring := range []string{"25%", "50%", "75%", "100%"} {
		if at[ring].w == 0 {
			t.Errorf("no ring is called %s", ring)
		}
	}
	var current, target box
	for _, e := range d.named("path") {
		switch {
		case e.attr["opacity"] != "":
			current = e.box
		case e.attr["stroke"] == "var(--series-2)" && e.h > 20:
			target = e.box
		}
	}
	if math.Abs(current.w/target.w-0.5) > 0.01 {
		t.Errorf("40%% of 80%% are %v of %v", current, target)
	}
}

// TestRadarOrBars shows which categories make a radar.
func TestRadarOrBars(t *testing.T) {
	t.Parallel()
	unknown := radarOf("A", 5)
	unknown.Items[2].Values[0] = nil
	for name, tt := range map[string]struct {
		radar Radar
		round bool
	}{
		"two": {radarOf("A", 2), false}, "three": {radarOf("A", 3), true}, "eight": {radarOf("A", 8), true}, "nine": {radarOf("A", 9), false},
		"one is unknown": {unknown, false},
	} {
		for _, d := range drawings(t, inline(tt.radar)) {
			if round := len(d.named("circle")) > 0; round != (tt.round && d.class == "medium") {
				t.Errorf("%s, %s: a radar: %t", name, d.class, round)
			}
		}
	}
	if svg := inline(unknown); !strings.Contains(svg, "–</text>") {
		t.Error("nothing says that a value is unknown")
	}
}
