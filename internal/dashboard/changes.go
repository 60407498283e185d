// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"math"
	"slices"
)

// changes are the objects of a kind that changed most since the period before.
type changes struct {
	Title           string
	Rising, Falling []change
	New             []ColumnCell // objects that nobody had before
	Known           bool         // whether there is anything to compare with
}

// change is how an object changed.
type change struct {
	Name ColumnCell
	Sign string // how much
	Text string // values and ranks, then and now

	by float64
}

// mostChanges is how many risers, fallers and new objects are listed.
const mostChanges = 3

// changes compares the ranked objects of two periods, always from the highest value on.
func (r *reading) changes(kind objectKind, now, before ranking) changes {
	c := changes{Title: r.T("subject_"+kind.of) + " · " + r.measureName(kind.of), Known: len(before) > 0}
	var all []change
	for _, object := range now {
		then := before.find(object.Object)
		switch {
		case object.few || len(before) == 0:
		case then == nil && len(c.New) < mostChanges:
			c.New = append(c.New, r.named(kind, &object))
		case then != nil && !then.few:
			all = append(all, r.change(kind, &object, then))
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(math.Abs(b.by), math.Abs(a.by)) })
	for _, one := range all {
		switch {
		case one.by > 0 && len(c.Rising) < mostChanges:
			c.Rising = append(c.Rising, one)
		case one.by < 0 && len(c.Falling) < mostChanges:
			c.Falling = append(c.Falling, one)
		}
	}
	return c
}

// change compares an object with itself. What would be written alike is no change.
func (r *reading) change(kind objectKind, now, then *ranked) change {
	is, was := measureOf(now.Averages, r.view.By), measureOf(then.Averages, r.view.By)
	c := change{
		Name: r.named(kind, now),
		Sign: r.signed(is - was),
		Text: r.T("change_text", "Then", r.Number(was), "RankThen", r.Integer(then.rank), "Now", r.Number(is), "RankNow", r.Integer(now.rank)),
		by:   is - was,
	}
	if r.Number(is) == r.Number(was) {
		c.by = 0
	}
	return c
}

// named returns the name of an object for a sentence or a list.
func (r *reading) named(kind objectKind, object *ranked) ColumnCell {
	c := r.objectCell(kind, object.Labels, object.Object)
	return ColumnCell{cell: c, Shown: c.Text}
}
