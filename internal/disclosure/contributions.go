// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Contributions has the numbers of stats, analyses and clients behind figures.
type Contributions = postgres.Contributions

// Contributions counts the stats, analyses and clients behind the figures of a period,
// or of all time if the dates of filter are zero. The ANRs of filter must be empty. Its
// type must be empty if the dates are zero; no type means all types.
//
// Where figures are suppressed, stats are added up over the weeks that may be shown.
// The numbers of analyses and clients are the highest of any week: otherwise the
// difference between a longer and a shorter period could single out one client.
func (c *Control) Contributions(ctx context.Context, filter stats.Filter) (Contributions, error) {
	types := stats.Types()
	if filter.Type != "" {
		types = []stats.Type{filter.Type}
	}
	key := cache.KeyOf("contributions", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), strconv.Itoa(c.MinClients()), c.lastDay().Format(time.DateOnly))
	return cache.Get(ctx, c.cache, key, Topics(types...), func(ctx context.Context) (Contributions, error) {
		counted, err := c.count(ctx, filter)
		if err != nil {
			return counted, fmt.Errorf("read contributions: %w", err)
		}
		return counted, nil
	})
}

func (c *Control) count(ctx context.Context, filter stats.Filter) (Contributions, error) {
	ever := filter.DateFrom.IsZero() && filter.DateTo.IsZero()
	if !c.Active() {
		if ever {
			return c.store.Totals(ctx)
		}
		return c.store.Contributions(ctx, filter)
	}
	if ever {
		filter.DateTo = c.lastDay()
	}
	filter = c.limit(filter)
	weeks, err := c.store.ContributionsByWeek(ctx, filter.DateFrom, filter.DateTo)
	if err != nil {
		return Contributions{}, err
	}
	if filter.Type != "" {
		weeks = slices.DeleteFunc(weeks, func(w postgres.WeekContributions) bool { return w.Type != filter.Type })
	}
	return c.threshold.count(weeks, filter.LocalStatsOnly), nil
}

// count adds up the weeks that may be shown.
func (k threshold) count(weeks []postgres.WeekContributions, localOnly bool) (counted Contributions) {
	type cell struct {
		statsType stats.Type
		monday    time.Time
	}
	locals, others := map[cell]Contributions{}, map[cell]Contributions{}
	cells := map[cell]bool{}
	for _, w := range weeks {
		at, of := cell{w.Type, w.Monday}, others
		if w.Local {
			of = locals
		}
		of[at], cells[at] = w.Contributions, true
	}
	for at := range cells {
		sent, rest := locals[at], others[at]
		visible := k.primary(int(sent.Clients), int(rest.Clients))
		if !visible.all || localOnly && !visible.local {
			continue
		}
		if !localOnly {
			sent = Contributions{
				Stats: sent.Stats + rest.Stats, Analyses: sent.Analyses + rest.Analyses, Clients: sent.Clients + rest.Clients,
			}
		}
		counted.Stats += sent.Stats
		counted.Analyses = max(counted.Analyses, sent.Analyses)
		counted.Clients = max(counted.Clients, sent.Clients)
	}
	return counted
}
