package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	sizes := []image.Point{{MinWidth, MinHeight}, {MinWidth, 0}, {600, 600}, {DefaultWidth, 0}, {1600, 900}, {MaxWidth, MaxHeight}}
	for name, c := range namedCharts(t, "Theft of equipment") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range sizes {
				p := sheetOf(c)
				p.Width, p.Height = size.X, size.Y
				got := drawn(t, p).Bounds().Size()
				if got.X != size.X || got.Y < size.Y || got.Y > 2*tallest {
					t.Errorf("asked for %s, got %s", size, got)
				}
				if size.Y >= 600 && size.X >= 600 && name != "radar of too many" && got.Y != size.Y {
					t.Errorf("%s has room for it, but it is %s", size, got)
				}
			}
		})
	}
}

// TestHostileNames shows that names of any kind leave the edge of the picture
// free, in every chart, size and theme.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, c := range namedCharts(t, text) {
				for i, width := range []int{MinWidth, 900} {
					p := sheetOf(c)
					p.Title, p.Subtitle, p.Period, p.Footer = text, text, text, []string{text}
					p.Panels = append(p.Panels, Panel{Title: text, Chart: c})
					p.Width, p.Dark = width, i == 1
					img, err := p.paint(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if x := strayed(img, p); x >= 0 {
						t.Errorf("%s of %d pixels: something is drawn at the edge, at %d", kind, width, x)
					}
				}
			}
		})
	}
}

// strayed is a column at the left or right edge that is not empty, or -1. Letters
// that lean may go a little beyond their width.
func strayed(img image.Image, p Picture) int {
	width, free := img.Bounds().Dx(), int(padding)/2
	if width < unitsAcross {
		free /= 2
	}
	ground := at(img, 0, 0)
	for x := range free {
		for y := range img.Bounds().Dy() {
			if at(img, x, y) != ground {
				return x
			}
			if at(img, width-1-x, y) != ground {
				return width - 1 - x
			}
		}
	}
	return -1
}

func TestThemes(t *testing.T) {
	t.Parallel()
	for name, c := range namedCharts(t, "Fire") {
		for isDark, colors := range map[bool]look{false: light, true: dark} {
			p := sheetOf(c)
			p.Dark = isDark
			img := drawn(t, p)
			if got := at(img, 2, 2); got != colors.card {
				t.Errorf("%s, dark %t: the ground is %v", name, isDark, got)
			}
			if len(places(img, colors.ink)) < 20 {
				t.Errorf("%s, dark %t: there is no text", name, isDark)
			}
		}
	}
}

func TestBarsFollowValues(t *testing.T) {
	t.Parallel()
	img := drawn(t, sheetOf(Bars{Items: []Bar{{"Fire", 4}, {"Flood", 2}, {"Theft", 1}}}))
	got := runs(img, light.accent)
	if len(got) != 3 || math.Abs(float64(got[0])/2-float64(got[1])) > 1 || math.Abs(float64(got[0])/4-float64(got[2])) > 1 {
		t.Errorf("bars of 4, 2 and 1 are %v pixels long", got)
	}
	if got[0] < 800 {
		t.Errorf("the longest bar is %d of %d pixels", got[0], DefaultWidth)
	}
}

func TestBarsOfOneAndBelowZero(t *testing.T) {
	t.Parallel()
	if got := runs(drawn(t, sheetOf(Bars{Items: []Bar{{"Fire", 3}}})), light.accent); len(got) != 1 {
		t.Errorf("one item has %d bars", len(got))
	}
	img := drawn(t, sheetOf(Bars{Items: []Bar{{"Fire", 3}, {"Flood", -1}}}))
	got := runs(img, light.accent)
	if len(got) != 2 || math.Abs(float64(got[0])-3*float64(got[1])) > 3 {
		t.Errorf("bars of 3 and -1 are %v pixels long", got)
	}
	if got := runs(drawn(t, sheetOf(Bars{Items: []Bar{{"Fire", 0}}})), light.accent); len(got) != 0 {
		t.Errorf("nothing has a bar of %v pixels", got)
	}
}

func TestLevelsHaveTheirColours(t *testing.T) {
	t.Parallel()
	levels := Levels{Unit: "Risks", Current: "Current", Residual: "Residual", Items: []LevelBars{
		{High, "High", known(40), known(10)}, {Medium, "Medium", known(20), known(10)}, {Low, "Low", known(10), known(40)},
	}}
	for isDark, colors := range map[bool]look{false: light, true: dark} {
		p := sheetOf(levels)
		p.Dark = isDark
		img := drawn(t, p)
		widths := map[Level][2]int{}
		for level, c := range levelColors {
			now, after := area(img, c), area(img, mix(colors.card, c, 0.5))
			if Level(level) != High { // whose look the legend has
				widths[Level(level)] = [2]int{now.Dx(), after.Dx()}
			}
			if now.Empty() || after.Empty() || Level(level) != High && now.Max.Y > after.Min.Y+2 {
				t.Errorf("dark %t: the bars of level %d are at %v and %v", isDark, level, now, after)
			}
		}
		if w := widths; w[Medium][0] < w[Low][0]*19/10 || w[Low][1] < w[Medium][1]*38/10 {
			t.Errorf("dark %t: the bars of 20 and 10, 10 and 40 are %v", isDark, w)
		}
	}
}

