// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"cmp"
	"slices"
	"time"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Measure holds the three values of a threat or vulnerability.
type Measure struct {
	Count       float64 `json:"count"`
	MaxRisk     float64 `json:"maxRisk"`
	AverageRate float64 `json:"averageRate"`
}

// DatedMeasure is the mean of a day (YYYY-MM-DD).
type DatedMeasure struct {
	Date string `json:"date"`
	Measure
}

// ObjectSeries is the history of one threat or vulnerability: the mean of each
// day with stats about it, by date, and the mean of these means.
type ObjectSeries struct {
	Object   string         `json:"object"`
	Labels   LabelSet       `json:"labels"`
	Values   []DatedMeasure `json:"values"`
	Averages Measure        `json:"averages"`
}

// Series is the result of the processors of threats and vulnerabilities, in
// the order of each object's first date and then of the object.
type Series []ObjectSeries

func averageOnDate(sums []DailySum, _ Params) any {
	rowOf, rows := layOut(sums)
	averages := make([]measureTotal, len(rows))
	labels := make([]*stats.Labels, len(rows)) // copied once per row: there are many sums
	var days calendar
	for i := range sums {
		sum, row := &sums[i], rowOf[i]
		measure := averages[row].add(sum)
		rows[row].Values = append(rows[row].Values, DatedMeasure{days.format(sum.Date), measure})
		if !sum.Labels.Empty() {
			labels[row] = &sum.Labels
		}
	}
	for i := range rows {
		rows[i].Averages = averages[i].mean()
		if labels[i] != nil {
			rows[i].Labels = labelSet(*labels[i])
		}
	}
	slices.SortFunc(rows, func(a, b ObjectSeries) int {
		return cmp.Or(cmp.Compare(a.Values[0].Date, b.Values[0].Date), cmp.Compare(a.Object, b.Object))
	})
	return rows
}

// layOut returns the row of each sum, and the rows with empty Values of sufficient
// capacity, which share one allocation.
func layOut(sums []DailySum) (rowOf []int32, rows Series) {
	rowOf, rows, lengths := assignRows(sums)
	values := make([]DatedMeasure, len(sums))
	for row, n := range lengths {
		rows[row].Values, values = values[:0:n], values[n:]
	}
	return rowOf, rows
}

// assignRows gives each object a row and counts the sums of each row.
func assignRows(sums []DailySum) (rowOf []int32, rows Series, lengths []int) {
	rowOf, rows = make([]int32, len(sums)), Series{}
	index := make(map[string]int32)
	for i := range sums {
		object := sums[i].Key.Object
		row, seen := index[object]
		if !seen {
			row = int32(len(rows))
			index[object] = row
			rows, lengths = append(rows, ObjectSeries{Object: object}), append(lengths, 0)
		}
		rowOf[i] = row
		lengths[row]++
	}
	return rowOf, rows, lengths
}

// measureTotal adds up the means of days.
type measureTotal struct{ count, maxRisk, averageRate total }

// add adds the means of one day and returns them.
func (t *measureTotal) add(sum *DailySum) Measure {
	addMean := func(to *total, i int) float64 {
		mean, rest := meanAndRest(sum.Sums[i], sum.Count)
		to.add(mean, rest)
		return mean
	}
	return Measure{
		Count:       addMean(&t.count, 0),
		MaxRisk:     addMean(&t.maxRisk, 1),
		AverageRate: addMean(&t.averageRate, 2),
	}
}

func (t *measureTotal) mean() Measure {
	return Measure{t.count.mean(), t.maxRisk.mean(), t.averageRate.mean()}
}

// calendar formats dates. Sums come ordered by date, so caching the last one saves
// nearly all of the work and lets the rows of a day share one string.
type calendar struct {
	last time.Time
	text string
}

func (c *calendar) format(date time.Time) string {
	if c.text == "" || !date.Equal(c.last) {
		c.last, c.text = date, date.Format(time.DateOnly)
	}
	return c.text
}
