// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"context"
	"fmt"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// requestContext is what the figures of one request are built from: language, view and
// sources.
type requestContext struct {
	locale
	ctx  context.Context
	view view
	opts *PageOptions
	// client is the client that compares its figures with everybody's; nil: none.
	client *stats.Client
}

// sums returns the public daily sums of a type in a period.
func (r *requestContext) sums(t stats.Type, v view) ([]processor.DailySum, error) {
	return r.opts.Figures.DailySums(r.ctx, v.filter(t))
}

// objectLink returns the page of an object or, if that is turned off, its entry on the
// object platform.
func (r *requestContext) objectLink(kind objectKind, object string) string {
	if !r.opts.isActive(pageStats) {
		return r.mospLink(object)
	}
	return prefix.Of(r.ctx) + kind.path(object) + "?" + r.view.common().Encode()
}

// mospLink returns the entry of an object on the MOSP platform, or "" if none is
// configured.
func (r *requestContext) mospLink(object string) string {
	if r.opts.MOSPURL == "" {
		return ""
	}
	return r.opts.MOSPURL + "/object/" + object
}

// contributions counts the contributors behind the figures of a period.
func (r *requestContext) contributions(v view) (disclosure.Contributions, error) {
	return r.opts.Figures.Contributions(r.ctx, v.filter(""))
}

// behind says how many analyses and organisations are behind the figures of a type.
func (r *requestContext) behind(t stats.Type) (string, error) {
	behind, _, err := r.allBehind(t)
	return behind, err
}

// allBehind returns the text of behind, and says if there are few analyses. It is for
// charts whose figures all have the same contributors.
func (r *requestContext) allBehind(t stats.Type) (behind, few string, err error) {
	counted, err := r.opts.Figures.Contributions(r.ctx, r.view.filter(t))
	if err != nil {
		return "", "", err
	}
	return r.behindText(counted.Analyses, counted.Clients), r.fewAnalyses(int(counted.Analyses)), nil
}

func (r *requestContext) behindText(analyses, organisations int64) string {
	if analyses == 0 {
		return ""
	}
	return r.T("behind", "Analyses", r.T("analyses", "Count", analyses), "Organisations", r.T("organisations", "Count", organisations))
}

// totals counts the contributors over all time.
func (r *requestContext) totals() (disclosure.Contributions, error) {
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
