// SPDX-License-Identifier: AGPL-3.0-or-later

package architecture

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw docs/architecture.svg again")

const (
	drawing  = "../../docs/architecture.svg"
	document = "../../docs/architecture.md"
)

// TestDrawingIsCurrent keeps the drawing of the packages what the go command lists.
func TestDrawingIsCurrent(t *testing.T) {
	t.Parallel()
	drawn := draw(importsOf(listPackages(t)))
	if *update {
		if err := os.WriteFile(drawing, []byte(drawn), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(drawing)
	if err != nil {
		t.Fatal(err)
	}
	if drawn != string(kept) {
		t.Error("docs/architecture.svg is out of date: go test ./internal/architecture -run TestDrawingIsCurrent -update")
	}
}

// TestFilesNamed checks that every file and folder that docs/architecture.md names
// is there.
func TestFilesNamed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:client|cmd|docs|gen|internal|openapi|sql|tools)/[^` ]*)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 40 {
		t.Errorf("only %d files are named", len(named))
	}
	for _, match := range named {
		if _, err := os.Stat(filepath.Join("..", "..", match[1])); err != nil {
			t.Errorf("docs/architecture.md names %s, which is not there", match[1])
		}
	}
}

// wiring is the package that may import all others; its arrows are not drawn.
const wiring = "internal/cli"

// importsOf returns what each package of the service imports of the others.
func importsOf(packages []listed) map[string][]string {
	all := map[string][]string{}
	for _, p := range packages {
		if isTestOnly(p.name()) || within(p.name(), "docs") || strings.Contains(p.name(), "testdata") {
			continue
		}
		all[p.name()] = nil
		for _, path := range p.Imports {
			if name, ours := strings.CutPrefix(path, module+"/"); ours {
				all[p.name()] = append(all[p.name()], name)
			}
		}
	}
	return all
}

// reduced leaves out the imports that another import of the package has too.
func reduced(imports map[string][]string) map[string][]string {
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return slices.ContainsFunc(imports[from], func(next string) bool { return next == to || reaches(next, to) })
	}
	direct := map[string][]string{}
	for name, all := range imports {
		for _, one := range all {
			if !slices.ContainsFunc(all, func(other string) bool { return other != one && reaches(other, one) }) {
				direct[name] = append(direct[name], one)
			}
		}
	}
	return direct
}

// withoutBlocks takes the building blocks out: what imports nothing of ours and is
// neither domain, store nor generated. Lines to them would hide the others.
func withoutBlocks(imports map[string][]string) (rest map[string][]string, blocks []string) {
	isBlock := func(name string) bool { return len(imports[name]) == 0 && color(name) == otherColor }
	rest = map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		if isBlock(name) {
			blocks = append(blocks, name)
			continue
		}
		rest[name] = slices.DeleteFunc(slices.Clone(imports[name]), isBlock)
	}
	return rest, blocks
}

// floors places each package above all that it imports.
func floors(imports map[string][]string) (levels [][]string) {
	height := map[string]int{}
	var heightOf func(name string) int
	heightOf = func(name string) int {
		if _, known := height[name]; !known {
			for _, below := range imports[name] {
				height[name] = max(height[name], 1+heightOf(below))
			}
		}
		return height[name]
	}
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		for len(levels) <= heightOf(name) {
			levels = append(levels, nil)
		}
		levels[height[name]] = append(levels[height[name]], name)
	}
	return levels
}

// Sizes are in pixels.
const (
	width, boxWidth, boxHeight, gap = 1180, 128, 30, 12
	floorHeight, margin             = 92, 44
)

type point struct{ x, y int }

// draw lays the floors out from the top down, each package near what it imports.
func draw(imports map[string][]string) string {
	imports, blocks := withoutBlocks(imports)
	levels := floors(imports)
	direct := reduced(imports)
	at := map[string]point{}
	y := margin + floorHeight*(len(levels)-1)
	for _, level := range levels {
		slices.SortStableFunc(level, func(a, b string) int { return cmp.Compare(middle(at, imports[a]), middle(at, imports[b])) })
		place(at, level, y)
		y -= floorHeight
	}
	var out strings.Builder
	bottom := margin + floorHeight*len(levels)
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, bottom+90)
	out.WriteString("<title>Packages of the service and what they import</title>\n")
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, bottom+90)
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		for _, below := range direct[name] {
			if name != wiring {
				from, to := at[name], at[below]
				fmt.Fprintf(&out, `<path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="#8a94a3"/>`+"\n", from.x, from.y+boxHeight,
					from.x, from.y+boxHeight+30, to.x, to.y-30, to.x, to.y)
			}
		}
	}
	place(at, blocks, bottom)
	for _, name := range slices.Sorted(maps.Keys(at)) {
		p := at[name]
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" stroke="#3d4654"/>`+"\n", p.x-boxWidth/2, p.y, boxWidth, boxHeight, color(name))
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", p.x, p.y+19, strings.TrimPrefix(name, "internal/"))
	}
	fmt.Fprintf(&out, `<text x="16" y="24" fill="#3d4654">A package imports those below that a line leads to, and what these import. %s imports all. Yellow: domain. Green: store. Grey: generated.</text>`+"\n",
		strings.TrimPrefix(wiring, "internal/"))
	fmt.Fprintf(&out, `<text x="16" y="%d" fill="#3d4654">Building blocks import nothing of ours. Lines to them are left out.</text>`+"\n</svg>\n", bottom-10)
	return out.String()
}

// middle is the mean place of packages, which are placed already.
func middle(at map[string]point, names []string) int {
	if len(names) == 0 {
		return width / 2
	}
	sum := 0
	for _, name := range names {
		sum += at[name].x
	}
	return sum / len(names)
}

// place spreads packages over the width, those of a full floor in two rows.
func place(at map[string]point, names []string, y int) {
	const most = (width - gap) / (boxWidth + gap)
	rows := (len(names) + most - 1) / most
	for i, name := range names {
		row, inRow := i%rows, (len(names)+rows-1)/rows
		step := width / inRow
		at[name] = point{step/2 + i/rows*step, y + row*(boxHeight+6)}
	}
}

func color(name string) string {
	switch {
	case slices.Contains([]string{"internal/stats", "internal/processor", "internal/rollup"}, name):
		return "#ffe9a8"
	case within(name, "internal/postgres"), within(name, "sql"):
		return "#cdebc5"
	case within(name, "gen"):
		return "#e4e7ec"
	}
	return otherColor
}

const otherColor = "#dbe8ff"