// TestLevelsHavePatterns shows that levels differ without their colours.
func TestLevelsHavePatterns(t *testing.T) {
	t.Parallel()
	p := &pen{look: light, scale: 1}
	seen := map[string]Level{}
	for _, level := range []Level{Low, Medium, High} {
		h, pattern := p.levelHatch(level, false), ""
		for i := range 40 * 40 {
			pattern += map[bool]string{true: "#", false: " "}[h.ColorAt(i%40, i/40) == color.Color(h.pattern)]
		}
		if other, found := seen[pattern]; found {
			t.Errorf("levels %d and %d have the same pattern", level, other)
		}
		seen[pattern] = level
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	flat := func(value float64) []*float64 { return []*float64{known(value), known(value), known(value)} }
	img := drawn(t, sheetOf(Lines{Unit: "Probability", Steps: []string{"1 Mar", "8 Mar", "15 Mar"}, More: more, Series: []Line{
		{Name: "Fire", Values: flat(3)}, {Name: "Flood", Values: flat(1)}, {Name: "Mean", Values: flat(2), Mean: true},
	}}))
	// The plot is in the upper part; below are the samples of the legend.
	height := func(c color.RGBA) int {
		var rows []int
		for _, p := range places(img, c) {
			if p.Y > 130 && p.Y < 540 && p.X > 80 {
				rows = append(rows, p.Y)
			}
		}
		if len(rows) < 300 {
			t.Fatalf("%d pixels have the colour %v", len(rows), c)
		}
		slices.Sort(rows)
		return rows[len(rows)/2]
	}
	fire, flood, mean := height(light.series[0]), height(light.series[1]), height(light.ink)
	if math.Abs(float64(fire+flood)/2-float64(mean)) > 2 || fire >= flood {
		t.Errorf("3, 1 and their mean are at %d, %d and %d", fire, flood, mean)
	}
}

func TestLinesOfOneStepAndOfVeryMany(t *testing.T) {
	t.Parallel()
	one := drawn(t, sheetOf(Lines{Steps: []string{"2026"}, More: more, Series: []Line{{Name: "Fire", Values: []*float64{known(3)}}}}))
	at := places(one, light.series[0])
	if len(at) == 0 || !slices.ContainsFunc(at, func(p image.Point) bool { return p.X > 400 && p.Y < 450 }) {
		t.Error("a single step has no mark")
	}
	many := Lines{Steps: []string{"a", "b"}, More: more}
	for i := range 300 {
		many.Series = append(many.Series, Line{Name: fmt.Sprint(i), Values: []*float64{known(1), known(float64(i))}})
	}
	if got := len(many.legend(sheetOf().layout(newTypesetter(fontsOf(t))).pen, 700).entries); got != mostLines+1 {
		t.Errorf("the legend of 300 lines has %d entries", got)
	}
	drawn(t, sheetOf(many))
}

// TestLinesStopWhereNothingIsKnown takes a line of four values, the middle of
// which is missing in one of three ways.
func TestLinesStopWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	value := known(2)
	whole := []*float64{value, value, value, value}
	steps := []string{"a", "b", "c", "d"}
	middle := func(l Lines) int {
		l.More = more
		count := 0
		for _, p := range places(drawn(t, sheetOf(l)), light.series[0]) {
			if p.X > DefaultWidth*45/100 && p.X < DefaultWidth*55/100 && p.Y > 130 && p.Y < 540 {
				count++
			}
		}
		return count
	}
	for name, tc := range map[string]struct {
		lines  Lines
		joined bool
	}{
		"all are known":        {Lines{Steps: steps, Series: []Line{{Values: whole}}}, true},
		"one is not":           {Lines{Steps: steps[:3], Series: []Line{{Values: []*float64{value, nil, value}}}}, false},
		"no step in between":   {Lines{Steps: steps, At: []float64{0, 0.1, 0.9, 1}, Gap: 0.15, Series: []Line{{Values: whole}}}, false},
		"steps that are close": {Lines{Steps: steps, At: []float64{0, 0.3, 0.7, 1}, Gap: 0.5, Series: []Line{{Values: whole}}}, true},
	} {
		if got := middle(tc.lines); (got > 0) != tc.joined {
			t.Errorf("%s: %d pixels in the middle, joined should be %t", name, got, tc.joined)
		}
	}
}

