// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

// controlScale is the number of steps from no compliance to full compliance.
const controlScale = 5

// control describes how well one control of a referential is implemented.
type control struct {
	start, target int     // steps on the scale
	pace          float64 // share of the way to the target that is covered in the period
}

func (d *dice) compliance() [][][]control {
	referentials := make([][][]control, len(d.catalogue.referentials))
	for i, r := range d.catalogue.referentials {
		for _, c := range r.categories {
			referentials[i] = append(referentials[i], d.controls(len(c.controls)))
		}
	}
	return referentials
}

func (d *dice) controls(n int) []control {
	controls := make([]control, n)
	for i := range controls {
		start := d.around(int(d.maturity*4), 0, controlScale-1)
		controls[i] = control{
			start:  start,
			target: min(start+d.IntN(4), controlScale),
			pace:   d.between(0, 1.2),
		}
	}
	return controls
}

// valueAt returns the value in hundredths of full compliance.
func (c control) valueAt(state int, now moment) int {
	steps := c.target
	if state == current {
		way := min(max(now.elapsed*c.pace, 0), 1)
		steps = c.start + int(way*float64(c.target-c.start))
	}
	return steps * 100 / controlScale
}

// compliance returns the data of the compliance stats.
func (a *analysis) compliance(now moment) []byte {
	out := make([]byte, 0, 32<<10)
	out = append(out, '[')
	for i, r := range loadCatalogue().referentials {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, r.head...)
		out = append(out, `,"current":`...)
		out = appendCategories(out, r.categories, a.controls[i], current, now)
		out = append(out, `,"target":`...)
		out = appendCategories(out, r.categories, a.controls[i], residual, now)
		out = append(out, '}')
	}
	return append(out, ']')
}

func appendCategories(dst []byte, categories []category, controls [][]control, state int, now moment) []byte {
	dst = append(dst, '[')
	for i, c := range categories {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.head...)
		dst = appendFixed(dst, categoryValue(controls[i], state, now))
		dst = append(dst, `,"controls":[`...)
		for j, control := range controls[i] {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, c.controls[j]...)
			dst = appendFixed(dst, control.valueAt(state, now))
			dst = append(dst, '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']')
}

// categoryValue returns the mean of the values of a category's controls.
func categoryValue(controls []control, state int, now moment) int {
	sum := 0
	for _, c := range controls {
		sum += c.valueAt(state, now)
	}
	return roundedMean(sum, len(controls))
}
