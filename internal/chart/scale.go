// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import "math"

// scale are the values at the lines of an axis.
type scale struct {
	low, high, step float64
}

// extent widens a range to the values that are known.
func extent(low, high float64, values ...*float64) (float64, float64) {
	for _, value := range values {
		if value != nil {
			low, high = min(low, *value), max(high, *value)
		}
	}
	return low, high
}

// scaleOf covers values with about the given number of round steps.
func scaleOf(low, high float64, steps int) scale {
	if high <= low {
		span := math.Max(math.Abs(high), 1)
		low, high = low-span/2, high+span/2
	}
	step := roundStep((high - low) / float64(max(steps, 1)))
	return scale{math.Floor(low/step) * step, math.Ceil(high/step) * step, step}
}

// roundStep is the next larger of 1, 2, 2.5 and 5 times a power of ten.
func roundStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if rough <= factor*power*(1+1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// at is the share of the axis that a value is along.
func (s scale) at(value float64) float64 { return (value - s.low) / (s.high - s.low) }

// ticks are the values of the lines, free of the errors of adding up.
func (s scale) ticks() []float64 {
	var values []float64
	for i := 0; i <= int(math.Round((s.high-s.low)/s.step)); i++ {
		value := math.Round((s.low/s.step+float64(i))*1e6) / 1e6 * s.step
		values = append(values, math.Round(value*1e9)/1e9)
	}
	return values
}

// RoundUp is the round value at or above a highest one, at which a scale can end.
func RoundUp(highest float64) float64 {
	if highest <= 0 {
		return 1
	}
	return scaleOf(0, highest, 5).high
}

// Edges divide the values from lowest to highest into ranges between round values.
func Edges(lowest, highest float64) []float64 {
	if highest <= lowest {
		highest = lowest + 1
	}
	return scaleOf(lowest, highest, 6).ticks()
}
