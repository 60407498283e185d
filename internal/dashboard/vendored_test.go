// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
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
				t.Errorf("%s/%s is not what SHA256SUMS lists; build it again with the task vendor-dashboard", folder, entry.Name())
			}
			delete(known, entry.Name())
		}
		for name := range known {
			t.Errorf("%s/%s is missing", folder, name)
		}
	}
}

// TestWorldIsCut shows that no border goes from one end of the map to the other:
// what reaches over the 180th meridian is in two parts.
func TestWorldIsCut(t *testing.T) {
	t.Parallel()
	content, err := files.ReadFile(worldFile)
	if err != nil {
		t.Fatal(err)
	}
	var world struct {
		Grid      int
		Countries []struct {
			Code  string
			Rings [][]int
		}
	}
	if err := json.Unmarshal(content, &world); err != nil {
		t.Fatal(err)
	}
	ends := map[string]map[int]bool{}
	for _, country := range world.Countries {
		ends[country.Code] = map[int]bool{}
		for _, ring := range country.Rings {
			x := 0
			for i := 0; i < len(ring); i += 2 {
				x += ring[i]
				ends[country.Code][x] = true
				if i > 0 && max(ring[i], -ring[i]) > world.Grid/4 || x < 0 || x > world.Grid {
					t.Errorf("%s has a border from %d to %d", country.Code, x-ring[i], x)
				}
			}
		}
	}
	if len(ends) < 200 {
		t.Errorf("there are %d countries", len(ends))
	}
	for _, code := range []string{"RU", "FJ"} {
		if !ends[code][0] || !ends[code][world.Grid] {
			t.Errorf("%s does not reach both ends of the map", code)
		}
	}
}
