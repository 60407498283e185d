package dashboard

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// guard is the only way from the database to what the public sees. It keeps back
// what fewer than minClients clients stand behind, also what could be computed
// from several answers: everything public is made of parts, each of them shown
// always or never. A part is one key of one type in one week. See docs/adr.
type guard struct {
	store      *postgres.Store
	answers    *answer.Cache
	minClients int
	today      time.Time
}

// newGuard returns the guard of a request.
func newGuard(o Options) guard {
	return guard{o.Store, o.answers(), o.MinClients, stats.Today(o.Now(), o.Location)}
}

// active tells whether figures are kept back at all.
func (g guard) active() bool { return g.minClients > 1 }

// weekOf is the Monday of the week of a day.
var weekOf = startOf(groupWeek)

// sunday is the last day of the week of a day.
func sunday(day time.Time) time.Time { return weekOf(day).AddDate(0, 0, 6) }

// lastDay is the end of the last week that is over: in a week that is not, the
// figures of today less those of yesterday are those of one client.
func (g guard) lastDay() time.Time { return weekOf(g.today).AddDate(0, 0, -1) }

// weekly makes the period of a view one of whole weeks.
func (g guard) weekly(v view) view {
	if !g.active() {
		return v
	}
	v.Weekly = true
	if v.Days > 0 {
		v.From, v.To = g.lastDays(v.Days)
		return v
	}
	v.From, v.To = g.wholeWeeks(v.From, v.To)
	return v
}

// lastDays is the period of so many days up to today, which is included, or as
// many and more in whole weeks.
func (g guard) lastDays(days int) (from, to time.Time) {
	if !g.active() {
		return g.today.AddDate(0, 0, -days), g.today
	}
	return weekOf(g.lastDay().AddDate(0, 0, -days)), g.lastDay()
}

// wholeWeeks widens a period to the weeks that it touches, without those that
// are not over, unless there are no others.
func (g guard) wholeWeeks(from, to time.Time) (first, last time.Time) {
	first, last = weekOf(from), sunday(to)
	if until := g.lastDay(); last.After(until) && first.Before(until) {
		last = until
	}
	return first, last
}

// limit is the filter for the weeks that may be shown.
func (g guard) limit(filter stats.Filter) stats.Filter {
	filter.DateFrom, filter.DateTo = g.wholeWeeks(filter.DateFrom, filter.DateTo)
	if until := g.lastDay(); filter.DateTo.After(until) {
		filter.DateTo = until
	}
	return filter
}

// sums returns the daily sums that filter asks for. Where few clients are
// protected, these are sums of weeks, with the date of the Monday.
func (g guard) sums(ctx context.Context, filter stats.Filter) ([]processor.DailySum, error) {
	if g.active() {
		filter = g.limit(filter)
	}
	sums, err := g.store.DailySums(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	if !g.active() || len(sums) == 0 {
		return sums, nil
	}
	shown, err := g.shown(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	return shown.only(addWeeks(sums), filter.LocalStatsOnly), nil
}

// shown tells which figures of the period may be shown. Finding out takes reading
// all its stats, and many pages ask the same, so that it is kept until one of
// these stats changes. Both views of a period are decided about together.
func (g guard) shown(ctx context.Context, filter stats.Filter) (shownParts, error) {
	key := answer.KeyOf("shown", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.Itoa(g.minClients))
	encoded, err := g.answers.Do(ctx, key, topicsOf(filter.Type), func(ctx context.Context) ([]byte, error) {
		behind, err := g.store.ClientsBehind(ctx, wholeOf(filter), nil, g.minClients, weekOf)
		if err != nil {
			return nil, err
		}
		return json.Marshal(g.choose(filter.Type, behind).keys())
	})
	if err != nil {
		return nil, err
	}
	var keys []*shownKey
	if err := json.Unmarshal(encoded.Body(), &keys); err != nil {
		return nil, fmt.Errorf("read kept figures: %w", err)
	}
	return partsOf(keys), nil
}

// contributions counts what stands behind the figures of a period, or of all
// times where its dates are zero.
func (g guard) contributions(ctx context.Context, filter stats.Filter) (postgres.Contributions, error) {
	name := []string{"contributions", filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), strconv.Itoa(g.minClients), g.lastDay().Format(time.DateOnly)}
	encoded, err := g.answers.Do(ctx, answer.KeyOf(name...), topicsOf(stats.Types()...), func(ctx context.Context) ([]byte, error) {
		counted, err := g.count(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("read contributions: %w", err)
		}
		return json.Marshal(counted)
	})
	if err != nil {
		return postgres.Contributions{}, err
	}
	var counted postgres.Contributions
	if err := json.Unmarshal(encoded.Body(), &counted); err != nil {
		return postgres.Contributions{}, fmt.Errorf("read kept contributions: %w", err)
	}
	return counted, nil
}

// count is contributions without looking at what is kept.
func (g guard) count(ctx context.Context, filter stats.Filter) (postgres.Contributions, error) {
	ever := filter.DateFrom.IsZero() && filter.DateTo.IsZero()
	if !g.active() {
		if ever {
			return g.store.Totals(ctx)
		}
		return g.store.Contributions(ctx, filter)
	}
	if ever {
		filter.DateTo = g.lastDay()
	}
	filter = g.limit(filter)
	weeks, err := g.store.ContributionsByWeek(ctx, filter.DateFrom, filter.DateTo)
	if err != nil {
		return postgres.Contributions{}, err
	}
	return g.countShown(weeks, filter.LocalStatsOnly), nil
}

// countShown adds up the stats of the weeks that may be shown. Analyses and
// clients are the most of any week: those of a longer period less those of a
// shorter one would be those of a single client.
func (g guard) countShown(weeks []postgres.WeekContributions, localOnly bool) (counted postgres.Contributions) {
	type part struct {
		statsType stats.Type
		monday    time.Time
	}
	locals, others := map[part]postgres.Contributions{}, map[part]postgres.Contributions{}
	parts := map[part]bool{}
	for _, w := range weeks {
		at, of := part{w.Type, w.Monday}, others
		if w.Local {
			of = locals
		}
		of[at], parts[at] = w.Contributions, true
	}
	for at := range parts {
		sent, rest := locals[at], others[at]
		allShown, localShown := g.enough(int(sent.Clients), int(rest.Clients))
		if !localOnly {
			sent = postgres.Contributions{
				Stats: sent.Stats + rest.Stats, Analyses: sent.Analyses + rest.Analyses, Clients: sent.Clients + rest.Clients,
			}
		}
		if localOnly && !localShown || !allShown {
			continue
		}
		counted.Stats += sent.Stats
		counted.Analyses = max(counted.Analyses, sent.Analyses)
		counted.Clients = max(counted.Clients, sent.Clients)
	}
	return counted
}
