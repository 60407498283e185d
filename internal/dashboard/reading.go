package dashboard

import (
	"context"
	"fmt"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// reading is what building the figures of one request needs.
type reading struct {
	locale
	ctx  context.Context
	view view
	opts *PageOptions
}

// sums returns the daily sums of a type in a period as far as the public may see
// them.
func (r *reading) sums(t stats.Type, v view) ([]processor.DailySum, error) {
	return r.opts.Figures.DailySums(r.ctx, v.filter(t))
}

// objectLink is the page of an object on the MOSP platform.
func (r *reading) objectLink(object string) string {
	if r.opts.MOSPURL == "" {
		return ""
	}
	return r.opts.MOSPURL + "/object/" + object
}

// contributions counts what stands behind the figures of a period.
func (r *reading) contributions(v view) (disclosure.Contributions, error) {
	return r.opts.Figures.Contributions(r.ctx, v.filter(""))
}

// totals counts what there is at all.
func (r *reading) totals() (disclosure.Contributions, error) {
	return r.opts.Figures.Contributions(r.ctx, stats.Filter{})
}

// processed runs a processor that is known to have results of type T.
func processed[T any](name string, sums []processor.DailySum) (T, error) {
	chosen, err := processor.Choose(name, "")
	if err != nil {
		var none T
		return none, err
	}
	result, ok := chosen.Process(sums, nil).(T)
	if !ok {
		return result, fmt.Errorf("%s has results of another type than %T", name, result)
	}
	return result, nil
}
