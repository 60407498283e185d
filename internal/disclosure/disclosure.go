// SPDX-License-Identifier: AGPL-3.0-or-later

// Package disclosure reads the figures that the public may see. It implements
// statistical disclosure control: figures with fewer clients than the k-anonymity
// threshold are suppressed (primary suppression), and so are figures that would reveal a
// suppressed one (complementary suppression).
//
// Differences between answers are safe too: every answer is made of cells, and each cell
// is either always or never shown. A cell is one key of one type in one week. See
// docs/adr/0014-disclosure-control.md.
package disclosure

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Options are what a Control needs.
type Options struct {
	Store    postgres.SumStore
	Cache    *cache.Cache
	Now      func() time.Time
	Location *time.Location // decides which day "today" is
	// MinClients is the k-anonymity threshold: figures with fewer clients behind them
	// are suppressed. A value of 1 or less suppresses nothing.
	MinClients int
	// MinAnalyses is how many analyses must be behind a figure that a client compares
	// its own with. A value of 1 or less allows any number.
	MinAnalyses int
}

// Control is the only path from the database to public figures.
type Control struct {
	clients   postgres.SumStore // for requests of clients
	store     postgres.SumStore
	cache     *cache.Cache
	now       func() time.Time
	location  *time.Location
	threshold threshold

	minAnalyses int
}

// New returns a Control for the figures of a store.
func New(o Options) *Control {
	return &Control{o.Store, o.Store.ForPublic(), o.Cache, o.Now, o.Location, threshold(o.MinClients), o.MinAnalyses}
}

// ForClients returns a Control for requests that are limited by client: they do not wait
// for the public.
func (c *Control) ForClients() *Control {
	own := *c
	own.store = c.clients
	return &own
}

// MinClients returns the k-anonymity threshold, at least 1.
func (c *Control) MinClients() int { return max(int(c.threshold), 1) }

// Active reports whether figures are suppressed at all.
func (c *Control) Active() bool { return c.threshold > 1 }

// Today returns midnight UTC of the current day in the configured time zone.
func (c *Control) Today() time.Time { return stats.Today(c.now(), c.location) }

// TopicClients is the cache topic of clients and their coordinates.
const TopicClients = string(postgres.ChangeClients)

// Topics returns the cache topics of stats of these types.
func Topics(types ...stats.Type) []string {
	topics := make([]string, len(types))
	for i, t := range types {
		topics[i] = string(t)
	}
	return topics
}

// DailySums returns the daily sums that filter selects. Where figures are suppressed,
// it returns weekly sums dated on the Monday. The type and both dates of filter are
// required; its ANRs must be empty.
func (c *Control) DailySums(ctx context.Context, filter stats.Filter) ([]processor.DailySum, error) {
	if c.Active() {
		filter = c.limit(filter)
	}
	sums, err := c.store.DailySums(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	if !c.Active() || len(sums) == 0 {
		return sums, nil
	}
	visible, err := c.disclosed(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	return visible.only(weeklySums(sums), filter.LocalStatsOnly), nil
}

// disclosed decides which figures of the period may be shown, for all clients and for
// local ones. The result is cached: it takes reading all stats of the period, and many
// pages need the same one.
func (c *Control) disclosed(ctx context.Context, filter stats.Filter) (disclosed, error) {
	key := cache.KeyOf("disclosed", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.Itoa(c.MinClients()))
	return cache.Get(ctx, c.cache, key, Topics(filter.Type), func(ctx context.Context) (disclosed, error) {
		behind, err := c.store.ClientsBehind(ctx, ofAllClients(filter), nil, c.MinClients(), monday)
		if err != nil {
			return nil, err
		}
		return c.threshold.disclose(filter.Type, behind), nil
	})
}

// ofAllClients extends the filter to all clients: which figures of local clients may be
// shown depends on the others.
func ofAllClients(filter stats.Filter) stats.Filter {
	filter.LocalStatsOnly = false
	return filter
}
