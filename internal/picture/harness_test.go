package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// outlineOfTwo is a world of two square countries that share a border, and of
// one that goes beyond 180 degrees east.
const outlineOfTwo = `{"transform":{"scale":[1,1],"translate":[-180,-90]},"objects":{"countries":{"geometries":[
	{"type":"Polygon","arcs":[[0,1]]},{"type":"MultiPolygon","arcs":[[[-1,2]]]},{"type":"Polygon","arcs":[[3]]}]}},
	"arcs":[[[190,140],[0,-10]],[[190,130],[-20,0],[0,10],[20,0]],[[190,140],[20,0],[0,-10],[-20,0]],[[350,60],[-345,0],[0,10],[345,0],[0,-10]]]}`

func worldOfTests(t testing.TB) *World {
	t.Helper()
	w, err := ParseWorld([]byte(outlineOfTwo))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func known(value float64) *float64 { return &value }

// plainFormat writes figures in a way that tests can tell.
var plainFormat = Format{
	Number:  func(n float64) string { return fmt.Sprintf("%.2f", n) },
	Axis:    func(n float64) string { return fmt.Sprintf("%g", n) },
	Percent: func(n float64) string { return fmt.Sprintf("%.0f%%", 100*n) },
}

func more(n int) string { return fmt.Sprintf("and %d more", n) }

// sheetOf is a picture of a chart with all that can be around it.
func sheetOf(charts ...Chart) Picture {
	p := Picture{
		Title: "Top 5 threats", Subtitle: "Probability", Period: "15 Dec 2025 to 15 Mar 2026",
		Nothing: "There is nothing to show.", Footer: []string{"MONARC Stats", "Figures of fewer than 3 are hidden."},
		Width: DefaultWidth, Format: plainFormat,
	}
	for _, c := range charts {
		p.Panels = append(p.Panels, Panel{Chart: c})
	}
	return p
}

// namedCharts has a chart of each kind, in which every name is the one given.
func namedCharts(t testing.TB, name string) map[string]Chart {
	t.Helper()
	radar := func(n int) Radar {
		r := Radar{Current: name, Target: name, Max: 1, Share: true, More: more}
		for i := range n {
			r.Items = append(r.Items, Category{Label: name, Current: known(float64(i%4) / 4), Target: known(0.9)})
		}
		r.Items[0].Current = nil
		return r
	}
	return map[string]Chart{
		"bars": Bars{Items: []Bar{{name, 4}, {name, 2}, {name, -1}, {name, 0}}},
		"levels": Levels{Unit: name, Current: name, Residual: name, Items: []LevelBars{
			{High, name, known(4), known(2)}, {Medium, name, known(3), nil}, {Low, name, nil, known(0)},
		}},
		"lines": Lines{Unit: name, Steps: []string{name, name, name}, More: more, Series: []Line{
			{Name: name, Values: []*float64{known(1), nil, known(2)}}, {Name: name, Values: []*float64{nil, nil, nil}},
			{Name: name, Values: []*float64{known(1.5), known(1), known(0)}, Mean: true},
		}},
		"heat": Heat{Unit: name, Across: name, Up: name, Columns: []string{"1", "2"}, Rows: []string{"1", "2"}, Max: 3, Cells: []Cell{
			{0, 0, 0}, {1, 0, 0.01}, {0, 1, 1}, {1, 1, 3},
		}},
		"radar": radar(5), "radar as bars": radar(2), "radar of too many": radar(50),
		"map": Map{World: worldOfTests(t), More: more, Places: []Place{
			{Latitude: 45, Longitude: 0, Weight: 1, Lines: []string{name, name, name}},
			{Latitude: 45, Longitude: 20, Weight: 900, Lines: []string{name}},
		}},
	}
}

// drawn returns the pixels of a picture, as PNG has them.
func drawn(t *testing.T, p Picture) image.Image {
	t.Helper()
	encoded, err := p.PNG(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func at(img image.Image, x, y int) color.RGBA {
	return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
}

// places are the pixels of a colour.
func places(img image.Image, c color.RGBA) []image.Point {
	var found []image.Point
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if at(img, x, y) == c {
				found = append(found, image.Pt(x, y))
			}
		}
	}
	return found
}

// area is the smallest rectangle with all pixels of a colour.
func area(img image.Image, c color.RGBA) image.Rectangle {
	var around image.Rectangle
	for _, p := range places(img, c) {
		around = around.Union(image.Rectangle{p, p.Add(image.Pt(1, 1))})
	}
	return around
}

// runs are the lengths of the longest runs of a colour, in rows of pixels that
// belong together, from the top.
func runs(img image.Image, c color.RGBA) []int {
	var lengths []int
	open := false
	for y := range img.Bounds().Dy() {
		longest, run := 0, 0
		for x := range img.Bounds().Dx() {
			if at(img, x, y) != c {
				run = 0
				continue
			}
			run++
			longest = max(longest, run)
		}
		switch {
		case longest > 8 && !open:
			lengths, open = append(lengths, longest), true
		case longest <= 8:
			open = false
		}
	}
	return lengths
}

// hostile are names that break out of careless pictures.
var hostile = map[string]string{
	"markup":     `<script>document.title = "owned"</script>`,
	"quotes":     `"';--` + "`$(id)`" + `{{.}}`,
	"to left":    "مخاطر أمن المعلومات \u202e תקלה בשרת \u2066",
	"long":       strings.Repeat("Unbreakable", 50),
	"long words": strings.Repeat("words and more ", 40),
	"controls":   "a\x00b\x1b[31m\r\n\t\u2028\u0085c\u200b",
	"no UTF-8":   "broken \xff\xfe\xc0",
	"emoji":      "🔥👩‍💻🇱🇺 中文 ไทย",
	"stacked":    "Z" + strings.Repeat("\u0300\u0301\u0316", 100),
	"nothing":    "",
	"only space": " \t\n ",
	"unknown":    "\U0010fffd\ue000",
}
