// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"math"
	"slices"
)

// changes are the objects of a kind that changed most since the previous period.
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

	was, is float64
	by      float64 // 0: the values look alike when written
}

// maxChanges is how many risers, fallers and new objects are listed.
const maxChanges = 3

// changes compares the ranked objects of two periods. Ranks count from the highest
// value, whatever the order of the page.
func (r *requestContext) changes(kind objectKind, now, before ranking) changes {
	c := changes{Title: r.T("subject_"+kind.of) + " · " + r.measureName(kind.of), Known: len(now) > 0 && len(before) > 0}
	var all []change
	for _, object := range now {
		then := before.find(object.Object)
		switch {
		case object.few || len(before) == 0:
		case then == nil && len(c.New) < maxChanges:
			c.New = append(c.New, r.named(kind, &object))
		case then != nil && !then.few:
			all = append(all, r.change(kind, &object, then))
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(math.Abs(b.by), math.Abs(a.by)) })
	for _, one := range all {
		switch {
		case one.by > 0 && len(c.Rising) < maxChanges:
			c.Rising = append(c.Rising, one)
		case one.by < 0 && len(c.Falling) < maxChanges:
			c.Falling = append(c.Falling, one)
		}
	}
	return c
}

// change compares an object in two periods.
func (r *requestContext) change(kind objectKind, now, then *ranked) change {
	is, was := measureOf(now.Averages, r.view.By), measureOf(then.Averages, r.view.By)
	c := change{
		was: was, is: is,
		Name: r.named(kind, now),
		Sign: r.signed(is, was),
		Text: r.T("change_text", "Then", r.Number(was), "RankThen", r.Integer(then.rank), "Now", r.Number(is), "RankNow", r.Integer(now.rank)),
	}
	if r.differ(is, was) {
		c.by = is - was
	}
	return c
}

// named returns the name of an object for a sentence or a list.
func (r *requestContext) named(kind objectKind, object *ranked) ColumnCell {
	c := r.objectCell(kind, object.Labels, object.Object)
	return ColumnCell{cell: c, Shown: c.Text}
}
