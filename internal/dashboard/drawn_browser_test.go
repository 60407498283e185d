//go:build browser

package dashboard_test

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// drawing is what a page tells its scripts to draw.
type drawing struct {
	Kind   string
	Labels []string
	Rows   []string
	Series []struct {
		Name   string
		Code   string
		Values []*float64
		Unit   float64
		Steps  []*int64
	}
	Cells  [][]float64
	Places []struct {
		Latitude, Longitude float64
		Clients             int
	}
}

// drawnSeries is a series as the charting library has it: values by dimension,
// nil where nothing is known.
type drawnSeries struct {
	Name   string       `json:"name"`
	Values [][]*float64 `json:"values"`
	// The share of the values at whose place there are pixels of their colour.
	Seen float64 `json:"seen"`
}

type drawnChart struct {
	Name    string        `json:"name"`
	Drawing drawing       `json:"drawing"`
	Series  []drawnSeries `json:"series"`
	Colors  int           `json:"colors"` // on the canvas
}

// drawnScript asks the charting library for what it holds of each chart, and
// looks for its values in the pixels. Casings of lines and names of countries
// are series too, but no figures.
const drawnScript = `(async () => {
	const { getInstanceByDom } = await import(document.documentElement.dataset.static + 'echarts.js');
	const known = (values) => values.map((value) => (Number.isFinite(value) ? value : null));
	const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const rgba = (color) => {
		pixel.clearRect(0, 0, 1, 1);
		pixel.fillStyle = color;
		pixel.fillRect(0, 0, 1, 1);
		return pixel.getImageData(0, 0, 1, 1).data;
	};
	const placeOf = (chart, series, data, i) => {
		if (series.subType === 'line') {
			const points = data.getLayout('points');
			return { x: points[2 * i] - 5, y: points[2 * i + 1] - 5, width: 10, height: 10 };
		}
		if (series.subType === 'heatmap') {
			const [x, y] = chart.convertToPixel({ seriesIndex: series.seriesIndex }, [data.get('x', i), data.get('y', i)]);
			return { x: x - 9, y: y - 11, width: 18, height: 22 };
		}
		const layout = data.getItemLayout(i);
		if (Array.isArray(layout)) {
			return { x: layout[0] - 8, y: layout[1] - 8, width: 16, height: 16 };
		}
		return { x: Math.min(layout.x, layout.x + layout.width) + 1, y: layout.y + 1, width: Math.abs(layout.width) - 2, height: layout.height - 2 };
	};
	const shows = (pen, ratio, { x, y, width, height }, color) => {
		const [r, g, b, a] = rgba(color);
		const { data } = pen.getImageData(x * ratio, y * ratio, Math.max(1, width * ratio), Math.max(1, height * ratio));
		for (let i = 0; i < data.length; i += 4) {
			// Nothing but edge and pattern may fit into a bar of a few pixels.
			if ((width < 6 && data[i + 3] > 0) || Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) + Math.abs(data[i + 3] - a) < 16) {
				return true;
			}
		}
		return false;
	};
	const seriesOf = (chart, pen, ratio) => (series) => {
		const data = series.getData();
		const all = [...Array(data.count()).keys()];
		if (series.subType === 'radar') {
			const corners = data.getItemLayout(0).slice(0, data.getValues(0).length);
			const { fill } = data.getItemVisual(0, 'style');
			const seen = corners.filter(([x, y]) => shows(pen, ratio, { x: x - 4, y: y - 4, width: 8, height: 8 }, fill));
			return { name: series.name, values: known(data.getValues(0)).map((value) => [value]), seen: seen.length / corners.length };
		}
		const dimensions = { bar: ['x'], line: ['x', 'y'], heatmap: ['x', 'y', 'value'] }[series.subType];
		const values = all.map((i) => known(dimensions ? dimensions.map((name) => data.get(data.mapDimension(name), i)) : data.getValues(i)));
		const there = all.filter((i) => values[i].every((value) => value !== null) && (series.subType !== 'bar' || values[i][0] !== 0));
		const seen = there.filter((i) => shows(pen, ratio, placeOf(chart, series, data, i), data.getItemVisual(i, 'style').fill));
		return { name: series.name, values, seen: there.length === 0 ? 1 : seen.length / there.length };
	};
	return [...document.querySelectorAll('.chart')].filter((figure) => figure.querySelector('.drawing')).map((figure) => {
		const chart = getInstanceByDom(figure.querySelector('.canvas'));
		const layers = [...figure.querySelectorAll('canvas')];
		const canvas = document.createElement('canvas');
		[canvas.width, canvas.height] = [layers[0].width, layers[0].height];
		const pen = canvas.getContext('2d', { willReadFrequently: true });
		layers.forEach((layer) => pen.drawImage(layer, 0, 0));
		const colors = new Set(new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer));
		return {
			name: figure.dataset.name,
			drawing: JSON.parse(figure.querySelector('.drawing').textContent),
			series: chart.getModel().getSeries().filter((series) => !/^(casing of|countries)/.test(series.id))
				.map(seriesOf(chart, pen, canvas.width / chart.getWidth())),
			colors: colors.size,
		};
	});
})()`

