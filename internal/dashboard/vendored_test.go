package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVendoredFiles shows that what was taken from npm is what the build made:
// nobody has edited it, nothing is missing and nothing was added.
func TestVendoredFiles(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"vendored/dist", "testdata/axe"} {
		sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]string{}
		for line := range strings.Lines(string(sums)) {
			sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
			known[name] = sum
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.Name() == "SHA256SUMS" {
				continue
			}
			content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			if known[entry.Name()] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s/%s is not what SHA256SUMS lists; make it anew with the task vendor-dashboard", folder, entry.Name())
			}
			delete(known, entry.Name())
		}
		for name := range known {
			t.Errorf("%s/%s is missing", folder, name)
		}
	}
}

// outline is the file of the world's countries as far as their borders go.
type outline struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]float64
	Objects   struct {
		Countries struct {
			Geometries []struct {
				Type       string
				Arcs       json.RawMessage
				Properties struct{ Name string }
			}
		}
	}
}

// rings are the borders of a country, as lists of arcs.
func rings(t *testing.T, kind string, arcs json.RawMessage) [][]int {
	t.Helper()
	var all [][]int
	polygons := make([][][]int, 1)
	var into any = &polygons
	if kind == "Polygon" {
		into = &polygons[0]
	}
	if err := json.Unmarshal(arcs, into); err != nil {
		t.Fatal(err)
	}
	for _, polygon := range polygons {
		all = append(all, polygon...)
	}
	return all
}

// degrees are the points of an arc, of which only the steps from one to the next
// are written.
func (o outline) degrees(index int) [][2]float64 {
	backwards := index < 0
	if backwards {
		index = ^index
	}
	var points [][2]float64
	var at [2]float64
	for _, step := range o.Arcs[index] {
		at = [2]float64{at[0] + step[0], at[1] + step[1]}
		points = append(points, [2]float64{
			at[0]*o.Transform.Scale[0] + o.Transform.Translate[0], at[1]*o.Transform.Scale[1] + o.Transform.Translate[1],
		})
	}
	if backwards {
		slices.Reverse(points)
	}
	return points
}

// TestWorldIsCut shows that no border goes from one end of the map to the other:
// what reaches over the 180th meridian is in two parts.
func TestWorldIsCut(t *testing.T) {
	t.Parallel()
	content, err := files.ReadFile("vendored/dist/world.json")
	if err != nil {
		t.Fatal(err)
	}
	var world outline
	if err := json.Unmarshal(content, &world); err != nil {
		t.Fatal(err)
	}
	ends := map[string]map[float64]bool{}
	for _, country := range world.Objects.Countries.Geometries {
		name := country.Properties.Name
		ends[name] = map[float64]bool{}
		for _, ring := range rings(t, country.Type, country.Arcs) {
			var border [][2]float64
			for _, arc := range ring {
				border = append(border, world.degrees(arc)...)
			}
			for i, point := range border {
				ends[name][math.Round(point[0])] = true
				if before := border[max(i-1, 0)]; math.Abs(point[0]-before[0]) > 90 || math.Abs(point[0]) > 180 {
					t.Errorf("%s has a border from %v to %v", name, before, point)
				}
			}
		}
	}
	if len(ends) < 200 {
		t.Errorf("there are %d countries", len(ends))
	}
	for _, name := range []string{"RU", "FJ"} {
		if !ends[name][-180] || !ends[name][180] {
			t.Errorf("%s does not reach both ends of the map", name)
		}
	}
}
