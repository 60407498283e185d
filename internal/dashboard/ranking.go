// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// ranked is an object with the contributors behind its figures.
type ranked struct {
	processor.ObjectSeries
	support disclosure.Support
	few     bool // fewer analyses than rankings want
	rank    int  // from the highest value on; 0: it is not ranked
}

// ranking has all objects of a period, the highest value first. Those with too few
// analyses come last.
type ranking []ranked

// ranking reads the objects of a period.
func (r *requestContext) ranking(kind objectKind, v view, parts disclosure.Parts) (ranking, error) {
	var objects processor.Series
	var supports disclosure.Supports
	var group errgroup.Group
	group.Go(func() error {
		sums, err := r.sums(kind.statsType, v)
		if err == nil {
			objects, err = processed[processor.Series](kind.processor, sums)
		}
		return err
	})
	group.Go(func() (err error) {
		supports, err = r.opts.Figures.Support(r.ctx, v.filter(kind.statsType), parts)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := make(ranking, len(objects))
	for i, object := range objects {
		support := supports[stats.Key{Object: object.Object}]
		all[i] = ranked{ObjectSeries: object, support: support, few: r.few(support.Analyses)}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(
			compareFlags(a.few, b.few),
			cmp.Compare(measureOf(b.Averages, r.view.By), measureOf(a.Averages, r.view.By)),
			strings.Compare(r.Label(a.Labels, a.Object), r.Label(b.Labels, b.Object)),
			strings.Compare(a.Object, b.Object))
	})
	for i := range all {
		if !all[i].few {
			all[i].rank = i + 1
		}
	}
	return all, nil
}

// few reports whether there are too few analyses for a ranking.
func (r *requestContext) few(analyses int) bool {
	return r.opts.MinAnalyses > 1 && analyses < r.opts.MinAnalyses
}

func compareFlags(a, b bool) int {
	if a == b {
		return 0
	}
	if b {
		return -1
	}
	return 1
}

// ranked returns the objects with enough analyses in the given order, or all objects if
// none has enough.
func (all ranking) ranked(order string) ranking {
	n := slices.IndexFunc(all, func(object ranked) bool { return object.few })
	if n <= 0 {
		n = len(all)
	}
	shown := slices.Clone(all[:n])
	if order == orderLowest {
		slices.Reverse(shown)
	}
	return shown
}

// find returns an object, or nil if it is missing.
func (all ranking) find(object string) *ranked {
	i := slices.IndexFunc(all, func(one ranked) bool { return one.Object == object })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// measureIndex has the position of each measure among the values of stats.
var measureIndex = map[string]int{byOccurrence: 0, byMaxRisk: 1, byProbability: 2}

// spread returns the middle half of the analyses that have the object, or nil if it is
// unknown or there are too few analyses.
func (o *ranked) spread(by string) *chart.Spread {
	if o.support.Spread == nil || o.few || o.support.Analyses < 2 {
		return nil
	}
	q := o.support.Spread[measureIndex[by]]
	return &chart.Spread{Low: q.Low, Median: q.Median, High: q.High}
}

// shareScale gives several bar charts the same scale, which ends at a round value, so
// that they can be compared.
func shareScale(figures ...*figure) {
	highest := 0.0
	for _, f := range figures {
		highest = max(highest, f.Chart.(chart.Bars).Highest())
	}
	for _, f := range figures {
		bars := f.Chart.(chart.Bars)
		bars.Max = chart.RoundUp(highest)
		f.Chart = bars
	}
}

// signed writes a change with its sign, or says that there is none.
func (l locale) signed(now, before float64) string {
	switch by := now - before; {
	case !l.differ(now, before):
		return l.T("unchanged")
	case by > 0:
		return "+" + l.Number(by)
	default:
		return "−" + l.Number(-by)
	}
}

// differ reports whether two values and their difference show, with the digits that are
// written.
func (l locale) differ(now, before float64) bool {
	return l.Number(now) != l.Number(before) && !isZero(l.Number(now-before))
}

// isZero reports whether a written number has no digit but zero.
func isZero(written string) bool { return !strings.ContainsAny(written, "123456789") }