// wanted is what the charting library has to hold of a drawing.
func (d drawing) wanted() []drawnSeries {
	switch d.Kind {
	case "heat":
		var cells drawnSeries
		for _, cell := range d.Cells {
			cells.Values = append(cells.Values, pointers(cell...))
		}
		return []drawnSeries{cells}
	case "map":
		var places drawnSeries
		for _, p := range d.Places {
			places.Values = append(places.Values, pointers(p.Longitude, p.Latitude, float64(p.Clients)))
		}
		return []drawnSeries{places}
	}
	var all []drawnSeries
	for _, s := range d.Series {
		values := s.Values
		if s.Unit != 0 {
			values = walked(s.Steps, s.Unit)
		}
		one := drawnSeries{Name: s.Name}
		for i, value := range values {
			if d.Kind == "lines" {
				day, err := time.Parse(time.DateOnly, d.Rows[i])
				if err != nil || value == nil {
					continue
				}
				one.Values = append(one.Values, pointers(float64(day.UnixMilli()), *value))
				continue
			}
			one.Values = append(one.Values, []*float64{value})
		}
		all = append(all, one)
	}
	return all
}

// walked turns the steps of a line, counted in units, back into values.
func walked(steps []*int64, unit float64) []*float64 {
	values := make([]*float64, len(steps))
	at := int64(0)
	for i, step := range steps {
		if step != nil {
			at += *step
			value := float64(at) * unit
			values[i] = &value
		}
	}
	return values
}

func pointers(values ...float64) []*float64 {
	all := make([]*float64, len(values))
	for i := range values {
		all[i] = &values[i]
	}
	return all
}

// held is what the library holds, without the gaps of lines and without names
// that nobody reads.
func (c drawnChart) held() []drawnSeries {
	var all []drawnSeries
	for _, s := range c.Series {
		one := drawnSeries{Name: s.Name}
		if c.Drawing.Kind == "heat" || c.Drawing.Kind == "map" {
			one.Name = ""
		}
		for _, value := range s.Values {
			if c.Drawing.Kind == "lines" && (value[0] == nil || value[1] == nil) {
				continue
			}
			one.Values = append(one.Values, value)
		}
		all = append(all, one)
	}
	return all
}

// leastSeen is the share of the values of a series whose colour has to be found
// in the pixels. Lines and corners can lie on top of each other, places too.
var leastSeen = map[string]float64{"bars": 1, "levels": 1, "heat": 1, "lines": 0.2, "radar": 0.5, "map": 0.25}

// hidden tells whether a series is not to be seen where it should be.
func (c drawnChart) hidden() bool {
	for _, s := range c.Series {
		if s.Seen < leastSeen[c.Drawing.Kind] {
			return true
		}
	}
	return c.Colors < 3
}

// settledCharts waits until all charts of the page are painted.
func settledCharts(b *tab) []drawnChart {
	b.t.Helper()
	var all []drawnChart
	for range 50 { // large drawings take some frames
		b.settled()
		all = eval[[]drawnChart](b, drawnScript)
		painted := true
		for _, c := range all {
			painted = painted && !c.hidden()
		}
		if painted {
			break
		}
	}
	return all
}

// expectDrawn shows that each chart of the page holds all figures that the page
// has for it, and that they are on the screen.
func expectDrawn(b *tab, charts int) []drawnChart {
	b.t.Helper()
	all := settledCharts(b)
	if len(all) != charts {
		b.t.Errorf("%d charts are drawn, want %d", len(all), charts)
	}
	for _, c := range all {
		wanted := c.Drawing.wanted()
		if len(wanted) == 0 || len(wanted[0].Values) == 0 {
			b.t.Errorf("chart %s has nothing to draw", c.Name)
		}
		approximately := cmp.Options{cmpopts.EquateApprox(1e-9, 1e-9), cmpopts.IgnoreFields(drawnSeries{}, "Seen")}
		if diff := cmp.Diff(wanted, c.held(), approximately); diff != "" {
			b.t.Errorf("chart %s (-in the page +drawn)\n%s", c.Name, diff)
		}
		for _, s := range c.Series {
			if s.Seen < leastSeen[c.Drawing.Kind] {
				b.t.Errorf("chart %s: of %q, %.0f %% are to be seen", c.Name, s.Name, 100*s.Seen)
			}
		}
		if c.Colors < 3 {
			b.t.Errorf("chart %s has %d colours", c.Name, c.Colors)
		}
	}
	return all
}

// picturesScript is what is on the canvases, to be compared.
const picturesScript = `[...document.querySelectorAll('.chart canvas')].map((canvas) => canvas.toDataURL())`

// readScript reads pixels from a copy: drawing does not get slower by being read.
const readScript = `((canvas, x, y, width, height) => {
	const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
	pen.drawImage(canvas, -x, -y);
	return pen.getImageData(0, 0, width, height).data;
})`

// paintedScript tells how many pixels of the charts have exactly a colour.
const paintedScript = `((wanted) => wanted.map((rgb) => [...document.querySelectorAll('.chart canvas')].reduce((found, canvas) => {
	const data = ` + readScript + `(canvas, 0, 0, canvas.width, canvas.height);
	for (let i = 0; i < data.length; i += 4) {
		found += data[i + 3] === 255 && data[i] === rgb[0] && data[i + 1] === rgb[1] && data[i + 2] === rgb[2] ? 1 : 0;
	}
	return found;
}, 0)))`