// TestRisksOverTimeHaveTheirHues finds the colour of each level.
func TestRisksOverTimeHaveTheirHues(t *testing.T) {
	t.Parallel()
	lines := Lines{Steps: []string{"a", "b"}, More: more}
	for i, level := range []Level{Low, Medium, High} {
		value := known(float64(i))
		lines.Series = append(lines.Series, Line{Name: fmt.Sprint(level), Values: []*float64{value, value}, Risks: &Risks{Level: level}})
	}
	img := drawn(t, sheetOf(lines))
	for level, c := range levelColors {
		if n := len(places(img, c)); n < 300 {
			t.Errorf("level %d: %d pixels have its colour", level, n)
		}
	}
}

func TestHeat(t *testing.T) {
	t.Parallel()
	heat := Heat{Unit: "Risks", Across: "Likelihood", Up: "Impact", Columns: []string{"0", "1"}, Rows: []string{"0", "4"}, Max: 6}
	heat.Cells = []Cell{{0, 0, 0}, {1, 0, 1.5}, {0, 1, 3}, {1, 1, 6}}
	img := drawn(t, sheetOf(heat))
	most := mix(light.heat[0], light.heat[1], 1)
	inPlot := func(c color.RGBA) image.Rectangle {
		around := image.Rectangle{}
		for _, p := range places(img, c) {
			if p.Y > 160 {
				around = around.Union(image.Rectangle{p, p.Add(image.Pt(1, 1))})
			}
		}
		return around
	}
	highest, half, none := inPlot(most), inPlot(mix(light.heat[0], light.heat[1], 0.6)), inPlot(light.faint)
	if highest.Min.X <= half.Max.X-5 || highest.Min.Y >= none.Min.Y || half.Max.X >= highest.Max.X || none.Max.X > half.Max.X+2 {
		t.Errorf("the highest is at %v, half of it at %v, nothing at %v", highest, half, none)
	}
}

func TestRadar(t *testing.T) {
	t.Parallel()
	radar := Radar{Current: "Current", Target: "Target", Max: 1, Share: true, More: more}
	for _, name := range []string{"North", "East", "South", "West"} {
		radar.Items = append(radar.Items, Category{name, known(0.4), known(0.8)})
	}
	img := drawn(t, sheetOf(radar))
	around := func(c color.RGBA) image.Rectangle {
		var r image.Rectangle
		for _, p := range places(img, c) {
			if p.Y > 160 { // below the legend
				r = r.Union(image.Rectangle{p, p.Add(image.Pt(1, 1))})
			}
		}
		return r
	}
	current, target := around(light.series[0]), around(light.series[1])
	if share := float64(current.Dx()) / float64(target.Dx()); math.Abs(share-0.5) > 0.06 {
		t.Errorf("40%% of 80%% are %v of %v", current, target)
	}
	if !current.In(target) {
		t.Errorf("current values are at %v, outside of the targets at %v", current, target)
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	img := drawn(t, sheetOf(Map{World: worldOfTests(t), More: more, Places: []Place{
		{Latitude: 45, Longitude: 0, Weight: 1, Lines: []string{"1 organisation"}},
		{Latitude: 44, Longitude: 20, Weight: 9, Lines: []string{"9 organisations"}},
	}}))
	land, marks := area(img, mix(light.faint, light.rule, 0.6)), area(img, light.series[1])
	if land.Dx() < 200 || land.Dy() < 60 || land.Max.X > 580 {
		t.Errorf("the countries are at %v", land)
	}
	if marks.Min.X < land.Min.X || marks.Min.Y < land.Min.Y-60 {
		t.Errorf("the places are at %v, the countries at %v", marks, land)
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	img := drawn(t, sheetOf())
	ground := area(img, light.faint)
	if ground.Dx() < 900 || ground.Dy() < 100 {
		t.Fatalf("the empty area is %v", ground)
	}
	words := 0
	for _, p := range places(img, light.muted) {
		if p.In(ground) {
			words++
		}
	}
	if words < 50 {
		t.Error("an empty picture does not say that it is empty")
	}
}

func TestPanels(t *testing.T) {
	t.Parallel()
	p := sheetOf(Bars{Items: []Bar{{"Fire", 1}}}, Bars{Items: []Bar{{"Fire", 1}}}, Bars{Items: []Bar{{"Fire", 1}}})
	beside, below := drawn(t, p), p
	below.Width = MinWidth
	if got := len(runs(beside, light.accent)); got != 2 {
		t.Errorf("three panels stand in %d rows of a wide picture", got)
	}
	if got := len(runs(drawn(t, below), light.accent)); got != 3 {
		t.Errorf("three panels stand in %d rows of a narrow picture", got)
	}
}

func TestSameBytes(t *testing.T) {
	t.Parallel()
	for name, c := range namedCharts(t, "Fire") {
		first, err := sheetOf(c).PNG(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if second, err := sheetOf(c).PNG(t.Context()); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s is drawn differently the second time: %v", name, err)
		}
	}
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, c := range namedCharts(t, "Fire") {
		if _, err := sheetOf(c).PNG(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
